"""Records in the form of 2017: what they say is what the same records say in R4, once they are told so."""

import json
from collections import Counter

from node_agent.converting.stu3 import Converter
from testbed.holders import BY_NAME
from testbed.people import DINA, generate
from testbed.people.older import older, told

#: What an older system writes otherwise, or in other codes, by type and element.
OTHERWISE = {
    ("Condition", "asserter"): "STU3 has no recorder",
    ("Condition", "recorder"): "STU3 has no recorder",
    ("Consent", "category"): "both generations stand there",
    ("Consent", "extension"): "the treatment is the code of the provision",
    ("Consent", "modifierExtension"): "the answer is the type of the provision",
    ("Consent", "provision"): "of 2017 it has no parties",
    ("Consent", "scope"): "STU3 has no words for it",
    ("Encounter", "diagnosis"): "STU3 has no reference as a reason",
    ("Encounter", "reasonReference"): "STU3 has no reference as a reason",
    ("Goal", "_lifecycleStatus"): "the older code stands beside it",
    ("Goal", "achievementStatus"): "the older code says so",
    ("MedicationRequest", "category"): "both generations stand there",
    ("MedicationStatement", "extension"): "whether it is taken",
    ("NutritionOrder", "_status"): "the older code stands beside it",
}


def test_every_record_of_the_region_can_be_written_in_the_older_form_and_told_again() -> None:
    differences: Counter[tuple[str, str]] = Counter()
    for records in generate(people=60).kept.values():
        for record in records:
            before, after = json.loads(record.json), json.loads(Converter().convert(older(record.json)))
            differences.update((record.type, name) for name in before.keys() | after.keys() if before.get(name) != after.get(name))

    assert differences.keys() <= OTHERWISE.keys()


def test_the_older_yes_of_de_wieke_is_told_as_a_yes_and_the_refuted_allergy_of_reggerbrug_as_refuted() -> None:
    region = generate(people=40)

    def told_at(name: str, kind: str) -> list[dict[str, object]]:
        return [json.loads(told(BY_NAME[name], record.json)) for record in region.kept[name] if record.type == kind]

    (wish,) = [one for one in told_at("wieke", "Consent") if "89666000" in json.dumps(one) and "2021-04-08" in json.dumps(one)]
    allergy = told_at("reggerbrug", "AllergyIntolerance")[0]
    assert json.loads(json.dumps(wish))["provision"]["type"] == "permit"
    assert "refuted" in json.dumps(allergy["verificationStatus"])
    assert b'"verificationStatus":"refuted"' in older(next(record.json for record in region.kept["reggerbrug"] if record.type == "AllergyIntolerance"))
    assert DINA.where[1] == "reggerbrug"
