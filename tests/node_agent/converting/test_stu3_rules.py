"""Each rule of the conversion from STU3 to R4, by a record of its own."""

import json
from typing import Any

import pytest

from accord.terms.faults import BadInput, Fault
from node_agent.converting.names import told_system
from node_agent.converting.stu3 import CONVERSIONS, Converter
from testbed.contracts.records import resource

OLD = "http://hl7.org/fhir/3.0/StructureDefinition/extension-"
THO = "http://terminology.hl7.org/CodeSystem/"
SUBJECT = {"reference": "Patient/a"}


def told(kind: str, **members: Any) -> dict[str, Any]:
    """A record of this type as it is told in R4."""
    found: dict[str, Any] = json.loads(Converter().convert(resource(kind, "1", **members)))
    return found


def refused(kind: str, **members: Any) -> Fault:
    """Why a record is not told in R4."""
    with pytest.raises(BadInput) as refusal:
        told(kind, **members)
    return refusal.value.fault


def kept(node: dict[str, Any], place: str) -> list[Any]:
    """What was kept of the element that has this place in STU3."""
    return [value for one in node["extension"] if one["url"] == OLD + place for name, value in one.items() if name.startswith("value")]


def text(value: str) -> dict[str, Any]:
    return {"text": value}


def to(reference: str) -> dict[str, Any]:
    return {"reference": reference}


def test_statuses_of_problems_and_allergies_become_concepts_with_what_stood_beside_them() -> None:
    beside = {"extension": [{"url": "http://nictiz.nl/fhir/StructureDefinition/code-specification", "valueCodeableConcept": text("Actueel")}]}
    problem = told("Condition", clinicalStatus="active", _clinicalStatus=beside, verificationStatus="unknown", assertedDate="2020")
    allergy = told("AllergyIntolerance", clinicalStatus="resolved", verificationStatus="entered-in-error", assertedDate="2020", patient=SUBJECT)

    assert problem["clinicalStatus"] == beside | {"coding": [{"system": THO + "condition-clinical", "code": "active"}]}
    assert "_clinicalStatus" not in problem
    assert problem["verificationStatus"] == {"extension": [{"url": OLD + "Condition.verificationStatus", "valueCode": "unknown"}]}
    assert problem["recordedDate"] == allergy["recordedDate"] == "2020"
    assert allergy["clinicalStatus"]["coding"][0]["system"] == THO + "allergyintolerance-clinical"
    assert allergy["verificationStatus"]["coding"][0]["code"] == "entered-in-error"


def test_a_context_is_an_encounter_only_where_it_says_so() -> None:
    for kind in ("Observation", "Condition", "Procedure", "DiagnosticReport", "MedicationRequest", "ProcedureRequest", "CarePlan", "CareTeam", "Communication"):
        visit, episode = told(kind, context=to("Encounter/2")), told(kind, context=to("EpisodeOfCare/2"))
        unclear = told(kind, context={"display": "consult"})

        assert visit["encounter"] == to("Encounter/2")
        assert kept(episode, f"{kind}.context") == [to("EpisodeOfCare/2")]
        assert kept(unclear, f"{kind}.context") == [{"display": "consult"}]
        assert not {"context", "encounter"} & (episode.keys() | unclear.keys())


def test_what_an_observation_is_related_to_is_told_by_how() -> None:
    found = told(
        "Observation",
        comment="nuchter",
        interpretation=text("hoog"),
        valueAttachment={"url": "Binary/7"},
        related=[
            {"type": "has-member", "target": to("Observation/2")},
            {"type": "derived-from", "target": to("Observation/3")},
            {"type": "replaces", "target": to("Observation/4")},
            {"target": to("Observation/5")},
        ],
        component=[{"code": text("x"), "interpretation": text("laag")}],
    )

    assert (found["hasMember"], found["derivedFrom"]) == ([to("Observation/2")], [to("Observation/3")])
    assert found["note"] == [text("nuchter")]
    assert found["interpretation"] == [text("hoog")]
    assert found["component"][0]["interpretation"] == [text("laag")]
    assert kept(found, "Observation.value") == [{"url": "Binary/7"}]
    assert [one["extension"] for one in found["extension"] if one["url"] == OLD + "Observation.related"] == [
        [{"url": "type", "valueCode": "replaces"}, {"url": "target", "valueReference": to("Observation/4")}],
        [{"url": "target", "valueReference": to("Observation/5")}],
    ]


