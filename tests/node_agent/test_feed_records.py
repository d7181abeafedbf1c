"""What HL7 v2 messages say, as records: byte for byte where digits count, and refused where nobody could know what is meant."""

from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accord.terms.faults import BadInput
from accord.terms.identifiers import RecordRef
from node_agent.feed_settings import FeedSettings
from node_agent.feeding.er7 import read_message
from node_agent.feeding.refusing import MessageRefused
from node_agent.feeding.understanding import reading_of, understand
from node_agent.feeding.values import number
from testbed.contracts.records import ANNA, BERT
from tests.node_agent.feed_messages import SETTINGS, Fed, admission, header, lines, obr, obx, pid, result

pytestmark = pytest.mark.anyio


@pytest.fixture
def fed(tmp_path: Path) -> Fed:
    """A store to feed."""
    return Fed(tmp_path)


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("37.50", b"37.50"),
        ("0.010", b"0.010"),
        ("-4", b"-4"),
        ("+5", b"5"),
        ("007", b"7"),
        (".5", b"0.5"),
        ("5.", b"5"),
        ("000.00", b"0.00"),
        ("12345678901234567890.1", b"12345678901234567890.1"),
    ],
)
def test_p13_digits_are_kept_as_they_were_sent(sent: str, kept: bytes) -> None:
    found = number(sent)

    assert found is not None
    assert bytes(found) == kept


@pytest.mark.parametrize("sent", ["", "37,50", "1e5", "٣٧", "1 2", ".", "-", "--1", "NaN"])
def test_what_is_no_number_is_none(sent: str) -> None:
    assert number(sent) is None


@pytest.mark.parametrize(
    ("kind", "value", "kept"),
    [
        ("NM", "37.50", {"valueQuantity": {"value": "37.50", "unit": "mg/L", "system": "http://unitsofmeasure.org", "code": "mg/L"}}),
        ("NM", "<5", {"valueQuantity": {"value": 5, "comparator": "<", "unit": "mg/L", "system": "http://unitsofmeasure.org", "code": "mg/L"}}),
        ("NM", "37,50", {"valueString": "37,50 mg/L"}),
        ("NM", "5^10", {"valueString": "5^10 mg/L"}),
        ("ST", "geen groei^ na 48 uur & 37 graden", {"valueString": "geen groei^ na 48 uur & 37 graden mg/L"}),
        ("SN", ">=^90.0", {"valueQuantity": {"value": "90.0", "comparator": ">=", "unit": "mg/L", "system": "http://unitsofmeasure.org", "code": "mg/L"}}),
        ("SN", "^2^+", {"valueString": "2+ mg/L"}),
        ("ST", "vrij \\T\\ blij \\S\\ \\X41\\\\.br\\twee", {"valueString": "vrij & blij ^ A\ntwee mg/L"}),
        ("TX", "een~twee", {"valueString": "een\ntwee"}),
        (
            "CWE",
            "260385009^negatief^SCT",
            {"valueCodeableConcept": {"coding": [{"system": "http://snomed.info/sct", "code": "260385009", "display": "negatief"}]}},
        ),
        ("CE", "^vrije tekst & meer", {"valueCodeableConcept": {"text": "vrije tekst & meer"}}),
        ("ST", "<5", {"valueString": "<5 mg/L"}),
        ("DT", "20261112", {"valueDateTime": "2026-11-12"}),
        ("TS", "202611120815", {"valueDateTime": "2026-11-12T08:15:00+01:00"}),
        ("TS", "20260712081500.12+0530", {"valueDateTime": "2026-07-12T08:15:00.12+05:30"}),
        ("TS", "202607120815", {"valueDateTime": "2026-07-12T08:15:00+02:00"}),
        ("TM", "0815", {"valueTime": "08:15:00"}),
        ("NM", "", {}),
        ("NM", '""', {}),
    ],
)
async def test_a_value_stays_what_it_was(fed: Fed, kind: str, value: str, kept: dict[str, Any]) -> None:
    assert fed.take(result(value, kind=kind)) == ["AA"]
    (found,) = await fed.of_type("Observation")

    assert {name: member for name, member in found.items() if name.startswith("value")} == kept


