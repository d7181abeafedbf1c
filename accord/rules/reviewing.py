"""What a privacy officer should look at, of a period's accesses: misuse that no single question shows (attack D7).

Nothing here accuses: a finding is a reason to ask. The limits are wide on purpose, so that an ordinary month gives hardly any,
and each that is given is read.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Final
from zoneinfo import ZoneInfo

from accord.rules.budgets import Alarm
from accord.terms.evidence import TreatmentBasis
from accord.terms.identifiers import Ura
from accord.terms.vocabulary import PurposeOfUse

_HERE: Final = ZoneInfo("Europe/Amsterdam")


@dataclass(frozen=True, slots=True)
class Access:
    """One question as the journal keeps it, answered or refused. `patient` is a pseudonym.

    `treatment` is what was claimed of the treatment relationship, none where nothing was.
    """

    at: datetime
    organisation: Ura
    professional: str
    role: str
    patient: bytes = field(repr=False)
    purpose: PurposeOfUse
    treatment: TreatmentBasis | None

    @property
    def who(self) -> "Person":
        """The professional, as this organisation knows them."""
        return self.organisation, self.professional

    @property
    def day(self) -> date:
        """The day of it, here."""
        return self.at.astimezone(_HERE).date()


Person = tuple[Ura, str]


@dataclass(frozen=True, slots=True)
class ReviewLimits:
    """From where something is worth a look.

    `unrelated_patients`: of one professional in the period, without a treatment relationship. `times_the_colleagues` and
    `patients_a_day`: of one professional on one day, when both are passed. `emergency_share` and `fewest_emergencies`: of one
    organisation in the period, when both are passed. `professionals_a_day`: with one patient.
    """

    unrelated_patients: int = 10
    times_the_colleagues: float = 3.0
    patients_a_day: int = 40
    emergency_share: float = 0.05
    fewest_emergencies: int = 3
    professionals_a_day: int = 25


class FindingKind(StrEnum):
    """What was found."""

    NO_RELATION = "no-treatment-relationship"
    UNUSUALLY_MANY = "unusually-many-patients"
    EMERGENCIES = "emergencies-above-share"
    OVER_BUDGET = "over-budget"
    MANY_EYES = "one-patient-many-professionals"


@dataclass(frozen=True, slots=True)
class Finding:
    """One reason to ask. `count` against `limit`; `day` is none where the whole period counts. Empty: not about one."""

    kind: FindingKind
    count: int
    limit: int
    organisation: Ura | None = None
    professional: str = ""
    patient: bytes = field(default=b"", repr=False)
    day: date | None = None


def review(accesses: Iterable[Access], alarms: Iterable[tuple[datetime, Alarm]] = (), limits: ReviewLimits | None = None) -> tuple[Finding, ...]:
    """Look a period through. The same accesses give the same findings, in whatever order they come."""
    known, used = tuple(accesses), limits or ReviewLimits()
    found = [*_without_relation(known, used), *_unusually_many(known, used), *_emergencies(known, used), *_over_budget(alarms), *_many_eyes(known, used)]
    return tuple(sorted(found, key=_order))


def _order(finding: Finding) -> tuple[str, str, str, str, bytes]:
    return finding.kind, str(finding.day or ""), str(finding.organisation or ""), finding.professional, finding.patient


def _without_relation(accesses: tuple[Access, ...], limits: ReviewLimits) -> Iterator[Finding]:
    """Treatment as purpose, of patients whom this professional treats by nobody's word."""
    treated = {(access.who, access.patient) for access in accesses if access.treatment is not None}
    patients: defaultdict[Person, set[bytes]] = defaultdict(set)
    for access in accesses:
        # An emergency is counted as one, and whoever treats the patient on another day is no stranger.
        if access.purpose is PurposeOfUse.TREATMENT and access.treatment is None and (access.who, access.patient) not in treated:
            patients[access.who].add(access.patient)
    for (organisation, professional), of in patients.items():
        if len(of) > limits.unrelated_patients:
            yield Finding(FindingKind.NO_RELATION, len(of), limits.unrelated_patients, organisation, professional)


def _unusually_many(accesses: tuple[Access, ...], limits: ReviewLimits) -> Iterator[Finding]:
    """A relationship is easily claimed: so also who opens many more patients in a day than colleagues of the same role do."""
    patients: defaultdict[tuple[str, date, Person], set[bytes]] = defaultdict(set)
    for access in accesses:
        patients[access.role, access.day, access.who].add(access.patient)
    usual = _usual_of_colleagues({key: len(of) for key, of in patients.items()})
    for (role, day, who), of in patients.items():
        limit = max(limits.patients_a_day, int(usual[role, who] * limits.times_the_colleagues))
        if len(of) > limit:
            yield Finding(FindingKind.UNUSUALLY_MANY, len(of), limit, *who, day=day)


def _usual_of_colleagues(counts: Mapping[tuple[str, date, Person], int]) -> Mapping[tuple[str, Person], int]:
    """What the middle one of everybody else of that role opens on their own middle day; zero where there is nobody else."""
    days: defaultdict[str, defaultdict[Person, list[int]]] = defaultdict(lambda: defaultdict(list))
    for (role, _, person), count in counts.items():
        days[role][person].append(count)
    usual: dict[tuple[str, Person], int] = {}
    for role, people in days.items():
        middle = {person: sorted(of)[len(of) // 2] for person, of in people.items()}
        ranked = sorted(middle.values())
        for person, own in middle.items():
            # The middle of the others: of the ranking without one's own place in it.
            place = (len(ranked) - 1) // 2
            skipped = place + 1 if place >= ranked.index(own) else place
            usual[role, person] = ranked[skipped] if len(ranked) > 1 else 0
    return usual


def _emergencies(accesses: tuple[Access, ...], limits: ReviewLimits) -> Iterator[Finding]:
    """A patient whom a professional opens on one day counts once, however many questions that takes."""
    opened = {(access.who, access.patient, access.day) for access in accesses}
    broken = {(access.who, access.patient, access.day) for access in accesses if access.purpose is PurposeOfUse.EMERGENCY_TREATMENT}
    all_of, emergencies_of = (Counter(organisation for (organisation, _), _, _ in of) for of in (opened, broken))
    for organisation, count in emergencies_of.items():
        limit = max(int(all_of[organisation] * limits.emergency_share), limits.fewest_emergencies - 1)
        if count > limit:
            yield Finding(FindingKind.EMERGENCIES, count, limit, organisation)


def _over_budget(alarms: Iterable[tuple[datetime, Alarm]]) -> Iterator[Finding]:
    seen = Counter((alarm.organisation or alarm.gateway, alarm.professional, at.astimezone(_HERE).date(), alarm.limit) for at, alarm in alarms)
    for (organisation, professional, day, limit), count in seen.items():
        yield Finding(FindingKind.OVER_BUDGET, count, limit, organisation, professional, day=day)


def _many_eyes(accesses: tuple[Access, ...], limits: ReviewLimits) -> Iterator[Finding]:
    """One patient whom very many look up: somebody known, or a colleague."""
    people: defaultdict[tuple[bytes, date], set[Person]] = defaultdict(set)
    for access in accesses:
        people[access.patient, access.day].add(access.who)
    for (patient, day), who in people.items():
        if len(who) > limits.professionals_a_day:
            yield Finding(FindingKind.MANY_EYES, len(who), limits.professionals_a_day, patient=patient, day=day)
