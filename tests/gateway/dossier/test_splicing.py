"""The merged view's splices: right on every JSON text, and taken back to the very byte."""

import gzip
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accord.terms.faults import BadInput, Fault
from accord.terms.identifiers import HolderName
from gateway.dossier.scanning import names_in, surely_named_in
from gateway.dossier.splicing import _quickly_spliced, _surely_spliced, parse_union_id, splice, splices, union_id, union_reference, unsplice

WIEKE = HolderName("de-wieke")
BASE = "https://gateway.example/fhir"
AWAY = f"{BASE}/at/de-wieke"
LONGEST = 64 - len("de-wieke.")
LONG = "a" * (LONGEST + 1)


def spliced(text: str, holder: HolderName = WIEKE) -> str:
    """The record in the merged view; on the way, that both ways agree and that the splices can be taken back."""
    record = text.encode()
    quick, sure = _quickly_spliced(record, holder), _surely_spliced(record, holder, BASE)
    result = splice(record, holder, BASE)

    assert result == sure
    assert quick in (None, sure)
    assert unsplice(result.content, holder, BASE) == record
    return result.content.decode()


def test_an_id_and_a_relative_reference_get_the_holders_name() -> None:
    text = '{"resourceType":"Observation","id":"1","subject":{"reference":"Patient/7"},"valueQuantity":{"value":37.50}}'

    assert spliced(text) == ('{"resourceType":"Observation","id":"de-wieke.1","subject":{"reference":"Patient/de-wieke.7"},"valueQuantity":{"value":37.50}}')


def test_37_50_stays_37_50_and_so_does_every_other_byte() -> None:
    text = '{ "resourceType" : "Observation",\r\n\t"id" : "crp" , "note":[{"text":"caf\\u00e9 \\"37.50\\""}], "valueQuantity":{"value":37.50,"unit":"mg\\/l"} }'

    assert spliced(text) == text.replace('"crp"', '"de-wieke.crp"')


@pytest.mark.parametrize(
    "reference",
    [
        "#x",
        "#",
        "urn:uuid:5a1d",
        "https://elders.example/fhir/Patient/7",
        "Patient?identifier=7",
        "Patient",
        "Patient/",
        "patient/7",
        "Patient/7#a",
        "Patient/a_b",
    ],
)
def test_what_is_no_relative_reference_stays(reference: str) -> None:
    text = f'{{"resourceType":"Basic","id":"1","subject":{{"reference":"{reference}"}}}}'

    assert spliced(text) == text.replace('"1"', '"de-wieke.1"')


def test_a_version_stays_behind_its_reference() -> None:
    text = '{"resourceType":"Basic","id":"1","subject":{"reference":"Patient/7/_history/2"}}'

    assert '"Patient/de-wieke.7/_history/2"' in spliced(text)


def test_only_the_records_own_id_is_spliced_wherever_it_stands() -> None:
    text = (
        '{"contained":[{"resourceType":"Medication","id":"1","ingredient":[{"itemReference":{"reference":"#1"}}]}],'
        '"extension":[{"id":"1","url":"http://x.example","valueReference":{"reference":"Device/1"}}],'
        '"medicationReference":{"reference":"#1"},"id":"1","resourceType":"MedicationRequest"}'
    )

    assert spliced(text) == text.replace('},"id":"1","resourceType"', '},"id":"de-wieke.1","resourceType"').replace("Device/1", "Device/de-wieke.1")


def test_a_contained_resource_with_the_same_id_stays_also_when_the_own_id_comes_first() -> None:
    text = '{"resourceType":"MedicationRequest","id":"1","contained":[{"id":"1","resourceType":"Medication"}],"medicationReference":{"reference":"#1"}}'

    assert spliced(text) == text.replace('"MedicationRequest","id":"1"', '"MedicationRequest","id":"de-wieke.1"')


def test_text_that_looks_like_a_reference_is_text() -> None:
    text = json.dumps(
        {
            "resourceType": "Basic",
            "id": "1",
            "text": {"status": "generated", "div": '<div>"reference":"Patient/9" and "id":"1", \\"reference": "Patient/9"</div>'},
            "note": ["reference", "Patient/9", "id", "1"],
            "display": "ends in a backslash \\",
            'odd"reference': "Patient/9",
        }
    )

    assert spliced(text) == text.replace('"id": "1"', '"id": "de-wieke.1"', 1)