def test_what_was_not_done_given_or_taken_says_so_in_its_status() -> None:
    old = {"extension": [{"url": OLD + "Procedure.status", "valueCode": "completed"}]}
    procedure = told("Procedure", status="completed", notDone=True, notDoneReason=text("weigering"))
    vaccination = told("Immunization", status="completed", notGiven=True, date="2020", explanation={"reasonNotGiven": [text("ziek")]})
    given = told("MedicationAdministration", status="completed", notGiven=True, reasonNotGiven=[text("braken")])
    handed = told("MedicationDispense", status="completed", notDone=True, notDoneReasonCodeableConcept=text("op"))
    used = told("MedicationStatement", status="active", taken="n", reasonNotTaken=[text("bijwerking")])

    assert (procedure["status"], procedure["_status"], procedure["statusReason"]) == ("not-done", old, text("weigering"))
    assert (vaccination["status"], vaccination["statusReason"], vaccination["occurrenceDateTime"]) == ("not-done", text("ziek"), "2020")
    assert (given["status"], given["statusReason"]) == ("not-done", [text("braken")])
    assert (handed["status"], handed["statusReasonCodeableConcept"]) == ("declined", text("op"))
    assert (used["status"], used["statusReason"], kept(used, "MedicationStatement.taken")) == ("not-taken", [text("bijwerking")], ["n"])


@pytest.mark.parametrize(
    ("kind", "members"),
    [
        ("Procedure", {"notDone": True}),
        ("Immunization", {"notGiven": True}),
        ("MedicationAdministration", {"notGiven": True}),
        ("MedicationDispense", {"notDone": True}),
        ("MedicationStatement", {"taken": "n"}),
        ("Communication", {"notDone": True}),
    ],
)
def test_what_was_entered_in_error_stays_so(kind: str, members: dict[str, Any]) -> None:
    assert told(kind, status="entered-in-error", **members)["status"] == "entered-in-error"


@pytest.mark.parametrize("taken", ["y", "na"])
def test_only_what_is_surely_not_taken_counts_as_not_taken(taken: str) -> None:
    found = told("MedicationStatement", status="active", taken=taken)

    assert found["status"] == "active"
    assert kept(found, "MedicationStatement.taken") == [taken]


@pytest.mark.parametrize(("status", "then"), [("active", "unknown"), ("completed", "unknown"), ("stopped", "stopped"), ("intended", "intended")])
def test_of_a_medicine_that_nobody_knows_to_be_taken_r4_does_not_say_that_it_is(status: str, then: str) -> None:
    found = told("MedicationStatement", status=status, taken="unk")

    assert found["status"] == then
    assert kept(found, "MedicationStatement.taken") == ["unk"]
    if status != then:
        assert found["_status"]["extension"] == [{"url": OLD + "MedicationStatement.status", "valueCode": status}]


@pytest.mark.parametrize(
    ("kind", "members"),
    [
        ("Procedure", {"notDoneReason": text("weigering")}),
        ("Procedure", {"notDone": False, "notDoneReason": text("weigering")}),
        ("Communication", {"notDoneReason": text("weigering")}),
        ("Immunization", {"notGiven": False, "explanation": {"reasonNotGiven": [text("ziek")]}}),
        ("MedicationAdministration", {"notGiven": False, "reasonNotGiven": [text("braken")]}),
        ("MedicationDispense", {"notDoneReasonCodeableConcept": text("op")}),
        ("MedicationStatement", {"taken": "y", "reasonNotTaken": [text("bijwerking")]}),
        ("MedicationStatement", {"taken": "unk", "reasonNotTaken": [text("bijwerking")]}),
        ("Condition", {"clinicalStatus": "active", "abatementBoolean": True}),
        ("Procedure", {"_notDone": {"extension": [{"url": "urn:x", "valueCode": "unknown"}]}}),
        ("Immunization", {"_notGiven": {"extension": [{"url": "urn:x", "valueCode": "unknown"}]}}),
    ],
)
def test_a_reason_why_not_without_the_not_is_never_told_as_a_yes(kind: str, members: dict[str, Any]) -> None:
    assert refused(kind, status="completed", **members) is Fault.NOT_CONVERTIBLE


def test_a_problem_that_is_over_by_both_its_words_is_told() -> None:
    found = told("Condition", clinicalStatus="resolved", abatementBoolean=True)

    assert kept(found, "Condition.abatement") == [True]


def test_of_a_medicine_of_which_nothing_says_that_it_is_taken_r4_does_not_say_so() -> None:
    assert told("MedicationStatement", status="active")["status"] == "unknown"


@pytest.mark.parametrize("taken", ["N", "no", True, "nee"])
def test_whether_it_is_taken_is_never_guessed_from_another_word(taken: object) -> None:
    assert refused("MedicationStatement", status="active", taken=taken) is Fault.NOT_CONVERTIBLE


