"""People as administrations really have them: whose numbers, dates, records and references are not in order.

In each `Known`, the first holder of `where` is the one where something is wrong; the others have the person right.
"""

from typing import Final

from testbed.people.known import Known

NEIGHBOUR: Final = Known("999970008", "1950-01-11", ("reggerbrug", "weefgetouw", "brinkhof"))
"""Nothing is wrong with the neighbour, except that records of others point to this person by mistake."""

WRONG_BSN_ON_ONE_RECORD: Final = Known("999970045", "1951-02-12", ("reggerbrug", "brinkhof"))
"""One Observation refers to the right Patient, and beside it names the neighbour's number."""

TWO_BSNS: Final = Known("999970070", "1952-03-13", ("weefgetouw", "brinkhof"))
"""The Patient carries two numbers: this one and the neighbour's."""

WITHOUT_BSN: Final = Known("999970100", "1953-04-14", ("losserveld", "brinkhof"))
"""The ambulance never learned the number: the Patient has none, and cannot be found there."""

WITHOUT_BIRTH_DATE: Final = Known("999970136", "1954-05-15", ("marksveen", "brinkhof"))
"""The Patient has no date of birth."""

OTHER_BIRTH_DATE: Final = Known("999970173", "1955-06-16", ("reggerbrug", "brinkhof"))
"""The Patient has another date of birth (1956-05-16)."""

NEWBORN_UNDER_MOTHERS_NUMBER: Final = Known("999970203", "1994-07-17", ("dinkelhorst", "hoeseken", "brinkhof"))
"""The mother's number and date of birth; the hospital has her child, three days old, under her number too."""

MERGED: Final = Known("999970239", "1948-08-18", ("reggerbrug", "brinkhof"))
"""Two Patients at one holder, merged: one is replaced by the other, and records hang on both."""

DECEASED: Final = Known("999970264", "1939-09-19", ("brinkhof", "wieke"))
"""Died six days ago. The practice knows; home care (the second) does not yet."""

MINOR_UNDER_12: Final = Known("999970306", "2018-10-20", ("noordmarke", "brinkhof"))
"""Eight years old: a parent decides."""

MINOR_FROM_12: Final = Known("999970343", "2013-03-01", ("eschrand", "brinkhof"))
"""Thirteen years old: child and parent decide together."""

MINOR_FROM_16: Final = Known("999970379", "2010-02-02", ("eschrand", "brinkhof"))
"""Sixteen years old: decides alone, and refused at mental health care."""

REPRESENTED: Final = Known("999970409", "1988-11-21", ("spinnewiel", "waterveld"))
"""An adult for whom a mentor decides."""

ENTERED_IN_ERROR: Final = Known("999970434", "1957-12-22", ("dinkelhorst", "brinkhof"))
"""An allergy and a result of somebody else were written down here, and marked as entered in error."""

SUPERSEDED: Final = Known("999970471", "1958-01-23", ("dinkelhorst", "twickelaar"))
"""A letter replaced by a newer one, and a preliminary result that the laboratory corrected (same order number)."""

PARTIAL_DATES: Final = Known("999970501", "1959-02-24", ("reggerbrug", "brinkhof"))
"""A year only, a year and a month, and a moment without a zone (which FHIR forbids, and sources send)."""

CONTAINED_OTHER: Final = Known("999970537", "1960-03-25", ("weefgetouw", "brinkhof"))
"""A report about this person, in which a contained result is about the neighbour's Patient record."""

LOGICAL_OTHER: Final = Known("999970562", "1961-04-26", ("reggerbrug", "brinkhof"))
"""A problem of this person, stated by a patient with the neighbour's number."""

UNTIDY_PEOPLE: Final[dict[str, Known]] = {
    "neighbour": NEIGHBOUR,
    "wrong-bsn-on-one-record": WRONG_BSN_ON_ONE_RECORD,
    "two-bsns": TWO_BSNS,
    "without-bsn": WITHOUT_BSN,
    "without-birth-date": WITHOUT_BIRTH_DATE,
    "other-birth-date": OTHER_BIRTH_DATE,
    "newborn-under-mothers-number": NEWBORN_UNDER_MOTHERS_NUMBER,
    "merged": MERGED,
    "deceased": DECEASED,
    "minor-under-12": MINOR_UNDER_12,
    "minor-from-12": MINOR_FROM_12,
    "minor-from-16": MINOR_FROM_16,
    "represented": REPRESENTED,
    "entered-in-error": ENTERED_IN_ERROR,
    "superseded": SUPERSEDED,
    "partial-dates": PARTIAL_DATES,
    "contained-other": CONTAINED_OTHER,
    "logical-other": LOGICAL_OTHER,
}

TWIN_DECIMALS: Final = Known("999970598", "1962-05-27", ("twickelaar", "dinkelhorst"))
"""The same result under the same number, 37.5 at one holder and 37.50 at the other: two statements."""

TWIN_STATUS: Final = Known("999970628", "1963-06-28", ("twickelaar", "dinkelhorst"))
"""The same result under the same number, final at one holder and preliminary at the other: two statements."""

TWIN_ORDER_NUMBER: Final = Known("999970665", "1964-07-29", ("twickelaar", "dinkelhorst"))
"""The same value at the same moment under two order numbers: two statements."""

TWIN_MEDICATION: Final = Known("999970690", "1965-08-30", ("dinkelhorst", "reggerbrug"))
"""The same agreement in the same words under the same number, for another product: two statements."""

TWIN_IDENTICAL: Final = Known("999970720", "1966-09-30", ("twickelaar", "dinkelhorst"))
"""The same result under the same number, equal to the digit: one statement with two origins."""

#: Pairs of statements that look alike; only the last pair may be folded.
TWINS: Final[dict[str, Known]] = {
    "decimals": TWIN_DECIMALS,
    "status": TWIN_STATUS,
    "order-number": TWIN_ORDER_NUMBER,
    "medication": TWIN_MEDICATION,
    "identical": TWIN_IDENTICAL,
}