def test_a_key_that_only_ends_in_reference_is_another_key() -> None:
    text = r'{"resourceType":"Basic","id":"1","odd\"reference":"Patient/9","plain":{"reference":"Patient/7"}}'

    assert spliced(text) == text.replace('"1"', '"de-wieke.1"').replace("Patient/7", "Patient/de-wieke.7")


def test_escapes_in_keys_and_references_are_seen_through() -> None:
    text = r'{"resourceType":"Basic","\u0069d":"\u0031","subject":{"\u0072eference":"Patient\/7"},"a":{"reference":"\u0050atient/7"}}'

    assert spliced(text) == (
        r'{"resourceType":"Basic","\u0069d":"de-wieke.\u0031","subject":{"\u0072eference":"Patient\/de-wieke.7"},"a":{"reference":"\u0050atient/de-wieke.7"}}'
    )


def test_the_relative_url_of_a_binary_is_a_reference_and_another_url_is_not() -> None:
    text = '{"resourceType":"DocumentReference","id":"1","content":[{"attachment":{"url":"Binary/3"}},{"attachment":{"url":"scan/3.pdf"}}],"extension":[{"url":"Basic/1"}]}'

    expected_text = text.replace('"1","content', '"de-wieke.1","content').replace("Binary/3", "Binary/de-wieke.3")
    assert spliced(text) == expected_text
    assert spliced(text.replace("/", r"\/")) == expected_text.replace("/", r"\/")


def test_an_id_that_would_grow_too_long_stays_and_is_referred_to_absolutely() -> None:
    text = f'{{"resourceType":"Basic","id":"{LONG}","subject":{{"reference":"Patient/{LONG}"}},"author":{{"reference":"Practitioner/{"b" * LONGEST}"}}}}'

    result = spliced(text)

    assert json.loads(result) == {
        "resourceType": "Basic",
        "id": LONG,
        "subject": {"reference": f"{AWAY}/Patient/{LONG}"},
        "author": {"reference": f"{BASE}/Practitioner/de-wieke.{'b' * LONGEST}"},
    }


def test_in_a_record_that_keeps_its_id_an_attachment_is_referred_to_absolutely_too() -> None:
    text = rf'{{"resourceType":"Basic","id":"{LONG}","url":"Binary\/7","other":{{"url":"Patient/7"}},"reference":"Patient/7/_history/1"}}'

    result = spliced(text)

    assert rf'"url":"{BASE}/Binary\/de-wieke.7","other":{{"url":"Patient/7"}},"reference":"{BASE}/Patient/de-wieke.7/_history/1"' in result


def test_a_record_that_keeps_its_id_and_names_another_by_its_address_here_is_refused() -> None:
    with pytest.raises(BadInput):
        splice(f'{{"resourceType":"Basic","id":"{LONG}","subject":{{"reference":"{BASE}/Patient/de-wieke.7"}}}}'.encode(), WIEKE, BASE)

    assert f'"{BASE}/Patient/de-brink.7"' in spliced(f'{{"resourceType":"Basic","id":"{LONG}","subject":{{"reference":"{BASE}/Patient/de-brink.7"}}}}')


def test_a_long_id_that_reads_as_another_holders_is_refused() -> None:
    with pytest.raises(BadInput) as refused:
        splice(f'{{"resourceType":"Basic","id":"twickelaar.{"a" * 50}"}}'.encode(), WIEKE, BASE)

    assert refused.value.fault is Fault.INVALID_ID


def test_an_address_that_could_not_be_told_from_a_splice_is_refused_and_any_other_passes() -> None:
    with pytest.raises(BadInput):
        splice(f'{{"resourceType":"Basic","id":"1","subject":{{"reference":"{AWAY}/Patient/{LONG}"}}}}'.encode(), WIEKE, BASE)

    assert f'"{AWAY}/Patient/7"' in spliced(f'{{"resourceType":"Basic","id":"1","subject":{{"reference":"{AWAY}/Patient/7"}}}}')


