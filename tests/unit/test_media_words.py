"""Titles in the media browser."""

import datetime as dt
import json
from pathlib import Path

import pytest

from custom_components.nvr.core.models import RecordingKind
from custom_components.nvr.media_words import Words, clock_range, offset_name

TRANSLATIONS = Path(__file__).parents[2] / "custom_components" / "nvr" / "translations"


def words(language: str) -> Words:
    texts = json.loads((TRANSLATIONS / f"{language}.json").read_text(encoding="utf-8"))["common"]
    return Words({f"component.nvr.common.{key}": text for key, text in texts.items()})


def at(*parts: int) -> dt.datetime:
    return dt.datetime(*parts)  # type: ignore[arg-type] # noqa: DTZ001


def test_day_says_when_it_is_today_or_yesterday() -> None:
    today = dt.date(2026, 11, 21)
    english, spanish = words("en"), words("es")
    assert english.day(today, today) == "Today, 21 Nov"
    assert english.day(dt.date(2026, 11, 20), today) == "Yesterday, 20 Nov"
    assert english.day(dt.date(2026, 3, 1), today) == "Sun, 1 Mar 2026"
    assert spanish.day(dt.date(2026, 3, 1), today) == "dom, 1 mar 2026"


@pytest.mark.parametrize("language", ["en", "es"])
def test_every_kind_and_month_has_a_word(language: str) -> None:
    said = words(language)
    names = [said.kind(kind) for kind in RecordingKind]
    names += [said.month(2026, month) for month in range(1, 13)] + [said.earlier(2026, month) for month in range(1, 13)]
    names += [said.date(dt.date(2026, 3, day)) for day in range(1, 8)]
    assert not [name for name in names if "_" in name or "{" in name]
    assert len(set(names)) == len(names)


def test_text_that_is_missing_shows_its_key() -> None:
    assert Words({}).text("media_all_day") == "media_all_day"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(5, "5 s"), (60, "1 min 0 s"), (110, "1 min 50 s"), (3600, "1 h 0 min"), (86340, "23 h 59 min")],
)
def test_duration_is_said_by_its_two_largest_units(seconds: int, text: str) -> None:
    assert words("en").duration(dt.timedelta(seconds=seconds)) == text


def test_range_of_times_that_ends_at_midnight_ends_at_24() -> None:
    assert clock_range(at(2026, 11, 20, 23), at(2026, 11, 21)) == "23:00 \u2013 24:00"
    assert clock_range(at(2026, 11, 20, 23), at(2026, 11, 21, 1)) == "23:00 \u2013 2026-11-21 01:00"
    assert clock_range(at(2026, 11, 20, 13), at(2026, 11, 20, 14)) == "13:00 \u2013 14:00"


@pytest.mark.parametrize(
    ("minutes", "text"), [(0, "UTC+0"), (60, "UTC+1"), (-180, "UTC-3"), (345, "UTC+5:45"), (-210, "UTC-3:30")]
)
def test_offset_is_written_short(minutes: int, text: str) -> None:
    assert offset_name(dt.timedelta(minutes=minutes)) == text
