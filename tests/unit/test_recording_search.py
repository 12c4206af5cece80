"""A search over several channels: order, limit, pages, joined segments, and failures that stay failures."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta

from hypothesis import given, settings, strategies as st
import pytest

from custom_components.nvr.core.errors import NvrError, NvrUnreachableError
from custom_components.nvr.core.models import DayMap, RecordingKind, RecordingSegment, StreamRole, TimeSpan
from custom_components.nvr.recording_search import ChannelPage, ChannelQuery, Finding, search_channels

DAY = datetime(2026, 11, 20, tzinfo=UTC)
SPAN = TimeSpan(DAY, DAY + timedelta(days=1))


def segment(
    start: float, end: float, kind: RecordingKind = RecordingKind.CONTINUOUS, size: int | None = 1
) -> RecordingSegment:
    """Make a segment between two minutes of the day."""
    span = TimeSpan(DAY + timedelta(minutes=start), DAY + timedelta(minutes=end))
    return RecordingSegment(1, span, kind, size=size)


class StoredIndex:
    """An index over a list; fails after some segments when told to, and counts the searches under way."""

    def __init__(self, segments: Sequence[RecordingSegment], *, fail_after: int | None = None) -> None:
        self.segments = sorted(segments, key=lambda item: item.span)
        self.fail_after = fail_after
        self.running = 0
        self.given = 0
        self.reading = 0

    async def search(
        self,
        channel: int,
        span: TimeSpan,
        *,
        kinds: frozenset[RecordingKind] | None = None,
        role: StreamRole = StreamRole.MAIN,
    ) -> AsyncIterator[RecordingSegment]:
        del channel, role
        self.running += 1
        try:
            for number, item in enumerate(self.segments):
                await asyncio.sleep(0)
                if self.fail_after is not None and number >= self.fail_after:
                    raise NvrUnreachableError("away")
                if item.span.overlaps(span) and (kinds is None or item.kind in kinds):
                    self.given += 1
                    yield item
        finally:
            self.running -= 1

    async def day_map(self, channel: int, year: int, month: int) -> DayMap:
        raise NotImplementedError


def query(key: str, index: StoredIndex, page: ChannelPage | None = None) -> ChannelQuery:
    return ChannelQuery(key, index, 1, SPAN, page.resume if page else None)


def minutes(findings: Sequence[Finding]) -> list[tuple[float, float]]:
    return [
        ((item.span.start - DAY) / timedelta(minutes=1), (item.span.end - DAY) / timedelta(minutes=1))
        for item in findings
    ]


async def pages(
    indexes: dict[str, StoredIndex], limit: int, *, merge: bool = False
) -> list[tuple[str, tuple[float, float]]]:
    """Read to the end, page by page, as a caller with a cursor does."""
    found: list[tuple[str, tuple[float, float]]] = []
    last: dict[str, ChannelPage | None] = dict.fromkeys(indexes)
    while last:
        queries = [query(key, indexes[key], page) for key, page in last.items()]
        answer = await search_channels(queries, limit=limit, merge=merge)
        page_items = [(item.span, page.key, item) for page in answer for item in page.findings]
        assert len(page_items) <= limit
        found += [(key, minutes([item])[0]) for _, key, item in sorted(page_items, key=lambda row: row[:2])]
        last = {page.key: page for page in answer if page.resume is not None}
    return found


async def test_findings_of_all_channels_come_in_the_order_of_time_up_to_the_limit() -> None:
    one = StoredIndex([segment(0, 1), segment(4, 5), segment(8, 9)])
    two = StoredIndex([segment(2, 3), segment(6, 7)])
    first, second = await search_channels([query("one", one), query("two", two)], limit=3)
    assert minutes(first.findings) == [(0, 1), (4, 5)]
    assert minutes(second.findings) == [(2, 3)]
    assert first.resume is not None
    assert second.resume is not None


async def test_search_that_finds_all_has_no_more_pages() -> None:
    (page,) = await search_channels([query("one", StoredIndex([segment(0, 1), segment(2, 3)]))], limit=2)
    assert minutes(page.findings) == [(0, 1), (2, 3)]
    assert page.resume is None
    assert page.error is None


async def test_search_of_nothing_finds_nothing_and_says_no_error() -> None:
    (page,) = await search_channels([query("one", StoredIndex([]))], limit=2)
    assert (page.findings, page.resume, page.error) == ([], None, None)
    assert await search_channels([], limit=2) == ()


async def test_failing_channel_says_so_and_leaves_the_others_alone() -> None:
    bad, good = StoredIndex([], fail_after=0), StoredIndex([segment(0, 1)])
    bad.segments = [segment(0, 1)]
    failed, found = await search_channels([query("bad", bad), query("good", good)], limit=10)
    assert isinstance(failed.error, NvrError)
    assert failed.findings == []
    assert minutes(found.findings) == [(0, 1)]
    assert found.error is None


async def test_channel_that_fails_in_the_middle_goes_on_behind_what_it_gave() -> None:
    index = StoredIndex([segment(0, 1), segment(2, 3), segment(4, 5)], fail_after=2)
    (page,) = await search_channels([query("one", index)], limit=10)
    assert minutes(page.findings) == [(0, 1), (2, 3)]
    assert isinstance(page.error, NvrUnreachableError)
    index.fail_after = None
    (rest,) = await search_channels([query("one", index, page)], limit=10)
    assert minutes(rest.findings) == [(4, 5)]


async def test_page_that_is_full_leaves_no_search_under_way() -> None:
    index = StoredIndex([segment(minute, minute + 0.5) for minute in range(1000)])
    await search_channels([query("one", index)], limit=3)
    assert index.running == 0
    assert index.given < 100


async def test_search_that_is_cancelled_leaves_nothing_under_way() -> None:
    index = StoredIndex([segment(minute, minute + 0.5) for minute in range(1000)])
    task = asyncio.create_task(search_channels([query("one", index)], limit=1000))
    while not index.running:
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert index.running == 0


async def test_segments_that_begin_together_are_each_given_once_over_pages() -> None:
    kinds = [RecordingKind.CONTINUOUS, RecordingKind.MOTION, RecordingKind.ALARM]
    index = StoredIndex([segment(0, 1 + number, kind) for number, kind in enumerate(kinds)] + [segment(9, 10)])
    found = await pages({"one": index}, 2)
    assert [item for _, item in found] == [(0, 1), (0, 2), (0, 3), (9, 10)]


async def test_only_the_asked_kinds_are_found() -> None:
    index = StoredIndex([segment(0, 1), segment(2, 3, RecordingKind.MOTION)])
    (page,) = await search_channels([query("one", index)], limit=9, kinds=frozenset({RecordingKind.MOTION}))
    assert [item.kinds for item in page.findings] == [(RecordingKind.MOTION,)]


async def test_segments_that_follow_one_another_are_joined() -> None:
    index = StoredIndex(
        [segment(0, 10), segment(10.02, 20, RecordingKind.MOTION), segment(19, 30), segment(31, 40, size=None)]
    )
    (page,) = await search_channels([query("one", index)], limit=9, merge=True)
    assert minutes(page.findings) == [(0, 30), (31, 40)]
    assert [item.parts for item in page.findings] == [3, 1]
    assert [item.size for item in page.findings] == [3, None]
    assert page.findings[0].kinds == (RecordingKind.CONTINUOUS, RecordingKind.MOTION)


@settings(max_examples=60, deadline=None)
@given(
    st.dictionaries(
        st.sampled_from(["a", "b", "c"]),
        st.lists(st.tuples(st.integers(0, 30), st.integers(1, 5)), max_size=12, unique=True),
        max_size=3,
    ),
    st.integers(1, 7),
)
async def test_pages_of_any_size_hold_everything_once(stored: dict[str, list[tuple[int, int]]], limit: int) -> None:
    indexes = {
        key: StoredIndex([segment(start, start + length) for start, length in items]) for key, items in stored.items()
    }
    found = await pages(indexes, limit)
    expected = [(key, minute) for key, index in indexes.items() for minute in minutes_of(index)]
    assert sorted(found) == sorted(expected)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 60), st.integers(1, 5)), max_size=15, unique=True), st.integers(1, 4))
async def test_joined_pages_of_any_size_cover_the_same(items: list[tuple[int, int]], limit: int) -> None:
    index = StoredIndex([segment(start, start + length) for start, length in items])
    whole = await pages({"a": index}, 1000, merge=True)
    assert await pages({"a": index}, limit, merge=True) == whole


def minutes_of(index: StoredIndex) -> list[tuple[float, float]]:
    return [
        ((item.span.start - DAY) / timedelta(minutes=1), (item.span.end - DAY) / timedelta(minutes=1))
        for item in index.segments
    ]
