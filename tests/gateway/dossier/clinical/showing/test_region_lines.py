"""What the simulated region writes down, as it stands on the screen: one golden line for each kind of record, in both languages."""

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, Final

import pytest

from gateway.dossier.clinical.concepts import table
from gateway.dossier.clinical.showing import show
from gateway.dossier.clinical.shown import Shown
from gateway.dossier.clinical.trees import Tree, read_tree, text
from node_agent.converting.stu3 import Converter
from testbed.people import generate
from testbed.people.older import older

Line = tuple[str, str, str, str, str]

INTERNIST: Final = "Berendina Haverland, internist, Ziekenhuis Dinkelhorst"
GP: Final = "Daphne Leferdink, huisarts, Huisartsen De Brinkhof"

#: Holder, type, and what of the record's JSON tells it from others of its type -> what, value, when, author, state.
GOLDEN: Final[Mapping[tuple[str, str, str], Line]] = {
    ("dinkelhorst", "AllergyIntolerance", "penicilline"): ("penicilline", "anafylaxie, ernstig; hoog risico", "2011", INTERNIST, ""),
    ("dinkelhorst", "MedicationRequest", "MA-4056"): ("Apixaban tablet 2,5mg", "2 maal per dag 1 stuk", "vanaf 6 maart 2026", INTERNIST, ""),
    ("dinkelhorst", "Observation", "TWK2611-840560.1"): ("eGFR (CKD-EPI)", "34 mL/min/1.73 m²", "12 november 2026 08:15", "Lab Twickelaar", ""),
    ("dinkelhorst", "Observation", "85354-9"): ("bloeddruk", "148/82 mmHg", "6 maart 2026 11:15", INTERNIST, ""),
    ("dinkelhorst", "Observation", "entered-in-error"): (
        "creatinine", "412 µmol/L", "12 oktober 2026 02:41", "Lab Twickelaar", "ten onrechte vastgelegd",
    ),
    ("dinkelhorst", "Condition", "gonartrose"): ("gonartrose", "", "27 oktober 2026", INTERNIST, ""),
    ("dinkelhorst", "ServiceRequest", "knieprothese"): ("totale knieprothese", "12 december 2026", "27 oktober 2026", INTERNIST, ""),
    ("dinkelhorst", "DocumentReference", "superseded"): (
        "Ontslagbrief", "", "12 september 2026 02:41", INTERNIST, "vervangen door een nieuwere versie",
    ),
    ("dinkelhorst", "Patient", "Dina"): ("Dina Olde Wolbers-Nijkamp", "geboren 14 maart 1942, vrouw", "", "", ""),
    ("dinkelhorst", "RelatedPerson", "Ria"): ("Ria Olde Wolbers", "dochter, vertegenwoordiger; tel. 06-55500017 (mobiel)", "", "", ""),
    ("dinkelhorst", "Organization", "Dinkelhorst"): ("Ziekenhuis Dinkelhorst", "tel. 053-5550101 (werk)", "", "", ""),
    ("brinkhof", "Consent", "89666000"): ("cardiopulmonale resuscitatie", "niet akkoord", "7 november 2026", "", ""),
    ("brinkhof", "Immunization", ""): ("Influenzavaccin", "", "22 oktober 2026", "Huisartsen De Brinkhof", ""),
    ("vijzelmarke", "MedicationDispense", "373784005"): ("Apixaban tablet 5mg", "180 stuk", "10 november 2026 16:15", "Apotheek De Vijzelmarke", ""),
    ("vijzelmarke", "MedicationDispense", "422037009"): (
        "Apixaban tablet 5mg", "2 maal per dag 1 stuk", "vanaf 9 november 2026", "Apotheek De Vijzelmarke", "",
    ),
}  # fmt: skip

ENGLISH: Final[Mapping[tuple[str, str, str], Line]] = {
    ("dinkelhorst", "MedicationRequest", "MA-4056"): (
        "Apixaban tablet 2,5mg", "2 maal per dag 1 stuk", "from 6 March 2026", INTERNIST, "",
    ),
    ("dinkelhorst", "Observation", "entered-in-error"): ("creatinine", "412 µmol/L", "12 October 2026 02:41", "Lab Twickelaar", "entered in error"),
    ("dinkelhorst", "AllergyIntolerance", "penicilline"): ("penicilline", "anafylaxie, severe; high risk", "2011", INTERNIST, ""),
    ("brinkhof", "Consent", "89666000"): ("cardiopulmonale resuscitatie", "not agreed", "7 November 2026", "", ""),
}  # fmt: skip


@cache
def kept() -> Mapping[str, tuple[bytes, ...]]:
    region = generate(people=40)
    return {holder.name.value: tuple(region.records_at(holder.name.value)) for holder in region.holders}


def at(holder: str) -> str:
    return next(name for name in kept() if holder in name)


@cache
def records_of(holder: str) -> Mapping[str, Tree]:
    trees = [read_tree(one) for one in kept()[holder]]
    return {f"{text(one, 'resourceType')}/{text(one, 'id')}": one for one in trees}


def chosen(holder: str, kind: str, mark: str) -> bytes:
    return next(one for one in kept()[at(holder)] if read_tree(one)["resourceType"] == kind and mark in one.decode())


def line(shown: Shown) -> Line:
    return shown.what, shown.value, shown.when, shown.author, shown.state


@pytest.mark.parametrize(("which", "language", "golden"), [*((w, "nl", g) for w, g in GOLDEN.items()), *((w, "en", g) for w, g in ENGLISH.items())])
def test_a_record_of_the_region_stands_so_on_the_screen(which: tuple[str, str, str], language: Any, golden: Line) -> None:
    tree = read_tree(chosen(*which))

    assert line(show(tree, records_of(at(which[0])).get, language, table())) == golden


def everybody() -> Iterator[tuple[str, bytes]]:
    for holder, records in kept().items():
        for record in records:
            yield holder, record


@pytest.mark.slow
def test_what_a_system_of_2017_wrote_stands_on_the_screen_as_what_one_of_2020_wrote() -> None:
    """Converted and back, a line says the same, but for what 2017 has no words for."""
    converter = Converter()
    untold = {"Consent"}  # a wish of 2017 has its answer in another place, and its words
    for holder, record in everybody():
        tree = read_tree(record)
        if tree["resourceType"] in untold:
            continue
        follow = records_of(holder).get
        newer, converted = (show(one, follow, "nl", table()) for one in (tree, read_tree(converter.convert(older(record)))))

        assert (converted.what, converted.value, converted.when) == (newer.what, newer.value, newer.when)


@pytest.mark.slow
def test_every_record_of_the_region_is_called_something_and_is_by_somebody_where_it_says_who() -> None:
    for holder, record in everybody():
        tree = read_tree(record)
        shown = show(tree, records_of(holder).get, "nl", table())

        assert shown.what
        assert not any(one.text.startswith("{") for one in shown.details)
        assert shown.author or not any(name in tree for name in ("recorder", "requester", "performer", "author"))
