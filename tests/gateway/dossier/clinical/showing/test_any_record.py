"""Whatever a record looks like, a line comes of it, and its numbers stay as they were."""

import json
from typing import Any, Final

from hypothesis import given
from hypothesis import strategies as st

from accord.terms.records import TYPE_CODE
from gateway.dossier.clinical.concepts import table
from gateway.dossier.clinical.showing import show
from gateway.dossier.clinical.showing.line import FORMS
from gateway.dossier.clinical.shown import Shown
from gateway.dossier.clinical.trees import Tree, read_tree

NAMES: Final = (
    "code coding text display system reference value valueQuantity valueString unit extension modifierExtension url status category component "
    "medicationReference dosageInstruction timing repeat doseAndRate doseQuantity performer actor participant member item answer section entry "
    "contained id resourceType name family given telecom address identifier period start end low high numerator denominator goal activity detail "
    "interpretation reaction manifestation bodySite hasMember result target payload content attachment clinicalStatus onsetDateTime _status div "
    "provision actor type class reasonReference ingredient itemReference practitioner organization referenceRange subject device frequency"
).split()
KINDS: Final = sorted({*TYPE_CODE, *FORMS})

leaves = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=12)
    | st.sampled_from(("Patient/1", "#1", "2024-05-01", "2024-05-01T10:00:00Z", "0001-01-01T00:00:00+14:00", "http://snomed.info/sct", "final", "<b>x"))
)
json_values = st.recursive(leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=5), max_leaves=30)


def nowhere(_: str) -> Tree | None:
    return None


def all_of(shown: Shown) -> str:
    details = [f"{one.label}\n{one.text}" for one in shown.details]
    return "\n".join((shown.what, shown.value, shown.when, shown.author, shown.state, *details))


def read(record: dict[str, Any]) -> Tree:
    return read_tree(json.dumps(record).encode())


@given(st.sampled_from(KINDS), st.dictionaries(st.sampled_from(NAMES), json_values, max_size=8), st.sampled_from(("nl", "en")))
def test_no_shape_of_a_record_raises_and_every_record_is_called_something(kind: str, members: dict[str, Any], language: Any) -> None:
    tree = read({**members, "resourceType": kind})

    assert show(tree, lambda _: tree, language, table()).what
    assert show(tree, nowhere, language, table()).what


@given(st.sampled_from(KINDS), st.sampled_from(NAMES), json_values)
def test_an_element_of_any_shape_does_no_harm_to_a_sound_record(kind: str, name: str, value: Any) -> None:
    sound = {"resourceType": kind, "code": {"text": "natrium"}, "status": "final", "valueQuantity": {"value": 141, "unit": "mmol/L"}}

    assert show(read(sound | {name: value}), nowhere, "nl", table()).what


def test_records_that_refer_to_each_other_in_a_circle_come_to_an_end() -> None:
    circle = {
        f"Observation/{number}": read(
            {
                "resourceType": "Observation",
                "code": {"text": f"deel {number}"},
                "hasMember": [{"reference": f"Observation/{other}"} for other in range(30)],
                "focus": [{"reference": f"Observation/{other}"} for other in range(30)],
                "medicationReference": {"reference": f"Observation/{number}"},
            }
        )
        for number in range(30)
    }

    shown = show(circle["Observation/1"], circle.get, "nl", table())

    assert "deel 29" in all_of(shown)


def test_what_is_nested_without_end_is_said_to_go_on_in_the_original() -> None:
    item: dict[str, Any] = {"linkId": "1", "text": "diepst"}
    for _ in range(120):
        item = {"linkId": "1", "text": "v", "item": [item]}

    shown = show(read({"resourceType": "QuestionnaireResponse", "item": [item]}), nowhere, "nl", table())

    assert "(meer in het origineel)" in all_of(shown)


@given(
    st.from_regex(r"-?(0|[1-9][0-9]{0,12})(\.[0-9]{1,8})?([eE][+-]?[0-9]{1,3})?", fullmatch=True),
    st.sampled_from(("Observation", "Immunization", "MedicationDispense", "Basic")),
)
def test_a_number_is_the_text_that_the_source_wrote(number: str, kind: str) -> None:
    amount = '{"value":' + number + ',"unit":"mg"}'
    inside = {"Observation": "valueQuantity", "Immunization": "doseQuantity", "MedicationDispense": "quantity", "Basic": "amount"}[kind]
    tree = read_tree(
        f'{{"resourceType":"{kind}","code":{{"text":"x"}},"{inside}":{amount},"component":[{{"code":{{"text":"y"}},"valueQuantity":{amount}}}]}}'.encode()
    )

    assert f"{number} mg" in all_of(show(tree, nowhere, "nl", table()))


@given(st.text(max_size=80))
def test_markup_of_a_narrative_is_never_put_out(inside: str) -> None:
    tree = read({"resourceType": "Basic", "text": {"div": f"<div><script>kwaad</script><p>{inside}</p>&lt;img src=x&gt; K &lt; 3,5</div>"}})

    told = all_of(show(tree, nowhere, "nl", table()))

    assert "<img" not in told
    assert "<p" not in told
    assert "kwaad" not in told or "kwaad" in inside


def test_a_narrative_keeps_what_is_no_markup() -> None:
    tree = read({"resourceType": "Basic", "text": {"div": '<div xmlns="x"><p>K &lt; 3,5 en</p><p>Na &amp; Cl</p></div>'}})

    assert "K < 3,5 en; Na & Cl" in all_of(show(tree, nowhere, "nl", table()))


def test_an_addition_that_may_change_the_meaning_stands_above_everything_else() -> None:
    tree = read(
        {"resourceType": "Observation", "code": {"text": "x"}, "note": [{"text": "n"}], "modifierExtension": [{"url": "http://x/y", "valueBoolean": True}]}
    )

    first = show(tree, nowhere, "nl", table()).details[0]

    assert first.text == "Dit gegeven heeft een toevoeging die de betekenis kan veranderen; zie het origineel."


def test_the_number_of_a_citizen_is_not_put_on_a_line() -> None:
    bsn = {"system": "http://fhir.nl/fhir/NamingSystem/bsn", "value": "999911120"}
    tree = read({"resourceType": "Patient", "identifier": [bsn], "name": [{"text": "A"}], "link": [{"other": {"identifier": bsn}}]})

    assert "999911120" not in all_of(show(tree, nowhere, "nl", table()))


def test_an_attachment_with_an_address_that_runs_in_a_browser_is_no_attachment() -> None:
    content = [{"attachment": {"contentType": "text/html", "url": url, "title": "brief"}} for url in ("javascript:alert(1)", "data:text/html,x", "Binary/1")]

    shown = show(read({"resourceType": "DocumentReference", "content": content}), nowhere, "nl", table())

    assert [one.url for one in shown.attachments] == ["Binary/1"]


def test_a_short_word_that_stands_in_front_is_said_again_under_another_label() -> None:
    tree = read(
        {"resourceType": "Observation", "code": {"text": "roken"}, "valueBoolean": True, "effectiveDateTime": "2024", "issued": "2024", "besproken": True}
    )

    assert {(one.label, one.text) for one in show(tree, nowhere, "nl", table()).details} == {("Besproken", "ja"), ("Vrijgegeven", "2024")}


def test_the_same_word_under_two_labels_is_said_under_both() -> None:
    tree = read({"resourceType": "Basic", "code": {"text": "x"}, "afspraak": {"besproken": True, "vastgelegd": True}})

    assert [one.text for one in show(tree, nowhere, "nl", table()).details] == ["besproken: ja; vastgelegd: ja"]
