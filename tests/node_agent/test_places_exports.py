"""An export of a planning system: read as Dutch systems write it, or refused as a whole by line and column, never by what stood there."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accord.terms.capacity import Light, Stop, StopReason
from accord.terms.faults import BadInput, Fault
from node_agent.places.inputs import cells
from node_agent.places.inputs.cells import Unreadable
from node_agent.places.inputs.exports import Export
from node_agent.places.ports import Seen
from node_agent.places_input_settings import ExportSettings

NOW = datetime(2026, 11, 23, 9, 15, tzinfo=UTC)
WRITTEN = NOW - timedelta(minutes=3)
COLUMNS = {"service": "Afdeling", "services": {"A3": "elv", "A4": "grz"}, "places": "Vrij", "stop": "Stop", "observed_at": "Peilmoment", "since": "Vanaf"}


def export(**settings: Any) -> Export:
    """An export with these settings."""
    return Export(ExportSettings(**{"name": "planning", "path": "export.csv", **settings}))


def read(text: str | bytes, **settings: Any) -> tuple[Seen, ...]:
    """What an export says."""
    content = text if isinstance(text, bytes) else text.encode()
    return export(**(settings or COLUMNS)).read(content, WRITTEN, NOW).observation.seen


FULL = "Afdeling;Vrij;Stop;Peilmoment;Vanaf;Naam\r\n"
GOOD = FULL + 'A3;2;nee;23-11-2026 10:12;;"De ""rode"" gang"\r\n\r\nA4; 1,5 ;;2026-11-23T10:10:00+01:00;26-11-2026;\r\n'


@pytest.mark.parametrize("how", ["utf-8", "utf-8-sig", "cp1252"])
def test_an_export_of_any_usual_encoding_is_read(how: str) -> None:
    seen = read(GOOD.replace("Naam", "Coördinator").encode(how))

    assert [(one.service, one.places, one.since) for one in seen] == [("elv", 2, None), ("grz", 1, date(2026, 11, 26))]
    assert seen[0].observed_at == datetime(2026, 11, 23, 9, 12, tzinfo=UTC)
    assert seen[0].valid_until == seen[0].observed_at + timedelta(minutes=240)


@pytest.mark.parametrize(
    ("row", "where"),
    [
        ("A3;twee;;23-11-2026 10:12;;D. Voorbeeld", "line 3, column Vrij"),
        ("A3;-1;;23-11-2026 10:12;;D. Voorbeeld", "line 3, column Vrij"),
        ("A3;1.000;;23-11-2026 10:12;;D. Voorbeeld", "line 3, column Vrij"),
        ("A3;99999;;23-11-2026 10:12;;D. Voorbeeld", "line 3, column Vrij"),
        ("A3;1;;31-02-2026 10:12;;D. Voorbeeld", "line 3, column Peilmoment"),
        ("A3;1;;23-11-2026;;D. Voorbeeld", "line 3, column Peilmoment"),
        ("A3;1;;;;D. Voorbeeld", "line 3, column Peilmoment"),
        ("A3;1;;23-11-2026 10:31;;D. Voorbeeld", "line 3, column Peilmoment"),
        ("A3;1;;23-11-2026 10:12;11/2026;D. Voorbeeld", "line 3, column Vanaf"),
        ("A3;1;wellicht;23-11-2026 10:12;;D. Voorbeeld", "line 3, column Stop"),
        ("A9;1;;23-11-2026 10:12;;D. Voorbeeld", "line 3, column Afdeling"),
        ("A4;1;;23-11-2026 10:12;;D. Voorbeeld", "line 3, column Afdeling"),
        ("A3;1;;23-11-2026 10:12;D. Voorbeeld", "line 3"),
        ('A3;1;;23-11-2026 10:12;;"D. Voorbeeld', "line 3"),
        ("A3;1;;23-11-2026 10:12;;" + "D" * 1_001, "line 3"),
    ],
)
def test_a_bad_row_refuses_the_whole_by_its_line_and_column_and_never_its_content(row: str, where: str) -> None:
    with pytest.raises(BadInput) as refusal:
        read(FULL + "A4;1;;23-11-2026 10:10;;\r\n" + row + "\r\n")

    assert (refusal.value.fault, refusal.value.where) == (Fault.EXPORT_INVALID, f"planning: {where}")
    assert not any(word in repr(refusal.value) for word in ("Voorbeeld", "wellicht", "twee", "A9"))


@pytest.mark.parametrize("content", [b"\xff\xfeA\0f\0", b"Afdeling;Vrij\0", b"\xef\xbb\xbf\xff"])
def test_what_is_no_text_of_these_encodings_is_refused(content: bytes) -> None:
    with pytest.raises(BadInput) as refusal:
        read(content)

    assert refusal.value.fault is Fault.INVALID_ENCODING


@pytest.mark.parametrize("head", ["", "Afdeling;Stop;Peilmoment;Vanaf", "Afdeling;Vrij;Vrij;Stop;Peilmoment;Vanaf"])
def test_a_column_that_is_not_there_or_twice_refuses_it_at_its_first_line(head: str) -> None:
    with pytest.raises(BadInput) as refusal:
        read(head + "\n")

    assert refusal.value.where.startswith("planning: line 1")


@pytest.mark.parametrize("rows", ["", "\r\n\r\n", "KANTOOR;3;;23-11-2026 10:12;;\r\n"])
def test_an_export_without_a_row_about_us_is_refused_for_it_may_be_cut_off(rows: str) -> None:
    with pytest.raises(BadInput) as refusal:
        read(FULL + rows, **COLUMNS, others="skip")

    assert (refusal.value.fault, refusal.value.where) == (Fault.EXPORT_INVALID, "planning: no rows")


def test_a_service_without_a_row_is_unknown_at_once_and_told_of() -> None:
    understood = export(**COLUMNS).read((FULL + "A4;1;;23-11-2026 10:12;;\r\n").encode(), WRITTEN, NOW)

    (grz, elv) = understood.observation.seen
    assert (grz.service, grz.places) == ("grz", 1)
    assert (elv.service, elv.places, elv.observed_at, elv.valid_until) == ("elv", None, WRITTEN, WRITTEN)
    assert understood.absent == ("elv",)


@pytest.mark.parametrize(("rows", "places"), [("", {"elv": 0, "grz": 0}), ("A4;1;;23-11-2026 10:12;;\r\n", {"elv": 0, "grz": 1})])
def test_of_a_list_of_what_is_free_what_has_no_row_is_full(rows: str, places: dict[str, int]) -> None:
    understood = export(**COLUMNS, absent="none").read((FULL + rows).encode(), WRITTEN, NOW)

    assert {one.service: one.places for one in understood.observation.seen} == places
    assert all(one.valid_until > NOW for one in understood.observation.seen)
    assert understood.absent == ()


def test_more_than_a_provider_can_have_is_not_read() -> None:
    with pytest.raises(BadInput) as rows:
        read("Vrij\n" + "1\n" * 20_001, only="elv", places="Vrij", add_up=True)
    with pytest.raises(BadInput) as bytes_:
        read(b"x" * (8 * 1024 * 1024 + 1))

    assert (rows.value.fault, bytes_.value.fault) == (Fault.TOO_LARGE, Fault.TOO_LARGE)


def test_a_number_that_is_not_there_is_unknown_at_once_and_a_light_is_a_light() -> None:
    (nobody, orange) = read("Afdeling;Vrij;Kleur\nA3;;\nA4;;oranje\n", **{**COLUMNS, "light": "Kleur", "stop": "", "observed_at": "", "since": ""})

    assert (nobody.places, nobody.light, nobody.observed_at, nobody.valid_until) == (None, None, WRITTEN, WRITTEN)
    assert (orange.places, orange.light) == (None, Light.AMBER)


def test_wards_are_added_up_and_as_old_as_the_oldest_of_them() -> None:
    settings = {"only": "elv", "places": "Vrij", "observed_at": "Om", "stop": "Stop", "add_up": True}
    (seen,) = read("Vrij;Om;Stop\n2;23-11-2026 10:12;\n1;23-11-2026 09:12;\n;23-11-2026 10:12;personeel\n", **settings, stops={"personeel": "staff-shortage"})
    (unknown,) = read("Vrij;Om;Stop\n2;23-11-2026 10:12;\n;23-11-2026 10:12;\n", **settings)
    (shut,) = read("Vrij;Om;Stop\n2;23-11-2026 10:12;personeel\n", **settings, stops={"personeel": "staff-shortage"})

    assert (seen.places, seen.stop, seen.observed_at) == (3, None, datetime(2026, 11, 23, 8, 12, tzinfo=UTC))
    assert unknown.places is None
    assert shut.stop == Stop(StopReason.STAFF)


@pytest.mark.parametrize(
    "settings",
    [
        {"only": "elv"},
        {"places": "Vrij"},
        {"places": "Vrij", "only": "elv", "service": "Afdeling"},
        {"places": "Vrij", "only": "elv", "pattern": "/etc/*"},
        {"places": "Vrij", "only": "elv", "pattern": ""},
        {"places": "Vrij", "only": "elv", "pattern": "../*.csv"},
        {"places": "Vrij", "only": "elv", "path": "a\0b"},
        {"places": "Vrij", "only": "elv", "separator": '"'},
        {"places": "Vrij", "only": "elv", "name": "planner"},
        {"places": "Vrij", "only": "elv", "stops": {"x": "because"}},
    ],
)
def test_settings_that_cannot_work_are_refused_before_anything_is_read(settings: dict[str, Any]) -> None:
    with pytest.raises(BadInput) as refusal:
        export(**settings)

    assert refusal.value.fault is Fault.INVALID_SETTING


@given(st.text(max_size=24))
def test_any_cell_is_read_or_unreadable(cell: str) -> None:
    for read_cell in (cells.number, cells.day, cells.moment):
        try:
            found: object = read_cell(cell)
        except Unreadable:
            continue
        assert not isinstance(found, int) or 0 <= found <= cells.MOST_PLACES


@given(st.integers(0, cells.MOST_PLACES), st.sampled_from(["", ",0", ".0", ",50", ".25"]))
def test_a_count_with_a_decimal_comma_or_point_is_the_count(count: int, rest: str) -> None:
    assert cells.number(f"{count}{rest}") == count


@given(st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1)))  # noqa: DTZ001 - by the clock on the wall
def test_a_moment_is_the_same_however_it_is_written(wall: datetime) -> None:
    ways = {cells.moment(f"{wall:{form}}") for form in ("%d-%m-%Y %H:%M:%S", "%Y-%m-%dT%H:%M:%S", "%d/%m/%Y %H.%M.%S", "%Y%m%d %H:%M:%S")}

    assert len(ways) == 1
    assert cells.moment(f"{wall:%Y-%m-%dT%H:%M:%S}Z") == wall.replace(microsecond=0, tzinfo=UTC)


@given(st.binary(max_size=60) | st.text(max_size=60).map(lambda text: (FULL + text).encode("utf-8", "replace")))
def test_any_file_is_taken_as_a_whole_or_refused_in_our_own_words(content: bytes) -> None:
    fault = None
    try:
        seen = read(content)
    except BadInput as refusal:
        seen, fault = (), refusal.fault

    assert {one.service for one in seen} <= {"elv", "grz"}
    assert fault in (None, Fault.EXPORT_INVALID, Fault.INVALID_ENCODING)