def test_a_second_id_that_another_reader_might_take_is_refused() -> None:
    for second in ('"id":"1"', '"id":"2"', '"\\u0069d":"2"'):
        with pytest.raises(BadInput) as refused:
            splice(f'{{"resourceType":"Basic","id":"1","a":{{}},{second}}}'.encode(), WIEKE, BASE)

        assert refused.value.fault is Fault.DUPLICATE_KEY


def test_a_record_without_an_id_of_its_own_is_refused() -> None:
    for text in ('{"resourceType":"Basic"}', '{"resourceType":"Basic","code":{"id":"1"}}', '{"resourceType":"Basic","a":["id","1"]}', "[]"):
        with pytest.raises(BadInput) as refused:
            splice(text.encode(), WIEKE, BASE)

        assert refused.value.fault is Fault.MISSING_ID


def test_what_splice_cannot_have_made_cannot_be_taken_back() -> None:
    with pytest.raises(BadInput):
        unsplice(b'{"resourceType":"Basic","id":"1"}', WIEKE, BASE)
    with pytest.raises(BadInput):
        unsplice(b'{"resourceType":"Basic","id":"de-wieke.1","subject":{"reference":"Patient/7"}}', WIEKE, BASE)


def test_an_id_of_the_merged_view_splits_in_one_way() -> None:
    assert parse_union_id("dinkelhorst.1") == (HolderName("dinkelhorst"), "1")
    assert parse_union_id("dinkelhorst.1.2") == (HolderName("dinkelhorst"), "1.2")
    for text in ("1", "Noaber.1", ".1", "a.", "2.16.840", "wieke/1", "wieke.a_b", "wieke." + "a" * 59):
        with pytest.raises(BadInput) as refused:
            parse_union_id(text)
        assert refused.value.fault is Fault.NOT_FOUND


def test_ids_and_references_that_we_write_are_those_that_we_splice() -> None:
    for logical_id in ("1", "b" * LONGEST, LONG):
        result = json.loads(spliced(f'{{"resourceType":"Basic","id":"{logical_id}","author":{{"reference":"Device/{logical_id}"}}}}'))

        assert result["id"] == union_id(WIEKE, logical_id)
        assert result["author"]["reference"] == union_reference(WIEKE, "Device", logical_id, BASE)


# -- Any JSON text

_KEYS = st.sampled_from(["id", "reference", "url", "contained", "extension", "text", 'x"reference', "reference\\", "value", "Reference", "é"])
_NAMES = st.from_regex(r"(Patient|Binary|Basic|X)/[A-Za-z0-9.-]{1,70}(/_history/[0-9]{1,2})?", fullmatch=True)
_TRICKY = st.sampled_from(
    [
        '"reference":"Patient/1"',
        '\\"reference":"Patient/1"',
        '{"id":"1"}',
        "\\",
        "#1",
        "1",
        "Patient/1",
        "Patient/1/",
        f"Patient/{LONG}",
        f"Binary/{LONG}",
        f"{AWAY}/Patient/1",
        "id",
        "reference",
        "de-wieke.1",
        "Patient/de-wieke.1",
        "\u2028😀",
    ]
)
_STRINGS = _NAMES | _TRICKY | st.text(max_size=8)
_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 99) | _STRINGS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_KEYS, inner, max_size=4),
    max_leaves=12,
)
_IDS = st.sampled_from(["1", "Patient", "de-wieke.1", LONG, "a" * LONGEST, "id", "reference"])


@st.composite
def written(draw: st.DrawFn, value: Any) -> str:
    """*value* as JSON, with blanks and escapes wherever JSON lets them be."""
    space = st.sampled_from(["", "", "", " ", "\n\t"])
    style = draw(st.sampled_from(["plain", "escaping"]))

    def write_text(text: str) -> str:
        out = []
        for character in text:
            if character in '"\\':
                out.append("\\" + character)
            elif character < " " or (style == "escaping" and character.isascii() and draw(st.integers(0, 5)) == 0):
                out.append("\\/" if character == "/" else f"\\u{ord(character):04x}")
            else:
                out.append(character)
        return f'"{"".join(out)}"'

    def write(item: Any) -> str:
        match item:
            case dict():
                inner = ",".join(f"{draw(space)}{write_text(key)}{draw(space)}:{draw(space)}{write(each)}" for key, each in item.items())
                return f"{{{inner}{draw(space)}}}"
            case list():
                return f"[{','.join(draw(space) + write(each) for each in item)}{draw(space)}]"
            case str():
                return write_text(item)
            case _:
                return json.dumps(item)

    return write(value)


