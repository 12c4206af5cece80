"""What is stored, remembered."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given, settings, strategies as st
import pytest

from custom_components.nvr.core.clock import DeviceClock, fixed_zone, parse_posix_zone
from custom_components.nvr.core.errors import NvrBusyError, NvrUnreachableError
from custom_components.nvr.core.models import DayMap, RecordingKind, RecordingSegment, StreamRole, TimeSpan
from custom_components.nvr.core.recording_index import CachedRecordingIndex

ZONE = parse_posix_zone("CST-1:00:00DST01:00:00,M3.5.0/02:00:00,M10.5.0/03:00:00")
assert ZONE is not None
CLOCK = DeviceClock(ZONE, timedelta(0), datetime(2026, 5, 1, tzinfo=UTC))
# Noon of 4 May by the recorder.
NOW = datetime(2026, 5, 4, 10, tzinfo=UTC)
HOUR = timedelta(hours=1)
MIDNIGHT = CLOCK.day(NOW.date()).start


def at(days: float = 0, hours: float = 0) -> datetime:
    return MIDNIGHT + timedelta(days=days, hours=hours)


def days_ago(first: int, last: int | None = None) -> TimeSpan:
    return TimeSpan(at(-first), at(1 - (first if last is None else last)))


class Recorder:
    """A RecordingIndex and a ClockSource: half-hour files that begin at a quarter past, motion at every fourth."""

    def __init__(self) -> None:
        self.current = CLOCK
        self.reading = 0
        self.kept = 41.0
        self.days = frozenset({1})
        self.now = NOW
        self.searches: list[TimeSpan] = []
        self.months: list[tuple[int, int, int]] = []
        self.ended = 0
        self.gate = asyncio.Event()
        self.gate.set()
        self.error: Exception | None = None
        self.open_from: datetime | None = None

    async def read(self) -> DeviceClock:
        return self.current

    def stored(self) -> list[RecordingSegment]:
        first = at(-40, 0.25)
        files = []
        for number in range(41 * 48):
            start = first + number * HOUR / 2
            if start >= self.now:
                break
            kind = RecordingKind.CONTINUOUS if number % 4 else RecordingKind.MOTION
            files.append(RecordingSegment(1, TimeSpan(start, start + HOUR / 2), kind, locator=str(number)))
        files[-1] = replace(files[-1], open=True)
        # What is older was overwritten.
        return [file for file in files if file.span.start >= at(-self.kept)]

    async def search(
        self,
        channel: int,
        span: TimeSpan,
        *,
        kinds: frozenset[RecordingKind] | None = None,
        role: StreamRole = StreamRole.MAIN,
    ) -> AsyncIterator[RecordingSegment]:
        assert role is StreamRole.MAIN
        self.searches.append(span)
        try:
            for number, segment in enumerate(self.stored()):
                if segment.span.overlaps(span) and (kinds is None or segment.kind in kinds):
                    if number % 10 == 0:
                        await asyncio.sleep(0)
                        await self.gate.wait()
                    yield replace(segment, channel=channel)
            if self.error is not None:
                raise self.error
        finally:
            self.ended += 1

    async def day_map(self, channel: int, year: int, month: int) -> DayMap:
        self.months.append((channel, year, month))
        await self.gate.wait()
        if self.error is not None:
            raise self.error
        return DayMap(channel, year, month, self.days)

    def expected(self, span: TimeSpan, kinds: frozenset[RecordingKind] | None = None) -> list[str]:
        return [
            each.locator for each in self.stored() if each.span.overlaps(span) and (kinds is None or each.kind in kinds)
        ]


def index_of(recorder: Recorder, most_segments: int = 10_000) -> CachedRecordingIndex:
    return CachedRecordingIndex(recorder, recorder, utcnow=lambda: recorder.now, most_segments=most_segments)


async def found(
    index: CachedRecordingIndex, span: TimeSpan, kinds: frozenset[RecordingKind] | None = None, channel: int = 1
) -> list[str]:
    return [segment.locator async for segment in index.search(channel, span, kinds=kinds)]


async def test_a_past_day_is_asked_for_once() -> None:
    recorder = Recorder()
    index = index_of(recorder)
    for _ in range(3):
        assert await found(index, days_ago(2)) == recorder.expected(days_ago(2))
        recorder.now += timedelta(hours=5)
    assert len(recorder.searches) == 1
    assert index.remembered == 49
    assert await found(index, days_ago(2), channel=2)
    assert len(recorder.searches) == 2


async def test_kinds_and_parts_of_a_remembered_day_need_no_request() -> None:
    recorder = Recorder()
    index = index_of(recorder)
    await found(index, days_ago(2))
    motion = frozenset({RecordingKind.MOTION})
    part = TimeSpan(at(-2, 3.1), at(-2, 4.3))
    assert await found(index, part, motion) == recorder.expected(part, motion)
    assert await found(index, days_ago(2), frozenset()) == []
    assert len(recorder.searches) == 1


async def test_kinds_of_an_unknown_day_are_filtered_and_the_whole_day_is_remembered() -> None:
    recorder = Recorder()
    index = index_of(recorder)
    motion = frozenset({RecordingKind.MOTION})
    assert await found(index, days_ago(3), motion) == recorder.expected(days_ago(3), motion)
    assert await found(index, days_ago(3)) == recorder.expected(days_ago(3))
    assert len(recorder.searches) == 1


async def test_a_run_of_unknown_days_is_one_search_between_remembered_ones() -> None:
    recorder = Recorder()
    index = index_of(recorder)
    await found(index, days_ago(5))
    recorder.searches.clear()
    assert await found(index, days_ago(8, 2)) == recorder.expected(days_ago(8, 2))
    assert recorder.searches == [days_ago(8, 6), days_ago(4, 2)]
    recorder.searches.clear()
    assert await found(index, days_ago(9, 1)) == recorder.expected(days_ago(9, 1))
    assert recorder.searches == [days_ago(9), days_ago(1)]


async def test_today_holds_for_thirty_seconds() -> None:
    recorder = Recorder()
    index = index_of(recorder)
    today = days_ago(0)
    for seconds, searches in ((0, 1), (29, 1), (31, 2)):
        recorder.now = NOW + timedelta(seconds=seconds)
        assert await found(index, today) == recorder.expected(today)
        assert len(recorder.searches) == searches


async def test_who_is_being_recorded_is_known_while_todays_list_is_new() -> None:
    recorder = Recorder()
    index = index_of(recorder)
    assert index.growing(1) is None
    await found(index, days_ago(0))
    assert (index.growing(1), index.growing(2)) == (True, None)
    recorder.now = NOW + timedelta(seconds=31)
    assert index.growing(1) is None
    # The recorder wrote its last file this morning.
    recorder.stored = lambda: [file for file in Recorder().stored() if file.span.end < at(0, 9)]  # type: ignore[method-assign]
    await found(index, days_ago(0))
    assert index.growing(1) is False


async def test_yesterday_with_a_file_still_open_is_not_closed() -> None:
    recorder = Recorder()
    recorder.now = at(0, 0.2)
    index = index_of(recorder)
    assert await found(index, days_ago(1)) == recorder.expected(days_ago(1))
    recorder.now = at(0, 2)
    assert await found(index, days_ago(1)) == recorder.expected(days_ago(1))
    recorder.now = at(0, 9)
    assert await found(index, days_ago(1)) == recorder.expected(days_ago(1))
    assert len(recorder.searches) == 2


async def test_a_growing_file_over_midnight_is_given_once() -> None:
    recorder = Recorder()
    recorder.now = at(0, 0.2)
    index = index_of(recorder)
    await found(index, days_ago(1))
    assert recorder.stored()[-1].open
    both = days_ago(1, 0)
    assert await found(index, both) == recorder.expected(both)


async def test_a_short_question_is_asked_as_it_is() -> None:
    recorder = Recorder()
    index = index_of(recorder)
    part = TimeSpan(at(-2, 10), at(-2, 11))
    motion = frozenset({RecordingKind.MOTION})
    assert await found(index, part, motion) == recorder.expected(part, motion)
    assert recorder.searches == [part]
    assert index.remembered == 0
    wide = TimeSpan(at(-2, 10), at(-2, 17))
    assert await found(index, wide) == recorder.expected(wide)
    assert recorder.searches[-1] == days_ago(2)


async def test_a_short_question_about_just_now_is_asked_though_todays_list_is_known() -> None:
    recorder = Recorder()
    index = index_of(recorder)
    await found(index, TimeSpan(at(0, 0), recorder.now))
    asked = len(recorder.searches)
    await found(index, TimeSpan(recorder.now - timedelta(minutes=10), recorder.now))
    assert len(recorder.searches) == asked, "nothing can have been written since"
    recorder.now += timedelta(seconds=10)
    await found(index, TimeSpan(recorder.now - timedelta(hours=2), recorder.now - timedelta(hours=1)))
    assert len(recorder.searches) == asked, "it was over when the list was read"
    part = TimeSpan(recorder.now - timedelta(minutes=10), recorder.now)
    await found(index, part)
    assert recorder.searches[asked:] == [part]


async def test_nothing_is_asked_about_nothing_and_the_future_is_short() -> None:
    recorder = Recorder()
    index = index_of(recorder)
    assert await found(index, TimeSpan(at(5), at(900))) == []
    assert await found(index, TimeSpan(at(-1), at(-1))) == []
    assert recorder.searches == []
    far = TimeSpan(at(-1), at(5000))
    assert await found(index, far) == recorder.expected(far)
    assert recorder.searches == [TimeSpan(at(-1), at(2))]


async def test_equal_questions_at_once_are_one_search() -> None:
    recorder = Recorder()
    recorder.gate.clear()
    index = index_of(recorder)
    tasks = [asyncio.create_task(found(index, days_ago(2))) for _ in range(5)]
    await asyncio.sleep(0.01)
    tasks[0].cancel()
    recorder.gate.set()
    answers = await asyncio.gather(*tasks, return_exceptions=True)
    assert isinstance(answers[0], asyncio.CancelledError)
    assert all(answer == recorder.expected(days_ago(2)) for answer in answers[1:])
    assert len(recorder.searches) == 1


async def test_segments_come_while_the_search_goes_on() -> None:
    recorder = Recorder()
    index = index_of(recorder)
    async with aclosing(index.search(1, days_ago(9, 1))) as segments:
        first = await anext(segments)
        recorder.gate.clear()
        assert first.locator == recorder.expected(days_ago(9, 1))[0]
    recorder.gate.set()
    assert recorder.ended == 1
    assert index.remembered == 0


async def test_the_last_reader_ends_the_search() -> None:
    recorder = Recorder()
    recorder.gate.clear()
    index = index_of(recorder)
    tasks = [asyncio.create_task(found(index, days_ago(2))) for _ in range(2)]
    await asyncio.sleep(0.01)
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
    assert recorder.ended == 1
    recorder.gate.set()
    assert await found(index, days_ago(2)) == recorder.expected(days_ago(2))
    assert len(recorder.searches) == 2


async def test_a_failure_reaches_everybody_and_is_not_remembered() -> None:
    recorder = Recorder()
    recorder.error = NvrBusyError("busy")
    index = index_of(recorder)
    answers = await asyncio.gather(*(found(index, days_ago(2)) for _ in range(3)), return_exceptions=True)
    assert all(isinstance(answer, NvrBusyError) for answer in answers)
    assert len(recorder.searches) == 1
    recorder.error = None
    assert await found(index, days_ago(2)) == recorder.expected(days_ago(2))


async def test_invalidate_forgets_and_what_is_under_way_is_not_remembered() -> None:
    recorder = Recorder()
    index = index_of(recorder)
    await found(index, days_ago(2))
    index.invalidate()
    recorder.gate.clear()
    task = asyncio.create_task(found(index, days_ago(2)))
    await asyncio.sleep(0.01)
    index.invalidate()
    recorder.gate.set()
    assert await task == recorder.expected(days_ago(2))
    assert index.remembered == 0
    await found(index, days_ago(2))
    assert len(recorder.searches) == 3


@pytest.mark.parametrize("change", ["zone", "skew", "reading"])
async def test_what_was_answered_under_another_clock_is_asked_again(change: str) -> None:
    recorder = Recorder()
    index = index_of(recorder)
    # Within one day by any of the clocks.
    span = TimeSpan(at(-2, 4), at(-2, 20))
    await found(index, span)
    await index.day_map(1, 2026, 4)
    recorder.current = replace(CLOCK, skew=timedelta(seconds=8), read_at=NOW)
    await found(index, span)
    assert (len(recorder.searches), len(recorder.months)) == (1, 1)
    match change:
        case "zone":
            recorder.current = DeviceClock(fixed_zone(3 * HOUR), timedelta(0), NOW)
        case "skew":
            recorder.current = replace(CLOCK, skew=timedelta(seconds=40))
        case _:
            recorder.reading += 1
    for _ in range(2):
        assert await found(index, span) == recorder.expected(span)
        await index.day_map(1, 2026, 4)
        assert (len(recorder.searches), len(recorder.months)) == (2, 2)
    assert index.reading == recorder.reading


async def test_what_is_under_way_while_the_clock_changes_is_not_remembered() -> None:
    recorder = Recorder()
    recorder.gate.clear()
    index = index_of(recorder)
    tasks: list[asyncio.Task[object]] = [
        asyncio.create_task(found(index, days_ago(2))),
        asyncio.create_task(index.day_map(1, 2026, 4)),
    ]
    await asyncio.sleep(0.01)
    recorder.current = replace(CLOCK, skew=HOUR)
    recorder.gate.set()
    await asyncio.gather(*tasks)
    assert index.remembered == 0
    recorder.current = CLOCK
    await found(index, days_ago(2))
    await index.day_map(1, 2026, 4)
    assert (len(recorder.searches), len(recorder.months)) == (2, 2)


async def test_the_oldest_day_holds_for_an_hour() -> None:
    recorder = Recorder()
    recorder.kept = 10.5
    index = index_of(recorder)
    span = days_ago(14, 8)
    assert await found(index, span) == recorder.expected(span)
    recorder.now += timedelta(minutes=59)
    recorder.kept = 10.25
    await found(index, span)
    assert len(recorder.searches) == 1
    recorder.now += timedelta(minutes=2)
    assert await found(index, span) == recorder.expected(span)
    assert recorder.searches[1:] == [days_ago(11)]
    recorder.kept = 9.75
    recorder.now += timedelta(minutes=61)
    assert await found(index, days_ago(11)) == []
    assert recorder.searches[2:] == [days_ago(11)]


async def test_a_day_is_not_the_oldest_while_an_older_one_is_known() -> None:
    recorder = Recorder()
    recorder.kept = 38.5
    index = index_of(recorder)
    await found(index, days_ago(39))
    recorder.now += timedelta(hours=2)
    recorder.days = frozenset({day.day for day in (at(-40.5).date(), at(-38.5).date())})
    month = at(-38.5).date()
    await index.day_map(1, month.year, month.month)
    await found(index, days_ago(39))
    assert len(recorder.searches) == 1


async def test_a_day_that_is_over_is_asked_for_again_after_half_a_day() -> None:
    recorder = Recorder()
    index = index_of(recorder)
    await found(index, days_ago(2))
    recorder.kept = 0.5
    recorder.now += timedelta(hours=11.9)
    assert await found(index, days_ago(2))
    recorder.now += timedelta(hours=0.2)
    assert await found(index, days_ago(2)) == []


async def test_a_newer_calendar_makes_overwritten_days_forgotten() -> None:
    recorder = Recorder()
    index = index_of(recorder)
    await found(index, days_ago(3, 2))
    first, second = at(-2.5).date(), at(-1.5).date()
    recorder.now += timedelta(minutes=1)
    recorder.days = frozenset({second.day})
    await index.day_map(1, first.year, first.month)
    recorder.searches.clear()
    await found(index, days_ago(3, 2))
    assert recorder.searches == [days_ago(3)]
    await index.day_map(2, first.year, first.month)
    await found(index, days_ago(3, 2))
    assert len(recorder.searches) == 1


async def test_close_ends_what_is_under_way() -> None:
    recorder = Recorder()
    recorder.gate.clear()
    index = index_of(recorder)
    tasks: list[asyncio.Task[object]] = [
        asyncio.create_task(found(index, days_ago(2))),
        asyncio.create_task(index.day_map(1, 2026, 5)),
    ]
    await asyncio.sleep(0.01)
    await index.close()
    answers = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(answer) for answer in answers] == [NvrUnreachableError, NvrUnreachableError]
    assert recorder.ended == 1


async def test_the_least_used_days_go_first() -> None:
    recorder = Recorder()
    index = index_of(recorder, most_segments=160)
    for day in (5, 6, 7):
        await found(index, days_ago(day))
    await found(index, days_ago(5))
    await found(index, days_ago(8))
    recorder.searches.clear()
    await found(index, days_ago(5))
    assert recorder.searches == []
    await found(index, days_ago(6))
    assert recorder.searches == [days_ago(6)]
    assert index.remembered <= 160


async def test_day_map_holds_and_is_shared() -> None:
    recorder = Recorder()
    recorder.gate.clear()
    index = index_of(recorder)
    tasks = [asyncio.create_task(index.day_map(1, 2026, 5)) for _ in range(3)]
    await asyncio.sleep(0.01)
    tasks[0].cancel()
    recorder.gate.set()
    await asyncio.wait(tasks)
    assert recorder.months == [(1, 2026, 5)]
    recorder.now += timedelta(seconds=29)
    await index.day_map(1, 2026, 5)
    await index.day_map(1, 2026, 4)
    assert len(recorder.months) == 2
    recorder.now += timedelta(seconds=31)
    await index.day_map(1, 2026, 4)
    assert len(recorder.months) == 2
    await index.day_map(1, 2026, 5)
    assert len(recorder.months) == 3
    recorder.now += timedelta(hours=1)
    await index.day_map(1, 2026, 4)
    assert len(recorder.months) == 4


async def test_day_map_failure_is_told_and_not_remembered() -> None:
    recorder = Recorder()
    index = index_of(recorder)
    recorder.error = NvrBusyError("busy")
    with pytest.raises(NvrBusyError):
        await index.day_map(1, 2026, 5)
    recorder.error = None
    assert (await index.day_map(1, 2026, 5)).days == {1}


async def test_day_map_asked_before_invalidate_is_not_remembered() -> None:
    recorder = Recorder()
    recorder.gate.clear()
    index = index_of(recorder)
    task = asyncio.create_task(index.day_map(1, 2026, 5))
    await asyncio.sleep(0.01)
    index.invalidate()
    recorder.gate.set()
    await task
    await index.day_map(1, 2026, 5)
    assert len(recorder.months) == 2


spans = st.tuples(st.floats(-12, 1), st.floats(0.001, 4)).map(lambda pair: TimeSpan(at(pair[0]), at(sum(pair))))


@settings(max_examples=30)
@given(st.lists(st.tuples(spans, st.booleans(), st.integers(0, 100)), min_size=1, max_size=8))
def test_any_questions_in_any_order_are_answered_as_the_recorder_would(
    questions: list[tuple[TimeSpan, bool, int]],
) -> None:
    async def ask() -> None:
        recorder = Recorder()
        index = index_of(recorder, most_segments=250)
        for span, some, seconds in questions:
            kinds = frozenset({RecordingKind.MOTION}) if some else None
            recorder.now += timedelta(seconds=seconds)
            fresh = recorder.now
            answer = await found(index, span, kinds)
            if answer != recorder.expected(span, kinds):
                # Only an answer about today may be up to 30 s old.
                recorder.now = fresh - timedelta(seconds=30)
                assert answer == recorder.expected(span, kinds)
                recorder.now = fresh

    asyncio.run(ask())