@pytest.mark.parametrize(
    ("kind", "member"),
    [("MedicationAdministration", "wasNotGiven"), ("Immunization", "wasNotGiven"), ("MedicationStatement", "wasNotTaken"), ("Procedure", "notPerformed")],
)
def test_a_no_in_the_words_of_an_older_generation_is_never_told_as_a_yes(kind: str, member: str) -> None:
    for value in (True, False):
        assert refused(kind, status="completed", **{member: value}) is Fault.WRONG_FHIR_VERSION
    assert refused("Condition", contained=[{"resourceType": kind, "id": "x", member: True}]) is Fault.WRONG_FHIR_VERSION


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        ("admit-source", "CodeSystem/admit-source"),
        ("discharge-disposition", "CodeSystem/discharge-disposition"),
        ("diet", "CodeSystem/diet"),
        ("encounter-special-arrangements", "CodeSystem/encounter-special-arrangements"),
        ("medication-request-category", "CodeSystem/medicationrequest-category"),
        ("medication-dispense-category", "fhir/CodeSystem/medicationdispense-category"),
        ("medication-statement-category", "CodeSystem/medication-statement-category"),
        ("data-absent-reason", "CodeSystem/data-absent-reason"),
    ],
)
def test_code_systems_that_got_another_name_are_told_by_that_of_r4(older: str, newer: str) -> None:
    assert told_system(f"http://hl7.org/fhir/{older}") == f"http://terminology.hl7.org/{newer}"


def test_both_generations_of_searches_find_medication() -> None:
    snomed = "http://snomed.info/sct"

    def codes(kind: str, system: str, code: str) -> list[str]:
        category = told(kind, category={"coding": [{"system": system, "code": code}]})["category"]
        return [coding["code"] for coding in (category[0] if isinstance(category, list) else category)["coding"]]

    assert codes("MedicationRequest", snomed, "16076005") == ["16076005", "33633005"]
    assert codes("MedicationDispense", snomed, "422037009") == ["422037009"]
    assert codes("MedicationStatement", "urn:oid:2.16.840.1.113883.2.4.3.11.60.20.77.5.3", "6") == ["6", "422979000"]


def test_a_prescription_says_plainly_who_asked_and_what_dose() -> None:
    found = told(
        "MedicationRequest",
        intent="order",
        requester={"agent": to("Practitioner/1"), "onBehalfOf": to("Organization/1")},
        substitution={"allowed": False},
        dosageInstruction=[{"text": "1x", "doseQuantity": {"value": 1}, "rateRatio": {}}],
    )

    assert found["requester"] == to("Practitioner/1") | {
        "extension": [{"url": OLD + "MedicationRequest.requester.onBehalfOf", "valueReference": to("Organization/1")}]
    }
    assert found["substitution"] == {"allowedBoolean": False}
    assert found["dosageInstruction"] == [{"text": "1x", "doseAndRate": [{"doseQuantity": {"value": 1}, "rateRatio": {}}]}]
    assert found["_status"]["extension"][0]["valueCode"] == "unknown"


def test_a_medicine_keeps_what_r4_tells_elsewhere_or_not_at_all() -> None:
    package = {"container": text("doos"), "content": [{"itemReference": to("Medication/2"), "amount": {"value": 30}}], "batch": [{"lotNumber": "A1"}]}
    found = told("Medication", isBrand=True, package=package, ingredient=[{"itemCodeableConcept": text("x"), "amount": {"numerator": {"value": 5}}}])

    assert found["batch"] == {"lotNumber": "A1"}
    assert found["ingredient"][0]["strength"] == {"numerator": {"value": 5}}
    assert kept(found, "Medication.isBrand") == [True]
    whole = next(one for one in found["extension"] if one["url"] == OLD + "Medication.package")
    assert [one["url"] for one in whole["extension"]] == ["container", "content"]


def test_two_kinds_of_requests_become_requests_for_a_service_with_ids_that_cannot_meet() -> None:
    one = told("ProcedureRequest", status="suspended", intent="order", performer=to("Practitioner/1"), replaces=[to("ReferralRequest/3")])
    two = told(
        "ReferralRequest", status="cancelled", intent="order", type=text("verwijzing"), serviceRequested=[text("consult")], recipient=[to("Organization/1")]
    )
    several = told("ReferralRequest", status="active", intent="order", serviceRequested=[text("a"), text("b")])

    assert (one["resourceType"], one["id"], one["status"], one["performer"]) == ("ServiceRequest", "1", "on-hold", [to("Practitioner/1")])
    assert one["replaces"] == [to("ServiceRequest/referral-3")]
    assert (two["resourceType"], two["id"], two["status"]) == ("ServiceRequest", "referral-1", "revoked")
    assert (two["category"], two["code"], two["performer"]) == ([text("verwijzing")], text("consult"), [to("Organization/1")])
    assert "code" not in several
    assert kept(several, "ReferralRequest.serviceRequested") == [text("a"), text("b")]
    for kind, name in (("ProcedureRequest", "referral-1"), ("ReferralRequest", "x" * 60)):
        with pytest.raises(BadInput) as refusal:
            Converter().convert(resource(kind, name, status="active"))
        assert refusal.value.fault is Fault.NOT_CONVERTIBLE


