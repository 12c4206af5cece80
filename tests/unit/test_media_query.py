"""What people type into the search box."""

from datetime import date, datetime, time

from hypothesis import given, strategies as st
import pytest

from custom_components.nvr.core.models import EventKind, RecordingKind
from custom_components.nvr.media_query import MediaQuery, parse_query

# A Saturday.
NOW = datetime(2026, 11, 21, 12, 30)  # noqa: DTZ001
MOTION = frozenset({RecordingKind.MOTION})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", MediaQuery()),
        ("today", MediaQuery(day=date(2026, 11, 21))),
        ("Yesterday 14:00", MediaQuery(day=date(2026, 11, 20), since=time(14), until=time(15))),
        ("ayer a las 14:00", MediaQuery(day=date(2026, 11, 20), since=time(14), until=time(15))),
        ("motion front door", MediaQuery(words=("front", "door"), kinds=MOTION)),
        ("Movimiento anteayer", MediaQuery(kinds=MOTION, day=date(2026, 11, 19))),
        ("2026-11-20", MediaQuery(day=date(2026, 11, 20))),
        ("20.11.2026", MediaQuery(day=date(2026, 11, 20))),
        ("20/11/2026 9:05", MediaQuery(day=date(2026, 11, 20), since=time(9, 5), until=time(10, 5))),
        ("20 november 2pm Garage", MediaQuery(("garage",), day=date(2026, 11, 20), since=time(14), until=time(15))),
        (
            "20 de noviembre de 2026 a las 2:30 pm",
            MediaQuery(day=date(2026, 11, 20), since=time(14, 30), until=time(15, 30)),
        ),
        ("Nov 20, 2025", MediaQuery(day=date(2025, 11, 20))),
        ("24 december", MediaQuery(day=date(2025, 12, 24))),
        ("friday 23:30", MediaQuery(day=date(2026, 11, 20), since=time(23, 30), until=time.max)),
        ("sábado", MediaQuery(day=date(2026, 11, 21))),
        ("14:00-15:30 yesterday", MediaQuery(day=date(2026, 11, 20), since=time(14), until=time(15, 30))),
        ("10am to 11am", MediaQuery(day=date(2026, 11, 21), since=time(10), until=time(11))),
        ("22:00 - 24:00", MediaQuery(day=date(2026, 11, 20), since=time(22), until=time.max)),
        ("12am", MediaQuery(day=date(2026, 11, 21), since=time(0), until=time(1))),
        ("14:00", MediaQuery(day=date(2026, 11, 20), since=time(14), until=time(15))),
        ("11:00", MediaQuery(day=date(2026, 11, 21), since=time(11), until=time(12))),
        ("Cámara 5", MediaQuery(words=("5",))),
        ("31/02/2026", MediaQuery(words=("31/02/2026",))),
        ("30 february", MediaQuery(words=("30", "february"))),
        ("24:00", MediaQuery(words=("24:00",))),
        ("13pm", MediaQuery(words=("13pm",))),
        ("15:00-14:00", MediaQuery(words=("-14:00",), day=date(2026, 11, 20), since=time(15), until=time(16))),
        ("2026-11-20 19.11.2026", MediaQuery(words=("19.11.2026",), day=date(2026, 11, 20))),
        ("2026-11-20 2026-11-19", MediaQuery(words=("2026-11-19",), day=date(2026, 11, 20))),
    ],
)
def test_text_is_read_as_people_mean_it(text: str, expected: MediaQuery) -> None:
    assert parse_query(text, NOW) == expected


@given(st.text(max_size=300))
def test_any_text_is_a_query(text: str) -> None:
    query = parse_query(text, NOW)
    assert (query.since is None) == (query.until is None)
    if query.since is not None and query.until is not None:
        assert query.since < query.until
        assert query.day is not None


@pytest.mark.parametrize(
    ("text", "fits"),
    [("entrada", True), ("ENTRADA principal", True), ("garage", False), ("nvr entrada", True), ("", True)],
)
def test_words_are_found_in_names_without_case_and_accents(text: str, *, fits: bool) -> None:
    assert parse_query(text, NOW).fits("Éntrada principal", "My NVR") is fits


@pytest.mark.parametrize(
    ("text", "words", "events"),
    [
        ("person", (), {EventKind.PERSON}),
        ("People and cars yesterday", (), {EventKind.PERSON, EventKind.VEHICLE}),
        ("matrícula porch", ("porch",), {EventKind.PLATE}),
        ("motion", (), {EventKind.MOTION}),
        # The camera is meant: it is called so.
        ("car port", ("car", "port"), set()),
        ("port animals", ("port",), {EventKind.ANIMAL}),
    ],
)
def test_words_for_what_happened_count_where_the_recorder_lists_it(
    text: str, words: tuple[str, ...], events: set[EventKind]
) -> None:
    query = parse_query(text, NOW)
    assert query.events == frozenset(), "a recorder without a list knows only names"
    listed = query.with_events("Car port", "Home")
    assert (listed.words, set(listed.events)) == (words, events)
    assert listed.kinds == query.kinds
