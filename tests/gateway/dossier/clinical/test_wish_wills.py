"""Living wills: of which kind, from when, who speaks for the patient, and where the document is."""

import pytest

from gateway.dossier.clinical.wishes import Answer, Validity
from tests.gateway.dossier.clinical.wish_records import HL7, WILLS, concept, directive, extension, living_will, notes_of, read, read_one


@pytest.mark.parametrize(
    ("code", "words"),
    [("NR", "Niet-reanimerenverklaring"), ("VOL", "Volmacht"), ("EU", "Euthanasieverzoek"), ("EUD", "Euthanasieverzoek met aanvulling dementie")],
)
def test_a_living_will_says_its_kind_and_is_never_a_yes_or_a_no(code: str, words: str) -> None:
    wish = read_one(living_will(code))

    assert (wish.answer, wish.words.nl, wish.when) == (Answer.IN_WORDS, words, "2026-01-02")


def test_a_kind_that_is_not_known_here_is_in_the_records_words() -> None:
    kind = {"code": [concept("ZZ", WILLS, "Verklaring van eigen makelij")]}

    assert read_one(living_will("NR", provision=kind)).words.nl == "Verklaring van eigen makelij"


def test_a_living_will_of_2017_has_its_kind_among_its_categories() -> None:
    category = [concept("11341000146107"), concept("NR", WILLS)]
    wish = read_one({"resourceType": "Consent", "status": "active", "category": category, "dateTime": "2018-04-09"})

    assert wish.words.nl == "Niet-reanimerenverklaring"


def test_a_living_will_tells_where_it_is_kept_and_what_was_added() -> None:
    attachment = {"contentType": "application/pdf", "title": "verklaring.pdf", "data": "JVBERi0="}
    wish = read_one(living_will("NR", sourceAttachment=attachment, extension=[extension("ext-Comment", valueString="draagt een penning")]))

    assert "Document bij de bron verklaring.pdf (application/pdf)" in notes_of(wish)
    assert "draagt een penning" in notes_of(wish)
    assert "JVBERi0=" not in repr(wish)


def test_who_speaks_for_the_patient_is_named_once_as_representative() -> None:
    daughter = {"reference": "RelatedPerson/1", "display": "Ria Wolbers"}
    provision = {"code": [concept("VOL", WILLS)], "actor": [{"role": concept("RESPRSN", HL7 + "v3-RoleCode"), "reference": daughter}]}
    wish = read_one(living_will("VOL", provision=provision, performer=[daughter]))

    assert [one.nl for one in wish.said_with] == ["Ria Wolbers (vertegenwoordiger)"]


def test_a_type_on_a_living_will_is_told_and_not_taken_for_an_answer() -> None:
    wish = read_one(living_will("NR", provision={"type": "permit", "code": [concept("NR", WILLS)]}))

    assert wish.answer is Answer.IN_WORDS
    assert "permit" in notes_of(wish)


def test_a_living_will_that_is_not_active_is_not_valid() -> None:
    wish = read_one(living_will("NR", status="rejected"))

    assert wish.validity is Validity.NOT_VALID
    assert wish.words.nl == "Geen geldige afspraak (afgewezen). Er staat: Niet-reanimerenverklaring"


def test_two_kinds_of_living_will_stand_beside_each_other() -> None:
    both = {"code": [concept("NR", WILLS), concept("VOL", WILLS)]}
    unknown = {"code": [{"text": "Brief aan de dokter"}, {"text": "Brief aan de kinderen"}]}
    found = [*read(living_will("NR", provision=both)), *read(living_will("NR", provision=unknown))]

    assert [wish.words.nl for wish in found] == ["Niet-reanimerenverklaring", "Volmacht", "Brief aan de dokter", "Brief aan de kinderen"]
    assert len({wish.about for wish in found}) == 4


def test_a_directive_names_the_living_will_that_it_refers_to() -> None:
    will = living_will("NR", id="nr")
    wish = read_one(directive("deny", sourceReference={"reference": "Consent/nr"}), will)

    assert "Gebaseerd op Niet-reanimerenverklaring 2026-01-02" in notes_of(wish)
