"""Step 1, the emergency department: the docstring of each function is the must-hold, its body the check."""

from collections.abc import Callable
from typing import Any, Final

from accord.terms.answers import Ending
from accord.terms.vocabulary import Section
from testbed.asking import Dossier, HolderAnswer
from testbed.demo_merged import MergedRecord
from testbed.people import DINA_EGFR_NUMBER, DINA_HOSPITAL_ADMISSION
from testbed.people.wishes import HOSPITAL_ADMISSION, RESUSCITATION
from testbed.story_evidence import BRIEF_SECONDS, Night, expect, the_only


def ten_holders_asked(night: Night) -> str:
    """Ten holders asked: 6 answered, 1 unreachable with its telephone number, 1 too late, 2 nothing shown."""
    full = night.full
    expect(len(full.asked), 10, "holders asked")
    counted = {ending.value: number for ending, number in full.completeness.items() if ending is not Ending.NOT_ASKED}
    expect(counted, {"answered": 6, "nothing-shown": 2, "too-late": 1, "unreachable": 1}, "endings")
    expect((full.holders["marksveen"].ending, full.holders["marksveen"].telephone), (Ending.UNREACHABLE, "053-5550104"), "the post")
    return "6 answered, 1 unreachable, 1 too late, 2 nothing shown"


def every_holder_has_one_line(night: Night) -> str:
    """Every holder of the register ends in exactly one ending, and every asked one has one last word."""
    register = [holder.name.value for holder in night.region.holders]
    expect((night.full.conserves(register), night.brief.conserves(register)), (True, True), "conservation")
    return f"{len(register)} lines"


def refusal_looks_like_nothing(night: Night) -> str:
    """De Eschrand, which Dina refused, and 't Weefgetouw, which knows nothing, differ by nothing but their name."""
    full = night.full
    expect(_told(full, "eschrand"), _told(full, "weefgetouw"), "what is told of both")
    for name in ("eschrand", "weefgetouw"):
        expect(_unnamed(full.holders[name]), _unnamed(night.warm.holders[name]), f"{name}, about Dina and about nobody")
        expect([issue for issue in _issues(night) if night.title(name) in issue and "opie" not in issue], [], f"remarks on {name} in FHIR")
    return "same ending, same events, same account; and the same as for somebody whom neither knows"


def the_frozen_one_delays_nobody(night: Night) -> str:
    """The frozen ambulance delays nobody: all others end before it gives out, but for the slow pharmacy."""
    ended = {name: line.elapsed_ms for name, line in night.full.holders.items() if line.ending is not Ending.NOT_ASKED}
    late = {name: spent for name, spent in ended.items() if name not in ("losserveld", "vijzelmarke") and spent > ended["losserveld"]}
    expect(late, {}, "holders that ended after the frozen one, in ms")
    return f"the frozen one gave out at {ended['losserveld']} ms"


def within_two_seconds(night: Night) -> str:
    """Within 2 s there is everything but the slow pharmacy, the frozen ambulance and the dead post."""
    missing = {name for name, line in night.brief.holders.items() if line.ending.leaves_a_gap}
    expect(missing, {"vijzelmarke", "losserveld", "marksveen"}, "not heard")
    expect(night.brief.seconds <= BRIEF_SECONDS, True, f"the answer was there at {night.brief.seconds:.2f} s")
    return f"{len(night.brief.records)} records in {night.brief.seconds:.2f} s"


def medication_names_the_pharmacy(night: Night) -> str:
    """Medication says that the pharmacy was not heard yet, and no longer says so when it was."""
    expect("vijzelmarke" in night.brief.sections[Section.MEDICATION].missing, True, "the pharmacy is named after 2 s")
    expect("vijzelmarke" in night.full.sections[Section.MEDICATION].missing, False, "the pharmacy is named after it answered")
    expect("vijzelmarke" in night.brief.sections[Section.LAB].missing, False, "the pharmacy is named at Lab")
    return f"answered after {night.full.holders['vijzelmarke'].elapsed_ms} ms"


def both_apixaban(night: Night) -> str:
    """Apixaban 2 × 2.5 mg of the hospital and 2 × 5 mg of the pharmacy both appear."""
    found = {(holder, product) for holder in ("dinkelhorst", "vijzelmarke") for product in _products(night.full, holder)}
    expect(found >= {("dinkelhorst", "Apixaban tablet 2,5mg"), ("vijzelmarke", "Apixaban tablet 5mg")}, True, f"products: {sorted(found)}")
    return "2,5 mg and 5 mg"


def no_cpr_and_the_older_yes(night: Night) -> str:
    """No CPR of De Brinkhof and De Wieke's older yes are both there, each with its date."""
    wishes = [record for record in night.merged.of_type("Consent") if RESUSCITATION[0].encode() in record.json]
    said = sorted((*record.origins, _answer(record.content), str(record.content["dateTime"])[:10]) for record in wishes)
    # Its STU3 server's JA is told as R4 has it; a planted region keeps it in a store, as it was written.
    older = "permit" if night.region.files["wieke"].is_older else "JA"
    expect(said, [("Huisartsen De Brinkhof", "deny", "2026-11-07"), ("Thuiszorg De Wieke", older, "2021-04-08")], "wishes on CPR")
    return "no of 2026, yes of 2021"