@pytest.mark.parametrize(("kind", "value"), [("NM", "5~6"), ("CE", "1^een^L~2^twee^L"), ("SN", "<^5~>^7"), ("DT", "20261112~20261113")])
async def test_several_values_of_one_result_are_refused_for_none_of_them_is_the_value(fed: Fed, kind: str, value: str) -> None:
    assert fed.take(result(value, kind=kind)) == ["AE unsupported-value"]
    assert await fed.records() == []


async def test_a_note_is_whole_also_where_a_sign_in_it_was_not_escaped(fed: Fed) -> None:
    fed.take(lines(header(), pid(), obr(), obx(), "NTE|1||geen A & B^ wel C", "NTE|2||regel twee"))
    (found,) = await fed.of_type("Observation")

    assert found["note"] == [{"text": "geen A & B^ wel C\nregel twee"}]


async def test_a_remark_on_an_order_is_not_lost_where_there_are_no_reports(tmp_path: Path) -> None:
    fed = Fed(tmp_path, FeedSettings(senders=["LIS|TWK"], reports=False))
    fed.take(lines(header(), pid(), obr(), "NTE|1||sterk hemolytisch", obx(), "NTE|1||dubbel bepaald"))
    (found,) = await fed.of_type("Observation")

    assert found["note"] == [{"text": "dubbel bepaald\nsterk hemolytisch"}]


@pytest.mark.parametrize(("letter", "status"), [("A", "preliminary"), ("R", "preliminary"), ("S", "registered"), ("C", "corrected"), ("F", "final")])
async def test_where_a_result_says_nothing_of_its_status_the_word_of_its_order_counts_as_it_is_meant_there(fed: Fed, letter: str, status: str) -> None:
    fed.take(lines(header(), pid(), obr(status=letter), obx(status="")))
    (found,) = await fed.of_type("Observation")

    assert found["status"] == status


async def test_a_result_has_its_patient_order_code_status_and_moment(fed: Fed) -> None:
    more = "|||20261111093000|||||||||Lab Twickelaar^^^^^VEKTIS&2.16.528.1.1007.3.3&ISO^^^^90001005"
    line = obx("4.1", code="2823-3^kalium^LN^K^Kalium^NHG45", sub="1", status="P", more=more).replace("|UCUM|||||", "|UCUM|3.5-5.0|L|||")
    fed.take(lines(header(), pid(), obr(), line, "NTE|1||licht hemolytisch"))
    (found,) = await fed.of_type("Observation")

    assert found["status"] == "preliminary"
    assert [coding.get("system") for coding in found["code"]["coding"]] == [
        "http://loinc.org",
        "https://referentiemodel.nhg.org/tabellen/nhg-tabel-45-diagnostische-bepalingen",
    ]
    assert found["effectiveDateTime"] == "2026-11-11T09:30:00+01:00"
    assert found["performer"] == [
        {"type": "Organization", "identifier": {"system": "http://fhir.nl/fhir/NamingSystem/ura", "value": "90001005"}, "display": "Lab Twickelaar"}
    ]
    assert found["note"] == [{"text": "licht hemolytisch"}]
    (report,) = await fed.of_type("DiagnosticReport")
    assert report["result"] == [{"reference": f"Observation/{found['id']}"}]
    assert report["subject"] == found["subject"]


async def test_ids_come_from_sender_order_code_and_sub_id_and_from_nothing_else(tmp_path: Path) -> None:
    ids = []
    for folder, message in (("one", result("1", "7")), ("two", result("2", "8", changed="20261113081500+0100", bsn=BERT))):
        (tmp_path / folder).mkdir()
        fed = Fed(tmp_path / folder)
        fed.take(message)
        ids.append([record["id"] for record in await fed.of_type("Observation", ANNA if folder == "one" else BERT)])

    assert ids[0] == ids[1]


