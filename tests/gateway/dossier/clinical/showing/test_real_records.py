"""The examples that Nictiz and others publish: every one is called something, and what a reader would read of it is there."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import pytest

from gateway.dossier.clinical.concepts import table
from gateway.dossier.clinical.showing import show
from gateway.dossier.clinical.showing.wording import hl7_words, state
from gateway.dossier.clinical.trees import Tree, Written, read_tree, text

pytestmark = pytest.mark.slow

WHERE: Final = ("dutch/zib2020-r4/examples/*.json", "dutch/pzp-r4/*.json")
#: Not of the clinical content: who is the patient, what systems need, parts of names and addresses that stand in the whole.
#: How a problem stands is said in our words, or goes without saying ("Confirmed").
LEFT_OUT: Final = frozenset(
    "clinicalStatus verificationStatus meta text contained subject patient beneficiary id identifier policy linkId _line _given _family _country _system _gender".split()
)
READ: Final = frozenset("display text valueString description title name conclusion comment lotNumber value".split())
#: Of what is followed, the words of the record itself stand there; a display beside it is said where it says something else.
REFERENCES: Final = frozenset({"reference", "type", "display", "extension"})
SHARE: Final = 0.95


@pytest.fixture(scope="module")
def records(shared_data: Path) -> Mapping[str, Tree]:
    found: dict[str, Tree] = {}
    for pattern in WHERE:
        for path in sorted(shared_data.glob(pattern)):
            tree = read_tree(path.read_bytes())
            found[f"{tree['resourceType']}/{tree['id']}"] = tree
    bundle = read_tree((shared_data / "dutch/knooppunt/bgz-example-r4.json").read_bytes())
    for number, entry in enumerate(bundle["entry"]):
        tree = entry["resource"]
        found[f"{tree['resourceType']}/{tree.get('id', number)}"] = tree
    return found


def everything(tree: Tree, records: Mapping[str, Tree], language: Any = "nl") -> str:
    shown = show(tree, records.get, language, table())
    details = [f"{one.label}\n{one.text}" for one in shown.details]
    attached = [f"{one.title}\n{one.media_type}" for one in shown.attachments]
    return "\n".join((shown.what, shown.value, shown.when, shown.author, shown.state, shown.kind, *details, *attached))


def strings(value: object, records: Mapping[str, Tree]) -> Iterator[str]:
    """What a human would read in a record."""
    if isinstance(value, list):
        for one in value:
            yield from strings(one, records)
    if not isinstance(value, Mapping):
        return
    if value.keys() & {"reference"} and value.keys() <= REFERENCES and (text(value, "reference") in records or "/Patient/" in f"/{text(value, 'reference')}"):
        yield from strings(value.get("extension"), records)
        return
    is_ours = hl7_words(text(value, "system"), text(value, "code")) is not None or (
        text(value, "system").startswith("http://terminology.hl7.org/") and state(text(value, "code")) is not None
    )
    for name, inner in value.items():
        if name in LEFT_OUT and not (name == "text" and isinstance(inner, str)):
            continue
        if name in READ and isinstance(inner, str) and not isinstance(inner, Written) and not (is_ours and name == "display"):
            yield inner.strip()
        yield from strings(inner, records)


def amounts(value: object) -> Iterator[str]:
    if isinstance(value, Written):
        yield value
    for inner in value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else ():
        yield from amounts(inner)


def test_every_published_example_is_called_something_in_both_languages(records: Mapping[str, Tree]) -> None:
    assert len(records) > 400
    for tree in records.values():
        for language in ("nl", "en"):
            assert show(tree, records.get, language, table()).what


def test_every_number_of_the_examples_stands_as_it_was_written(records: Mapping[str, Tree]) -> None:
    missing = [(name, one) for name, tree in records.items() for one in amounts(tree) if one not in everything(tree, records)]

    assert missing == []


def test_what_a_reader_would_read_is_within_reach(records: Mapping[str, Tree], capsys: pytest.CaptureFixture[str]) -> None:
    there: Counter[str] = Counter()
    all_of: Counter[str] = Counter()
    missing: defaultdict[str, set[str]] = defaultdict(set)
    for tree in records.values():
        told = " ".join(everything(tree, records).split()).casefold()
        for one in strings(tree, records):
            all_of[tree["resourceType"]] += 1
            if " ".join(one.split()).casefold() in told:
                there[tree["resourceType"]] += 1
            else:
                missing[tree["resourceType"]].add(one)

    shares = {kind: there[kind] / count for kind, count in sorted(all_of.items())}

    with capsys.disabled():
        print(json.dumps({kind: f"{share:.1%} of {all_of[kind]}" for kind, share in shares.items()}, indent=1))  # noqa: T201  # the figure is what is asked for
        print("left out:", json.dumps({kind: sorted(found) for kind, found in missing.items()}, ensure_ascii=False, indent=1))  # noqa: T201  # the same
    assert {kind: (share, sorted(missing[kind])) for kind, share in shares.items() if share < SHARE} == {}
