"""Cursors: written, read again, and never trusted."""

from base64 import urlsafe_b64encode
from datetime import UTC, datetime, timedelta
import json
import zlib

from hypothesis import given, strategies as st
import pytest

from custom_components.nvr.core.models import RecordingKind, TimeSpan
from custom_components.nvr.search_cursor import Cursor, CursorError, Position, parse_cursor

START = datetime(2026, 11, 20, tzinfo=UTC)
SPAN = TimeSpan(START, START + timedelta(days=1))

moments = st.datetimes(datetime(1970, 1, 1), datetime(2199, 1, 1), timezones=st.just(UTC)).map(  # noqa: DTZ001
    lambda moment: moment.replace(microsecond=moment.microsecond // 1000 * 1000)
)
cursors = st.builds(
    Cursor,
    st.builds(
        lambda start, seconds: TimeSpan(start, start + timedelta(seconds=seconds)), moments, st.integers(0, 10**7)
    ),
    st.dictionaries(st.text(max_size=30), st.builds(Position, moments, st.integers(0, 1000)), max_size=5),
    st.none() | st.frozensets(st.sampled_from(RecordingKind)),
    st.booleans(),
)


def packed(data: object) -> str:
    return urlsafe_b64encode(zlib.compress(json.dumps(data).encode())).decode().rstrip("=")


@given(cursors)
def test_cursor_is_read_as_it_was_written(cursor: Cursor) -> None:
    assert parse_cursor(cursor.format()) == cursor


@given(st.text(max_size=100) | st.binary(max_size=100).map(lambda data: urlsafe_b64encode(data).decode()))
def test_any_other_text_is_refused(text: str) -> None:
    with pytest.raises(CursorError):
        parse_cursor(text)


@pytest.mark.parametrize(
    "data",
    [
        None,
        {},
        [2, 0, 1, None, False, {}],
        [1, 0, 1, None, False, {"camera.a": 5}],
        [1, 0, 1, None, False, {"camera.a": [5, -1]}],
        [1, -1, 1, None, False, {}],
        [1, 0, 10**18, None, False, {}],
        [1, 5, 1, None, False, {}],
        [1, 0, 1, ["no kind"], False, {}],
        [1, 0, 1, None, 1, {}],
        ["a" * 100_000],
    ],
)
def test_well_packed_nonsense_is_refused(data: object) -> None:
    with pytest.raises(CursorError):
        parse_cursor(packed(data))


def test_cursor_longer_than_any_of_ours_is_refused() -> None:
    with pytest.raises(CursorError):
        parse_cursor("A" * 9000)


def test_cursor_of_many_cameras_stays_short() -> None:
    positions = {f"camera.front_door_number_{number}": Position(START, number) for number in range(32)}
    assert len(Cursor(SPAN, positions).format()) < 1000
