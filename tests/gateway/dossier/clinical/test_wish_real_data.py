"""Planning ahead in real data: each instance is read or deliberately stands beside, and the safety rules hold for all of them."""

import json
import re
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pytest

from accord.terms.faults import BadInput
from accord.terms.vocabulary import Section
from gateway.dossier.clinical.concepts import table
from gateway.dossier.clinical.groups import Standing
from gateway.dossier.clinical.trees import Tree, read_tree
from gateway.dossier.clinical.wish_reading import read_wishes
from gateway.dossier.clinical.wish_remarks import read_remarks
from gateway.dossier.clinical.wishes import Answer, Wish
from node_agent.converting.stu3 import Converter
from tests.gateway.dossier.clinical.dossiers import batch, view_of

TODAY: Final = date(2026, 11, 23)
AT: Final = datetime(2026, 11, 23, 3, tzinfo=UTC)
PLAIN: Final = frozenset({Answer.YES, Answer.NO, Answer.SWITCH_OFF, Answer.LEAVE_ON})
#: What only names somebody or something for another record.
COMPANIONS: Final = frozenset({"Device", "Practitioner", "PractitionerRole", "RelatedPerson"})
WISHES: Final = frozenset({"Consent", "Goal", "Observation", "QuestionnaireResponse"})

Instances = dict[str, Tree]


@pytest.fixture(scope="session")
def instances(shared_data: Path) -> Instances:
    """All instances of planning ahead, by file; their dates are so many days before today."""
    found = {}
    for path in sorted((shared_data / "dutch" / "pzp-r4").glob("*.json")):
        text = re.sub(r"\$\{DATE, T, D, (-?\d+)\}", lambda match: (TODAY + timedelta(days=int(match[1]))).isoformat(), path.read_text(encoding="utf-8"))
        found[path.stem] = read_tree(text.encode())
    return found


def wishes_of(tree: Tree, instances: Instances) -> tuple[Wish, ...]:
    return read_wishes(tree, {f"{one['resourceType']}/{one['id']}": one for one in instances.values()}.get, table())


def shown(wish: Wish) -> str:
    return "\n".join([wish.words.nl, wish.conditions, *(told for _, told in wish.notes)])


def texts(value: Any, ending: str) -> set[str]:
    """The texts of all extensions of a kind, however deep."""
    if isinstance(value, dict):
        own = {value["valueString"]} if str(value.get("url", "")).endswith(ending) and "valueString" in value else set()
        return own.union(*(texts(inner, ending) for inner in value.values()))
    return set().union(*(texts(inner, ending) for inner in value)) if isinstance(value, list) else set()


def consents(value: Any) -> list[dict[str, Any]]:
    """All consents in a file, also those in bundles."""
    if isinstance(value, dict):
        return [value] if value.get("resourceType") == "Consent" else [one for inner in value.values() for one in consents(inner)]
    return [one for inner in value for one in consents(inner)] if isinstance(value, list) else []


def test_each_instance_is_read_or_deliberately_stands_beside(instances: Instances) -> None:
    def place(tree: Tree) -> str:
        remarks = read_remarks(tree, {f"{one['resourceType']}/{one['id']}": one for one in instances.values()}.get, table())
        return "wish" if wishes_of(tree, instances) else "remark" if remarks else "companion"

    found = {name: (tree["resourceType"], place(tree)) for name, tree in instances.items()}

    assert len(found) >= 63
    assert {kind for kind, place in found.values() if place == "companion"} == COMPANIONS
    assert all((place == "wish") == (kind in WISHES) for kind, place in found.values())


def test_no_directive_without_a_type_is_a_yes_or_a_no(instances: Instances) -> None:
    directives = [tree for tree in instances.values() if tree["resourceType"] == "Consent"]
    untyped = [tree for tree in directives if "type" not in tree["provision"]]

    assert len(untyped) >= 4
    assert all(wish.answer not in PLAIN for tree in untyped for wish in wishes_of(tree, instances))


def test_every_text_that_changes_or_explains_an_answer_is_whole(instances: Instances) -> None:
    seen = 0
    for tree in instances.values():
        found = "\n".join(shown(wish) for wish in wishes_of(tree, instances))
        told = texts(tree, "SpecificationOther") | texts(tree, "ext-Comment") if found else set()
        seen += len(told)
        assert all(text in found for text in told)
    assert seen >= 8


def test_the_newest_of_three_conversations_is_on_top_for_every_subject(instances: Instances) -> None:
    records = [tree for name, tree in instances.items() if not name.startswith("QuestionnaireResponse")]
    threads = [thread for thread in view_of([batch("brinkhof", *records)]).threads(Section.PLANNING_AHEAD) if any(line.wish for line in thread.lines)]
    for thread in threads:
        newest = max(line.wish.when for line in thread.lines if line.wish is not None)
        assert thread.groups[0].standing is Standing.VALID
        assert [line.wish.when for line in thread.groups[0].lines if line.wish is not None] == [newest]
    (resuscitation,) = [thread for thread in threads if thread.about == "wish.resuscitation"]

    assert [(group.standing, [line.wish.words.nl for line in group.lines if line.wish is not None]) for group in resuscitation.groups] == [
        (Standing.VALID, ["Niet reanimeren"]),
        (Standing.EARLIER, ["Wel reanimeren", "Wel reanimeren"]),
    ]
    assert len(threads) >= 12


def test_nothing_that_a_questionnaire_answers_is_lost(instances: Instances) -> None:
    def answers(value: Any) -> list[str]:
        if isinstance(value, dict):
            own = [value[name] for name in ("valueString", "valueDateTime") if name in value]
            return [*own, *(one for inner in value.values() for one in answers(inner))]
        return [one for inner in value for one in answers(inner)] if isinstance(value, list) else []

    for name, tree in instances.items():
        if name.startswith("QuestionnaireResponse"):
            found = "\n".join(shown(wish) for wish in wishes_of(tree, instances))
            assert all(answer in found for answer in answers(tree))


@pytest.mark.parametrize("folder", ["zib2020-r4", "knooppunt", "dva-mock-stu3"])
def test_every_directive_of_other_sources_is_read_in_both_generations(shared_data: Path, folder: str) -> None:
    read = 0
    for path in sorted((shared_data / "dutch" / folder).rglob("*.json")):
        try:
            found = consents(json.loads(path.read_bytes()))
        except ValueError:
            continue
        for record in found:
            content = json.dumps(record | {"id": "1"}).encode()
            if folder == "dva-mock-stu3" or path.name.endswith("stu3.json"):
                try:
                    content = Converter().convert(content)
                except BadInput:
                    continue
            wishes = read_wishes(read_tree(content), lambda _: None, table())
            code = json.dumps(record)
            assert wishes
            assert '"JA_MAAR"' not in code or all(wish.answer not in PLAIN for wish in wishes)
            assert '"NEE"' not in code or all(wish.answer is Answer.NO for wish in wishes)
            read += 1
    assert read
