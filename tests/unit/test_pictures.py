"""What a picture is of, as its address says it, and which moment stands for a longer time."""

from datetime import UTC, date, datetime, timedelta

import pytest

from custom_components.nvr.core.models import RecordingKind, RecordingSegment, TimeSpan
from custom_components.nvr.media_ids import MediaIdError
from custom_components.nvr.pictures import Shown, first_footage, parse_shown, picture_path, shown_text

AT = datetime(2026, 11, 20, 13, 0, 2, 500_000, UTC)
SECOND = timedelta(seconds=1)


@pytest.mark.parametrize(
    ("shown", "text"),
    [
        (AT, "20261120T130002.500Z"),
        (TimeSpan(AT, AT + 10 * SECOND), "20261120T130002.500Z-20261120T130012.500Z"),
        (date(2026, 11, 20), "2026-11-20"),
    ],
)
def test_what_is_shown_is_read_as_it_was_written(shown: Shown, text: str) -> None:
    assert shown_text(shown) == text
    assert parse_shown(text) == shown
    assert picture_path("one", 3, shown) == f"/api/nvr/thumb/one/3/{text}/320.jpg"


@pytest.mark.parametrize(
    "text",
    ["", "x", "20261120", "2026-13-01", "20261120T130002Z-", "20261120T130002Z-20261120T130002Z", "20261120T130002"],
)
def test_what_names_nothing_is_refused(text: str) -> None:
    with pytest.raises(MediaIdError):
        parse_shown(text)


def test_exact_pictures_have_names_of_their_own() -> None:
    assert picture_path("one", 3, AT, exact=True, width=0).endswith("/exact.jpg")
    assert picture_path("one", 3, AT, exact=True, width=640).endswith("/exact-640.jpg")


def test_longer_time_is_shown_by_its_first_footage() -> None:
    def segment(start: float, end: float) -> RecordingSegment:
        span = TimeSpan(AT + start * SECOND, AT + end * SECOND)
        return RecordingSegment(1, span, RecordingKind.CONTINUOUS)

    window = TimeSpan(AT, AT + 100 * SECOND)
    assert first_footage([], window) is None
    assert first_footage([segment(200, 300)], window) is None
    assert first_footage([segment(50, 60), segment(20, 21)], window) == AT + 20.5 * SECOND
    assert first_footage([segment(-50, 60)], window) == AT + SECOND