async def test_numbers_of_the_chosen_authority_are_the_ids(tmp_path: Path) -> None:
    fed = Fed(tmp_path, FeedSettings(senders=["LIS|TWK"], number_authority="TWK", order_lines="urn:x", reports=False))
    fed.take(lines(header(), pid(number="41"), obr("ORD-1"), obx("34", sub="2", more="||||||||||7^TWK||Lab^^^^^TWK^^^^1")))
    patient, found = await fed.records()

    assert (patient["id"], found["id"]) == ("41", "7")
    assert found["identifier"] == [{"system": "urn:x", "value": "ORD-1.2"}]
    assert found["performer"] == [{"reference": "Organization/1", "display": "Lab"}]


async def test_a_patient_has_what_the_administration_told(fed: Fed) -> None:
    more = "||Wolbers&&Wolbers^Dina^J^^^^L||19420314|F|||Noaberpad 7^^Marksveen^^7591 SA^NL^H||053-5550184^PRN^CP" + "|" * 16 + "20261111|Y"
    fed.take(admission("A31", person=pid(more=more), visit=""))
    (found,) = await fed.records()

    assert found["name"] == [{"use": "official", "text": "Dina J Wolbers", "family": "Wolbers", "given": ["Dina", "J"]}]
    assert (found["birthDate"], found["gender"], found["deceasedDateTime"]) == ("1942-03-14", "female", "2026-11-11")
    assert found["address"] == [{"use": "home", "line": ["Noaberpad 7"], "city": "Marksveen", "postalCode": "7591 SA", "country": "NL"}]
    assert found["telecom"] == [{"system": "phone", "value": "053-5550184", "use": "mobile"}]


async def test_a_specimen_stands_beside_its_results(fed: Fed) -> None:
    spm = "SPM|1|S-1||119364003^serum^SCT" + "|" * 13 + "202611120800|202611120900"
    fed.take(lines(header(), pid(), obr(), obx(), spm))
    (specimen,), (found,) = await fed.of_type("Specimen"), await fed.of_type("Observation")

    assert found["specimen"] == {"reference": f"Specimen/{specimen['id']}"}
    assert specimen["collection"] == {"collectedDateTime": "2026-11-12T08:00:00+01:00"}


async def test_a_letter_is_a_binary_in_its_own_bytes_that_the_report_refers_to(fed: Fed) -> None:
    fed.take(lines(header(), pid(), obr(), obx("^AP^PDF^Base64^JVBERi0=", kind="ED", code="L^brief^L")))
    (report,) = await fed.of_type("DiagnosticReport")
    (form,) = report["presentedForm"]
    async with fed.source() as source:
        attachment = await source.attachment(form["url"])

        assert attachment is not None
        assert (attachment.content_type, b"".join([chunk async for chunk in attachment.chunks])) == ("application/pdf", b"%PDF-")
    assert form["contentType"] == "application/pdf"


async def test_p13_of_its_message_a_record_shows_what_it_was_made_of(fed: Fed) -> None:
    fed.take(result("37.50"))
    (found,) = await fed.of_type("Observation")
    async with fed.source() as source:
        original = await source.original(RecordRef("Observation", found["id"]))

        assert original is not None
        assert original.content_type == "x-application/hl7-v2+er7"
        assert original.content.split(b"\r")[2] == obx("37.50").encode()
        assert original.record == (await source.read([RecordRef("Observation", found["id"])]))[RecordRef("Observation", found["id"])]
        assert await source.original(RecordRef("Observation", "9")) is None
        assert source.mapping.startswith("hl7v2-to-r4 ")


