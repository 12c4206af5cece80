"""The rows of the audit: what is kept, what is found, and that no spreadsheet calculates with it."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from hypothesis import given, strategies as st
import orjson
import pytest

from custom_components.nvr.audit_rows import (
    COLUMNS,
    AuditFilter,
    AuditKind,
    csv_cells,
    format_time,
    is_row,
    make_row,
    safe_cell,
)

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
FACTS = {"user_id": "anna", "entry_id": "one", "channel": 2, "channel_name": "Yard", "duration": 1.5, "secret": "x"}


def test_row_holds_what_has_a_column_and_a_value() -> None:
    row = make_row(AuditKind.STREAM_STOPPED, NOON, {**FACTS, "name": None, "kind": "other", "time": "never"})
    assert row == {
        "time": "2026-11-21T12:00:00.000+00:00",
        "kind": "stream_stopped",
        "user_id": "anna",
        "entry_id": "one",
        "channel": 2,
        "channel_name": "Yard",
        "duration": 1.5,
    }


def test_row_stays_below_a_kilobyte_whatever_things_are_called() -> None:
    row = make_row(AuditKind.DENIED, NOON, dict.fromkeys(COLUMNS, "N" * 500))
    assert max(len(value) for value in row.values()) == 64
    told = ("user_id", "user", "entry_id", "name", "channel_name", "entity_id")
    facts = {**dict.fromkeys(told, "N" * 500), "channel": 65535, "action": "playback", "via": "search_recordings"}
    assert len(orjson.dumps({**make_row(AuditKind.DENIED, NOON, facts), "id": 10**12})) <= 1000


def test_times_compare_as_texts() -> None:
    moments = [
        NOON,
        NOON.astimezone(timezone(timedelta(hours=5))) + timedelta(milliseconds=1),
        NOON + timedelta(days=9),
    ]
    texts = [format_time(moment) for moment in moments]
    assert texts == sorted(texts)
    assert len({len(text) for text in texts}) == 1


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (AuditFilter(), True),
        (AuditFilter(start=NOON, end=NOON + timedelta(seconds=1)), True),
        (AuditFilter(start=NOON + timedelta(milliseconds=1)), False),
        (AuditFilter(end=NOON), False),
        (AuditFilter(user_id="anna", entry_id="one", channel=2, kinds=frozenset({"denied"})), True),
        (AuditFilter(user_id="bert"), False),
        (AuditFilter(entry_id="two"), False),
        (AuditFilter(channel=3), False),
        (AuditFilter(kinds=frozenset({"revoked"})), False),
    ],
)
def test_filter_finds_what_is_looked_for(wanted: AuditFilter, found: bool) -> None:
    assert wanted.fits(make_row(AuditKind.DENIED, NOON, FACTS)) is found
    assert AuditFilter(channel=2).fits(make_row(AuditKind.DENIED, NOON, {"user_id": "anna"})) is False


@pytest.mark.parametrize("raw", [None, [], "x", {}, {"id": 1, "time": 2, "kind": "x"}, {"time": "x", "kind": "y"}])
def test_what_is_no_row_is_told_apart(raw: Any) -> None:
    assert not is_row(raw)
    assert is_row({"id": 1, "time": "x", "kind": "y"})


@pytest.mark.parametrize(
    "text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "  =cmd|' /C calc'!A0", "\uff1d1", "\0=1"]
)
def test_cell_is_no_formula(text: str) -> None:
    assert safe_cell(text).startswith("'")


@given(st.text())
def test_cell_never_begins_as_a_formula_does(text: str) -> None:
    assert not safe_cell(text).lstrip(" ").startswith(("=", "+", "-", "@", "\t", "\r", "\n"))


def test_cells_are_those_of_the_columns() -> None:
    cells = csv_cells({**make_row(AuditKind.DENIED, NOON, FACTS), "id": 7})
    assert len(cells) == len(COLUMNS)
    assert cells[:4] == ["7", "2026-11-21T12:00:00.000+00:00", "denied", "anna"]
    assert safe_cell(None) == ""
    assert safe_cell("Front door") == "Front door"
