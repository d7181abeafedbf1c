"""Lines of one code in one order: the lines of a text are one text, and values that nobody can tell apart are never corrected by guess."""

from pathlib import Path

import pytest

from accord.terms.identifiers import RecordRef
from tests.node_agent.feed_messages import Fed, header, lines, obr, obx, pid

pytestmark = pytest.mark.anyio


@pytest.fixture
def fed(tmp_path: Path) -> Fed:
    """A store to feed."""
    return Fed(tmp_path)


def words(*texts: str, kind: str = "TX", sub: str = "") -> list[str]:
    return [obx(text, kind=kind, code="18748-4^verslag^LN", sub=sub, unit="") for text in texts]


def message(*segments: str, control: str = "1", changed: str = "20261112081500+0100") -> bytes:
    return lines(header(control), pid(), obr(changed=changed), *segments)


@pytest.mark.parametrize("kind", ["TX", "FT"])
async def test_the_lines_of_a_text_are_one_text_in_their_order(fed: Fed, kind: str) -> None:
    sent = words("Geen aanwijzingen voor", "maligniteit.", kind=kind)
    fed.take(message(*sent, "NTE|1||nagekeken"))
    (found,) = await fed.of_type("Observation")
    async with fed.source() as source:
        original = await source.original(RecordRef("Observation", found["id"]))

    assert found["valueString"] == "Geen aanwijzingen voor\nmaligniteit."
    assert found["note"] == [{"text": "nagekeken"}]
    assert original is not None
    assert original.content.decode().split("\r")[2:4] == sent


async def test_texts_with_a_sub_id_a_note_or_another_line_between_them_are_several(fed: Fed) -> None:
    fed.take(message(*words("een", sub="1"), *words("twee", sub="2"), "NTE|1||van twee", *words("drie", sub="2"), obx("5"), *words("vier", sub="2")))
    found = sorted(one.get("valueString", "") for one in await fed.of_type("Observation"))

    assert found == ["", "drie", "een", "twee", "vier"]


async def test_lines_of_a_text_of_which_only_some_are_taken_back_stay_several(fed: Fed) -> None:
    fed.take(message(*words("een"), words("twee")[0].replace("|F", "|D")))

    assert sorted((one["status"], one["valueString"]) for one in await fed.of_type("Observation")) == [("entered-in-error", "twee"), ("final", "een")]


async def test_a_correction_of_one_of_several_values_that_cannot_be_told_apart_is_refused(fed: Fed) -> None:
    fed.take(message(obx("5"), obx("7")))
    later = "20261113081500+0100"
    one = fed.take(message(obx("8"), control="2", changed=later))
    kept = sorted(found["valueQuantity"]["value"] for found in await fed.of_type("Observation"))
    whole = fed.take(message(obx("5"), obx("8"), control="3", changed=later))

    assert one == ["AE unsupported-value"]
    assert kept == [5, 7]
    assert whole == ["AA"]
    assert sorted(found["valueQuantity"]["value"] for found in await fed.of_type("Observation")) == [5, 8]


async def test_values_with_a_sub_id_are_corrected_one_by_one(fed: Fed) -> None:
    fed.take(message(obx("5", sub="1"), obx("7", sub="2")))
    told = fed.take(message(obx("8", sub="2"), control="2", changed="20261113081500+0100"))

    assert told == ["AA"]
    assert sorted(found["valueQuantity"]["value"] for found in await fed.of_type("Observation")) == [5, 8]