@pytest.mark.parametrize(
    ("message", "told"),
    [
        (b"MSH", "AE malformed-message"),
        (b"rubbish \xff\x00", "AE wrong-charset"),
        (lines(header(), obr(), obx()), "AE malformed-message"),
        (lines(header(), pid(), pid(BERT), obr(), obx()), "AE malformed-message"),
        (lines(header(), pid(), obx()), "AE malformed-message"),
        (lines(header(), pid(), "OBR|1", obx()), "AE malformed-message"),
        (lines(header(), pid(), obr(changed="gisteren"), obx()), "AE malformed-message"),
        (lines(header(), pid(), obr(changed="20261301"), obx()), "AE malformed-message"),
        (lines(header(""), pid(), obr(), obx()), "AE malformed-message"),
        (lines(header(), pid(bsn=""), obr(), obx()), "AE no-bsn"),
        (lines(header(), pid("123456789"), obr(), obx()), "AE invalid-bsn"),
        (lines(header(), pid().replace("~", f"~{BERT}^^^NLMINBIZA^NNNLD~"), obr(), obx()), "AE several-bsns"),
        (lines(header(), pid(), obr(), obx("a^b", kind="RP")), "AE unsupported-value"),
        (lines(header(), pid(), obr(), obx("x", kind="XYZ")), "AE unsupported-value"),
        (lines(header(), pid(), obr(), obx("^AP^PDF^Base64^§§", kind="ED")), "AE malformed-message"),
        (lines(header(kind="MDM^T02"), pid()), "AR unsupported-message"),
        (lines(header(kind="ADT^A99"), pid()), "AR unsupported-message"),
        (lines(header().replace("|P|2.5", "|T|2.5"), pid(), obr(), obx()), "AR unsupported-message"),
        (lines(header().replace("|P|2.5", "|P|3.0"), pid(), obr(), obx()), "AR unsupported-message"),
        (lines(header().replace("|LIS|", "|LIS2|"), pid(), obr(), obx()), "AR sender-unknown"),
        (lines(header(more="||||||8859/1"), pid(), obr(), obx()) + b"NTE|1||\x85\r", "AE wrong-charset"),
        (lines(header(more="||||||UNICODE UTF-8"), pid(), obr(), obx()) + b"NTE|1||\xe9\r", "AE wrong-charset"),
        (lines(header(more="||||||EBCDIC"), pid(), obr(), obx()), "AE wrong-charset"),
        (lines(header(), pid(), obr(), *([obx()] * 4_100)), "AE too-large"),
        (lines(header(), pid(), obr(), obx("^" * 61_000)), "AE too-large"),
    ],
)
async def test_what_cannot_be_taken_is_refused_with_a_code_and_leaves_nothing(fed: Fed, message: bytes, told: str) -> None:
    assert fed.take(message) == [told]
    assert await fed.records() == []
    assert fed.taking.counts == {told.partition(" ")[2]: 1}


@pytest.mark.parametrize(("charset", "codec"), [("", "latin-1"), ("8859/1", "latin-1"), ("UNICODE UTF-8", "utf-8"), ("8859/15", "iso8859-15")])
async def test_names_are_read_in_the_charset_that_the_message_names(fed: Fed, charset: str, codec: str) -> None:
    message = lines(header(more=f"||||||{charset}"), pid(more="||Çelik-Ypeij^Zoë"), obr(), obx()).decode("latin-1").encode(codec)
    assert fed.take(message) == ["AA"]

    assert (await fed.of_type("Patient"))[0]["name"][0]["text"] == "Zoë Çelik-Ypeij"


def test_other_separators_are_read_as_well() -> None:
    message = read_message(b"MSH*:;!@*LIS*TWK\rNTE*1**a:b@c;d!F!e\r", charset="8859/1")

    assert message.segments[1].repetitions(3) == ((("a",), ("b", "c")), (("d*e",),))


@given(st.binary(max_size=300) | st.text(alphabet="MSHPIDOBXR|^~\\&\r19.-", max_size=300).map(lambda text: f"MSH|^~\\&|{text}".encode()))
def test_whatever_comes_is_read_or_refused_with_a_code(content: bytes) -> None:
    with suppress(MessageRefused):
        assert understand(read_message(content, charset="8859/1"), reading_of(SETTINGS, b"s")).drafts


@pytest.mark.parametrize("setting", [FeedSettings(zone="Europe/Nergens"), FeedSettings(code_systems=["TWK"])])
def test_a_wrong_setting_is_said_before_a_store_is_made(tmp_path: Path, setting: FeedSettings) -> None:
    with pytest.raises(BadInput, match="invalid-setting"):
        Fed(tmp_path, setting)

    assert not (tmp_path / "records.db").exists()