def test_references_are_renamed_everywhere_and_in_whatever_version_but_not_in_words() -> None:
    found = told(
        "Procedure",
        basedOn=[to("ProcedureRequest/7/_history/2"), to("https://elsewhere.example/fhir/ProcedureRequest/7"), to("#7")],
        contained=[{"resourceType": "Observation", "id": "o", "basedOn": [to("ProcedureRequest/8")], "comment": "ProcedureRequest/9"}],
        extension=[{"url": "urn:x", "valueReference": to("ReferralRequest/9")}],
        note=[text("zie ProcedureRequest/7")],
    )

    assert [one["reference"] for one in found["basedOn"]] == ["ServiceRequest/7/_history/2", "https://elsewhere.example/fhir/ProcedureRequest/7", "#7"]
    assert found["contained"][0] == {"resourceType": "Observation", "id": "o", "basedOn": [to("ServiceRequest/8")], "note": [text("ProcedureRequest/9")]}
    assert found["extension"][0]["valueReference"] == to("ServiceRequest/referral-9")
    assert found["note"] == [text("zie ProcedureRequest/7")]


def test_code_systems_of_hl7_are_told_as_r4_writes_them_and_security_labels_are_found_again() -> None:
    found = told("Observation", meta={"security": [{"system": "http://hl7.org/fhir/v3/Confidentiality", "code": "R"}]}, category=[
        {"coding": [{"system": "http://hl7.org/fhir/observation-category", "code": "laboratory"}, {"system": "urn:oid:1.2", "code": "x"}]}
    ])  # fmt: skip

    assert found["meta"]["security"] == [{"system": THO + "v3-Confidentiality", "code": "R"}]
    assert [coding["system"] for coding in found["category"][0]["coding"]] == [THO + "observation-category", "urn:oid:1.2"]


def test_a_vaccination_tells_when_who_and_which_dose() -> None:
    found = told(
        "Immunization",
        status="completed",
        notGiven=False,
        date="2018-03-04",
        practitioner=[{"role": text("uitvoerder"), "actor": to("Practitioner/1")}],
        explanation={"reason": [text("reis")], "reasonNotGiven": []},
        vaccinationProtocol=[{"doseSequence": 2, "description": "tweede", "targetDisease": [text("x")], "doseStatus": text("counts")}],
    )

    assert (found["occurrenceDateTime"], found["status"], found["reasonCode"]) == ("2018-03-04", "completed", [text("reis")])
    assert found["performer"] == [{"function": text("uitvoerder"), "actor": to("Practitioner/1")}]
    assert found["protocolApplied"][0]["doseNumberPositiveInt"] == 2
    assert kept(found["protocolApplied"][0], "Immunization.vaccinationProtocol.description") == ["tweede"]