@st.composite
def records(draw: st.DrawFn) -> tuple[dict[str, Any], str]:
    """A record with an id, its members in any order, and one way of writing it."""
    members = [("resourceType", "Basic"), ("id", draw(_IDS)), *draw(st.dictionaries(_KEYS.filter(lambda key: key != "id"), _VALUES, max_size=5)).items()]
    content = dict(draw(st.permutations(members)) if draw(st.booleans()) else members)
    return content, draw(written(content))


def expected(content: dict[str, Any]) -> dict[str, Any]:
    """What the merged view must say, worked out on the parsed record."""

    def named(value: str, key: str) -> str:
        match = re.fullmatch(r"([A-Z][A-Za-z]+)/([A-Za-z0-9.-]{1,64})(/_history/[A-Za-z0-9.-]{1,64})?", value)
        if match is None or (key == "url" and match[1] != "Binary"):
            return value
        # Under the holder's own base a relative reference would be taken for the holder's.
        home = f"{BASE}/" if len(content["id"]) > LONGEST else ""
        return f"{AWAY}/{value}" if len(match[2]) > LONGEST else f"{home}{match[1]}/de-wieke.{match[2]}{match[3] or ''}"

    def inside(value: Any) -> Any:
        match value:
            case dict():
                return {key: named(each, key) if key in ("reference", "url") and isinstance(each, str) else inside(each) for key, each in value.items()}
            case list():
                return [inside(each) for each in value]
        return value

    result: dict[str, Any] = inside(content)
    return result | {"id": union_id(WIEKE, content["id"])}


@given(records())
def test_every_record_is_spliced_where_it_must_be_and_taken_back_to_the_byte(record: tuple[dict[str, Any], str]) -> None:
    content, text = record

    result = spliced(text)

    assert json.loads(result) == expected(content)


@given(records())
def test_a_splice_only_inserts(record: tuple[dict[str, Any], str]) -> None:
    text = record[1].encode()
    found, _ = splices(text, WIEKE, BASE)
    content = splice(text, WIEKE, BASE).content

    assert all(length == 0 for _, length, _ in found)
    assert len(content) == len(text) + sum(len(replacement) for _, _, replacement in found)


@given(records())
def test_the_quick_way_finds_what_the_sure_way_finds(record: tuple[dict[str, Any], str]) -> None:
    text = record[1].encode()

    assert names_in(text) == surely_named_in(text)


# -- Real records


def real_records(root: Path) -> Iterator[bytes]:
    """Every R4 resource under *root*: files with their own bytes, entries of Bundles written again."""
    for path in sorted(root.rglob("*.json*")):
        if "stu3" in str(path):
            continue
        text = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        try:
            content = json.loads(text)
        except ValueError:
            continue
        if isinstance(content, dict) and "resourceType" in content:
            yield text
            for number, entry in enumerate(content.get("entry", [])):
                if isinstance(resource := entry.get("resource"), dict):
                    whole = {"id": f"entry-{number}", **resource}
                    yield json.dumps(whole, ensure_ascii=False).replace('"urn:uuid:', '"Basic/').encode()


@pytest.mark.slow
@pytest.mark.parametrize("folder", ["dutch", "consent", "synthetic/synthea-hiv"])
def test_every_real_record_comes_back_to_the_byte(shared_data: Path, folder: str) -> None:
    seen = 0
    for text in real_records(shared_data / folder):
        try:
            result = splice(text, WIEKE, BASE)
        except BadInput as refused:
            if refused.fault not in (Fault.MISSING_ID, Fault.INVALID_ID):
                raise
            continue
        seen += 1

        assert unsplice(result.content, WIEKE, BASE) == text
        assert result == _surely_spliced(text, WIEKE, BASE)
        assert json.loads(result.content) == expected(json.loads(text))
        if seen >= 1_500:
            break

    assert seen > 20