def yes_but_in_full(night: Night) -> str:
    """Hospital admission "ja, mits" is there in full, and nobody made a yes or a no of it."""
    wishes = [record for record in night.full.of("brinkhof", "Consent") if HOSPITAL_ADMISSION[0].encode() in record.json]
    wish = the_only(wishes, "wishes on hospital admission").content
    expect(wish["modifierExtension"][0]["valueString"], DINA_HOSPITAL_ADMISSION, "the text")
    expect("type" in wish["provision"], False, "provision.type is there")
    return "the text in full, no provision.type"


def penicillin_confirmed_and_refuted(night: Night) -> str:
    """The penicillin allergy stands twice: confirmed by Dinkelhorst, refuted by Reggerbrug."""
    found = [(record.origins, record.content["verificationStatus"]["coding"][0]["code"]) for record in night.merged.of_type("AllergyIntolerance")]
    expect(sorted(found), [((night.title("dinkelhorst"),), "confirmed"), ((night.title("reggerbrug"),), "refuted")], "allergies")
    return "side by side"


def egfr_once_with_two_origins(night: Night) -> str:
    """The eGFR is shown once, with two origins."""
    found = _with_number(night, DINA_EGFR_NUMBER)
    expect(len(found), 1, "times that the eGFR is shown")
    expect(sorted(found[0].origins), sorted((night.title("dinkelhorst"), night.title("twickelaar"))), "its origins")
    expect(len([one for one in night.full.records if DINA_EGFR_NUMBER.encode() in one.json]), 2, "times that it arrived over gRPC")
    return " + ".join(found[0].origins)


def crp_stays_37_50(night: Night) -> str:
    """37.50 stays 37.50: the CRP reaches the reader byte for byte as the laboratory has it."""
    held = the_only([record for record in night.full.of("twickelaar", "Observation") if b'"CRP"' in record.json], "CRPs over gRPC")
    kept = night.region.kept("twickelaar")[held.ref]
    shown = night.merged.by_ref[f"Observation/twickelaar.{held.ref.removeprefix('Observation/')}"]
    expect(shown.content["valueQuantity"]["value"], "37.50", "the value in the merged view")
    expect((held.json == kept, night.at("twickelaar", held.ref) == kept), (True, True), "equal to the source's bytes, over gRPC and at the holder's base")
    return "37.50, all bytes equal to the source's"


def both_observation_1(night: Night) -> str:
    """Both Observation/1 are there, each its own: the hospital's and the laboratory's."""
    for holder in ("dinkelhorst", "twickelaar"):
        held = the_only([record for record in night.full.of(holder) if record.ref == "Observation/1"], f"Observation/1 of {holder}")
        expect(f"Observation/{holder}.1" in night.merged.by_ref, True, f"Observation/{holder}.1 in the merged view")
        expect(night.at(holder, "Observation/1") == held.json, True, f"Observation/1 at {holder}'s base is the same")
    expect(night.at("dinkelhorst", "Observation/1") == night.at("twickelaar", "Observation/1"), False, "they are equal")
    return "Observation/dinkelhorst.1 and Observation/twickelaar.1"


FACTS: Final[tuple[Callable[[Night], str], ...]] = (
    ten_holders_asked,
    every_holder_has_one_line,
    refusal_looks_like_nothing,
    the_frozen_one_delays_nobody,
    within_two_seconds,
    medication_names_the_pharmacy,
    both_apixaban,
    no_cpr_and_the_older_yes,
    yes_but_in_full,
    penicillin_confirmed_and_refuted,
    egfr_once_with_two_origins,
    crp_stays_37_50,
    both_observation_1,
)


def _told(dossier: Dossier, holder: str) -> list[object]:
    """Everything that was told of a holder, without name, number, telephone, kind and time."""
    told: list[object] = []
    for _, event in dossier.messages:
        match event.WhichOneof("event"):
            case "status" if event.status.holder == holder:
                told.append(("status", event.status.state, event.status.code, event.status.records))
            case "batch" if event.batch.holder == holder:
                told.append("batch")
            case "closed" if event.closed.holder == holder:
                closed = event.closed
                told.append(("closed", closed.ending, closed.code, closed.counts.SerializeToString(), closed.HasField("said")))
    line = dossier.holders[holder]
    told.append((line.ending.value, line.records, line.code))
    told.append([section.section.value for section in dossier.sections.values() if holder in section.missing])
    return told


def _unnamed(line: HolderAnswer) -> tuple[object, ...]:
    return (line.ending, line.records, line.code, line.copy, line.data_as_of_ms)


def _issues(night: Night) -> list[str]:
    return [issue.get("details", {}).get("text", "") for outcome in night.merged.outcomes for issue in outcome["issue"]]


def _products(dossier: Dossier, holder: str) -> set[str]:
    """The products that a holder's medication records refer to, followed at that holder."""
    held = {record.ref: record.content for record in dossier.of(holder)}
    found = set()
    for record in held.values():
        reference = record.get("medicationReference", {}).get("reference", "")
        if record["resourceType"] in ("MedicationRequest", "MedicationDispense") and reference in held:
            found.add(str(held[reference]["code"]["text"]))
    return found


def _answer(wish: dict[str, Any]) -> str:
    """Yes or no in the codes of 2020, or in those of 2017."""
    decided = wish.get("provision", {}).get("type")
    return str(decided or wish["modifierExtension"][0]["valueCodeableConcept"]["coding"][0]["code"])


def _with_number(night: Night, number: str) -> list[MergedRecord]:
    records = night.merged.of_type("Observation")
    return [record for record in records if any(entry.get("value") == number for entry in record.content.get("identifier", []))]