def test_devices_goals_documents_and_the_rest_are_told_in_their_new_form() -> None:
    device = told("Device", udi={"deviceIdentifier": "1", "name": "Rollator"}, model="M", version="2")
    use = told("DeviceUseStatement", status="active", whenUsed={"start": "2020"}, indication=[text("vallen")])
    request = told("DeviceRequest", status="suspended", intent={"coding": [{"code": "order"}]})
    goal = told("Goal", status="achieved", description=text("lopen"), target={"due": "x"})
    document = told("DocumentReference", status="current", indexed="2020-01-01T00:00:00Z", created="2019", context={"related": [{"ref": to("Patient/a")}]})
    report = told("DiagnosticReport", category=text("lab"), performer=[{"role": text("arts"), "actor": to("Practitioner/1")}], codedDiagnosis=[text("d")])
    contact = told("Encounter", status="finished", reason=[text("pijn")], incomingReferral=[to("ReferralRequest/2")], diagnosis=[{"role": text("AD")}])
    made = told("Provenance", agent=[{"whoUri": "urn:x"}], entity=[{"role": "source", "whatReference": to("List/1")}], activity={"code": "c"})
    bytes_ = told("Binary", contentType="text/plain", content="aGk=")

    assert (device["udiCarrier"], device["deviceName"]) == ([{"deviceIdentifier": "1"}], [{"name": "Rollator", "type": "udi-label-name"}])
    assert (device["modelNumber"], device["version"]) == ("M", [{"value": "2"}])
    assert (use["timingPeriod"], use["reasonCode"]) == ({"start": "2020"}, [text("vallen")])
    assert (request["status"], request["intent"]) == ("on-hold", "order")
    assert (goal["lifecycleStatus"], goal["achievementStatus"]["coding"][0]["code"], goal["target"]) == ("completed", "achieved", [{"due": "x"}])
    assert (document["date"], document["context"]["related"]) == ("2020-01-01T00:00:00Z", [to("Patient/a")])
    assert kept(report["performer"][0], "DiagnosticReport.performer.role") == [text("arts")]
    assert (report["category"], report["conclusionCode"]) == ([text("lab")], [text("d")])
    assert (contact["reasonCode"], contact["basedOn"], contact["diagnosis"]) == ([text("pijn")], [to("ServiceRequest/referral-2")], [{"use": text("AD")}])
    assert (made["agent"][0]["who"]["identifier"]["value"], made["entity"][0]["what"]) == ("urn:x", to("List/1"))
    assert bytes_["data"] == "aGk="


def test_numbers_stay_as_they_were_written() -> None:
    record = b'{"resourceType":"Observation","id":"1","valueQuantity":{"value":37.50},"component":[{"valueQuantity":{"value":1.0E+2}},{"valueInteger":-0}]}'

    assert Converter().convert(record) == record


@pytest.mark.parametrize(
    ("record", "fault"),
    [
        (b'{"resourceType":"Observation","id":"1","status":"final","status":"entered-in-error"}', Fault.DUPLICATE_KEY),
        (b'{"resourceType":"Observation","id":"1","value":NaN}', Fault.MALFORMED_JSON),
        (b'{"resourceType":"Observation"', Fault.MALFORMED_JSON),
        (b"[]", Fault.NOT_A_RESOURCE),
        (b'{"id":"1"}', Fault.NOT_A_RESOURCE),
        (b'{"resourceType":"Observation"}', Fault.INVALID_ID),
        (b'{"resourceType":"Observation","id":"a/b"}', Fault.INVALID_ID),
        (b'{"resourceType":"ImagingManifest","id":"1"}', Fault.UNKNOWN_TYPE),
        (b'{"resourceType":"Observation","id":"1","comment":"\\ud800"}', Fault.INVALID_ENCODING),
        (b'{"resourceType":"Observation","id":"1","comment":"\xff"}', Fault.INVALID_ENCODING),
        (b'{"resourceType":"Observation","id":"1","related":"x"}', Fault.NOT_CONVERTIBLE),
        (b'{"resourceType":"Patient","id":"1","animal":{}}', Fault.NOT_CONVERTIBLE),
        (b'{"resourceType":"Procedure","id":"1","contained":[{"resourceType":"ImagingManifest","id":"x"}]}', Fault.UNKNOWN_TYPE),
        (b'{"resourceType":"Procedure","id":"1","contained":7}', Fault.NOT_CONVERTIBLE),
        (b'{"resourceType":"Procedure","id":"1","notDone":"true"}', Fault.NOT_CONVERTIBLE),
        (b'{"resourceType":"Observation","id":"1","x":' + b"[" * 200 + b"]" * 200 + b"}", Fault.TOO_DEEP),
    ],
)
def test_what_cannot_be_read_or_told_without_guessing_is_refused_with_a_code(record: bytes, fault: Fault) -> None:
    with pytest.raises(BadInput) as refusal:
        Converter().convert(record)

    assert refusal.value.fault is fault


@pytest.mark.parametrize(
    ("kind", "members"),
    [
        ("Condition", {"clinicalStatus": {"coding": []}}),
        ("AllergyIntolerance", {"recordedDate": "2020"}),
        ("Observation", {"hasMember": []}),
        ("Consent", {"scope": {}}),
        ("ServiceRequest", {}),
        ("Immunization", {"occurrenceDateTime": "2020"}),
        ("Goal", {"lifecycleStatus": "active"}),
        ("Binary", {"data": ""}),
    ],
)
def test_a_record_that_is_plainly_of_r4_is_refused(kind: str, members: dict[str, Any]) -> None:
    assert refused(kind, **members) is Fault.WRONG_FHIR_VERSION


def test_every_type_of_the_table_takes_a_record_with_nothing_in_it() -> None:
    for kind in CONVERSIONS:
        assert told(kind)["resourceType"] in {kind, "ServiceRequest"}
