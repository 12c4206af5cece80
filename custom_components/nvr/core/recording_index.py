"""What is stored, remembered: the past does not change, so a day that is over is asked for once."""

import asyncio
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import AsyncGenerator, Callable, Hashable, Iterable, Iterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

from .clock import DeviceClock
from .driver import ClockSource, RecordingIndex
from .errors import NvrUnreachableError
from .models import DayMap, RecordingKind, RecordingSegment, StreamRole, TimeSpan
from .timeline import dates

# How long an answer about today, or about footage still growing, holds.
TODAY_HOLDS: Final = timedelta(seconds=30)
# Days before this month lose footage only by being overwritten.
MONTH_HOLDS: Final = timedelta(hours=1)
# A day that is over loses footage only so, too: a recorder that is full overwrites about a day in a day. The one that
# may be the oldest holds as long as a month.
DAY_HOLDS: Final = timedelta(hours=12)
# A recorder's clock drifts; what moves it further was done to it, and moves what was answered before.
DRIFT: Final = timedelta(seconds=10)
_MINUTE: Final = timedelta(minutes=1)
# A file that began before midnight is listed once it is closed; files roll at least hourly (hikvision-isapi 8.3).
SETTLED: Final = timedelta(minutes=10)
# A shorter question inside one day is asked as it is: a whole day has many pages.
WHOLE_DAY_FROM: Final = timedelta(hours=6)
MOST_SEGMENTS: Final = 200_000


def _utcnow() -> datetime:
    return datetime.now(UTC)


type _DayKey = tuple[int, StreamRole, date]
type _Kinds = frozenset[RecordingKind] | None


@dataclass(frozen=True, slots=True)
class _Day:
    segments: tuple[RecordingSegment, ...]
    fetched_at: datetime
    closed: bool

    @property
    def weight(self) -> int:
        return len(self.segments) + 1


@dataclass(frozen=True, slots=True)
class _Question:
    """One search of the recorder; whole days carry their dates, everything else goes unremembered."""

    channel: int
    role: StreamRole
    span: TimeSpan
    days: tuple[date, ...] = ()
    kinds: _Kinds = None


class _Flight:
    """One running search that several may read; it ends with its last reader, and is forgotten before it ends."""

    def __init__(self, results: AsyncGenerator[RecordingSegment], forget: Callable[[], None]) -> None:
        self._results = results
        self._forget = forget
        self._found: list[RecordingSegment] = []
        self._readers = 0
        self._waiting: list[asyncio.Future[None]] = []
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def _run(self) -> None:
        try:
            async with aclosing(self._results) as results:
                async for segment in results:
                    self._found.append(segment)
                    self._wake()
        finally:
            self._forget()

    def _wake(self) -> None:
        for waiter in self._waiting:
            if not waiter.done():
                waiter.set_result(None)
        self._waiting.clear()

    async def read(self) -> AsyncGenerator[RecordingSegment]:
        """Yield everything from the first segment on. Raises what the search raised."""
        self._readers += 1
        at = 0
        try:
            while True:
                while at < len(self._found):
                    at += 1
                    yield self._found[at - 1]
                if self._task.done():
                    break
                waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
                self._waiting.append(waiter)
                await asyncio.wait((waiter, self._task), return_when=asyncio.FIRST_COMPLETED)
            if self._task.cancelled():
                raise NvrUnreachableError("the search was ended with the connection")
            self._task.result()
        finally:
            self._readers -= 1
            if not self._readers:
                self._forget()
                await self.stop()

    async def stop(self) -> None:
        """End the search."""
        self._task.cancel()
        await _ended(self._task)


async def _ended(task: asyncio.Task[Any]) -> None:
    """Wait for the end of a task; what it raised was told to those who asked."""
    await asyncio.wait((task,))
    if not task.cancelled():
        task.exception()


def _short(span: TimeSpan, day: TimeSpan) -> bool:
    part = span.clip(day)
    return part is not None and part.duration < WHOLE_DAY_FROM


def _by_day(spans: Sequence[TimeSpan], segments: Iterable[RecordingSegment]) -> list[list[RecordingSegment]]:
    """Return for each of the consecutive spans the segments that overlap it."""
    parts: list[list[RecordingSegment]] = [[] for _ in spans]
    starts = [span.start for span in spans]
    for segment in segments:
        at = max(0, bisect_right(starts, segment.span.start) - 1)
        while at < len(spans) and spans[at].start < segment.span.end:
            if segment.span.overlaps(spans[at]):
                parts[at].append(segment)
            at += 1
    return parts


class CachedRecordingIndex:
    """A RecordingIndex that asks the recorder for a day that is over once in a while, and never twice at the same time.

    Days over are remembered for half a day (the least used go first beyond `most_segments`), the oldest recorded one
    for an hour, today for 30 s; nothing is once the recorder's clock, or the source's reading, has changed. A run of
    unknown days is one search, whose segments are given out while it goes on.
    """

    def __init__(
        self,
        source: RecordingIndex,
        clock: ClockSource,
        *,
        utcnow: Callable[[], datetime] = _utcnow,
        most_segments: int = MOST_SEGMENTS,
    ) -> None:
        """Remember nothing yet."""
        self._source = source
        self._clock = clock
        self._utcnow = utcnow
        self._most_segments = most_segments
        self._days: OrderedDict[_DayKey, _Day] = OrderedDict()
        self._weight = 0
        self._months: dict[tuple[int, int, int], tuple[DayMap, datetime]] = {}
        self._flights: dict[_Question, _Flight] = {}
        self._month_flights: dict[tuple[int, int, int], asyncio.Task[DayMap]] = {}
        self._generation = 0
        self._basis: tuple[DeviceClock, Hashable] = clock.current, source.reading

    @property
    def reading(self) -> Hashable:
        """What answers depend on besides the clock."""
        return self._source.reading

    @property
    def remembered(self) -> int:
        """How many segments are held."""
        return sum(len(day.segments) for day in self._days.values())

    @property
    def busy(self) -> bool:
        """Whether something is being asked of the recorder."""
        return bool(self._flights or self._month_flights)

    def growing(self, channel: int) -> bool | None:
        """Tell whether the channel is being recorded, by today's list; None when that was not asked for just now."""
        day = self._remembered((channel, StreamRole.MAIN, self._clock.current.date_of(self._utcnow())))
        if day is None:
            return None
        return any(segment.open or segment.span.end >= day.fetched_at for segment in day.segments)

    async def search(
        self,
        channel: int,
        span: TimeSpan,
        *,
        kinds: frozenset[RecordingKind] | None = None,
        role: StreamRole = StreamRole.MAIN,
    ) -> AsyncGenerator[RecordingSegment]:
        """Yield the segments that overlap the span, oldest first, each once. Raises what the recorder's search does."""
        self._renew_basis()
        # A segment that reaches over midnight is held by both days; one still growing changes its end meanwhile.
        reaching: set[tuple[datetime, RecordingKind, str]] = set()
        for part in self._plan(channel, role, span, kinds):
            before, reaching = reaching, set()
            async with aclosing(self._answers(part)) as segments:
                async for segment in segments:
                    key = (segment.span.start, segment.kind, segment.raw_kind)
                    if segment.span.end > part.span.end:
                        reaching.add(key)
                    wanted = kinds is None or segment.kind in kinds
                    if wanted and key not in before and segment.span.overlaps(span):
                        yield segment

    async def day_map(self, channel: int, year: int, month: int) -> DayMap:
        """Return the days of that month, in the recorder's own calendar, that hold footage."""
        self._renew_basis()
        key = (channel, year, month)
        now = self._utcnow()
        known = self._months.get(key)
        today = self._clock.current.date_of(now)
        holds = MONTH_HOLDS if (year, month) < (today.year, today.month) else TODAY_HOLDS
        if known is not None and now - known[1] < holds:
            return known[0]
        task = self._month_flights.get(key)
        if task is None:
            task = asyncio.get_running_loop().create_task(self._fetch_month(key))
            self._month_flights[key] = task
            task.add_done_callback(lambda done: self._landed(key, done))
        await asyncio.wait((task,))
        if task.cancelled():
            raise NvrUnreachableError("the search was ended with the connection")
        return task.result()

    def invalidate(self) -> None:
        """Forget everything; searches under way still answer, but are not remembered."""
        self._generation += 1
        self._days.clear()
        self._weight = 0
        self._months.clear()
        self._flights.clear()
        self._month_flights.clear()

    def forget_growing(self, channel: int, role: StreamRole = StreamRole.MAIN) -> None:
        """Forget the days of a channel that may still grow: who asks next is told what is true then."""
        for key in [key for key, day in self._days.items() if key[:2] == (channel, role) and not day.closed]:
            self._weight -= self._days.pop(key).weight

    async def close(self) -> None:
        """End the searches under way and forget everything."""
        flights, months = tuple(self._flights.values()), tuple(self._month_flights.values())
        self.invalidate()
        for task in months:
            task.cancel()
        for ending in (*(flight.stop() for flight in flights), *map(_ended, months)):
            await ending

    def _renew_basis(self) -> None:
        """Forget everything if it was answered under another clock, or another reading, than are true now."""
        if not self._basis_holds():
            self.invalidate()
            self._basis = self._clock.current, self._source.reading

    def _basis_holds(self) -> bool:
        clock, reading = self._basis
        latest = self._clock.current
        moved = latest.zone != clock.zone or abs(latest.skew - clock.skew) > DRIFT
        return not moved and reading == self._source.reading

    def _plan(self, channel: int, role: StreamRole, span: TimeSpan, kinds: _Kinds) -> Iterator[_Question]:
        """Yield what to ask, in order: remembered days one by one, runs of unknown days as one."""
        clock = self._clock.current
        now = self._utcnow()
        # Nothing is recorded after tomorrow; a question without an end would never end.
        horizon = clock.date_of(now) + timedelta(days=1)
        days = [day for day in dates(span, clock.date_of) if day <= horizon]
        if len(days) == 1 and _short(span, clock.day(days[0])):
            held = self._remembered((channel, role, days[0]))
            # Who asks for a few minutes of just now wants to know what was written since today's list was read.
            if held is None or (held.fetched_at < min(span.end, now) and not held.closed):
                yield _Question(channel, role, span, kinds=kinds)
                return
        run: list[date] = []
        for day in days:
            known = self._remembered((channel, role, day)) is not None
            if run and known:
                yield self._whole(channel, role, run)
                run = []
            if known:
                yield self._whole(channel, role, [day])
            else:
                run.append(day)
        if run:
            yield self._whole(channel, role, run)

    def _whole(self, channel: int, role: StreamRole, days: Sequence[date]) -> _Question:
        clock = self._clock.current
        span = TimeSpan(clock.day(days[0]).start, clock.day(days[-1]).end)
        return _Question(channel, role, span, tuple(days))

    async def _answers(self, question: _Question) -> AsyncGenerator[RecordingSegment]:
        known = [self._remembered((question.channel, question.role, day)) for day in question.days]
        if len(known) == 1 and known[0] is not None:
            for segment in known[0].segments:
                yield segment
            return
        flight = self._flights.get(question)
        if flight is None:
            flight = self._flights[question] = _Flight(self._fetch(question), lambda: self._forget(question, flight))
        async with aclosing(flight.read()) as segments:
            async for segment in segments:
                yield segment

    def _forget(self, question: _Question, flight: _Flight | None) -> None:
        if self._flights.get(question) is flight:
            self._flights.pop(question, None)

    async def _fetch(self, question: _Question) -> AsyncGenerator[RecordingSegment]:
        generation = self._generation
        asked_at = self._utcnow()
        found: list[RecordingSegment] = []
        results = self._source.search(question.channel, question.span, kinds=question.kinds, role=question.role)
        try:
            async for segment in results:
                found.append(segment)
                yield segment
        finally:
            # The role promises an iterator; every driver's is a generator, and its pages must not go on.
            if isinstance(results, AsyncGenerator):
                await results.aclose()
        if generation == self._generation and self._basis_holds():
            self._remember(question, found, asked_at)

    def _remembered(self, key: _DayKey) -> _Day | None:
        day = self._days.get(key)
        if day is None:
            return None
        age = self._utcnow() - day.fetched_at
        if age >= (DAY_HOLDS if day.closed else TODAY_HOLDS) or (age >= MONTH_HOLDS and self._may_be_oldest(key, day)):
            return None
        self._days.move_to_end(key)
        return day

    def _may_be_oldest(self, key: _DayKey, day: _Day) -> bool:
        """Tell whether a day may be what is overwritten next: it began without footage, and no older is known of."""
        channel, role, date_ = key
        if not day.segments or day.segments[0].span.start <= self._clock.current.day(date_).start + _MINUTE:
            return False
        since = self._utcnow() - MONTH_HOLDS
        if any(
            other.segments and other.fetched_at > since and at[:2] == key[:2] and at[2] < date_
            for at, other in self._days.items()
        ):
            return False
        return role is not StreamRole.MAIN or not any(
            of == channel
            and asked_at > since
            and any((year, month, each) < date_.timetuple()[:3] for each in answer.days)
            for (of, year, month), (answer, asked_at) in self._months.items()
        )

    def _remember(self, question: _Question, found: Sequence[RecordingSegment], asked_at: datetime) -> None:
        clock = self._clock.current
        spans = [clock.day(day) for day in question.days]
        for day, span, segments in zip(question.days, spans, _by_day(spans, found), strict=True):
            over = span.end + SETTLED <= asked_at and not any(segment.open for segment in segments)
            key = (question.channel, question.role, day)
            old = self._days.pop(key, None)
            new = self._days[key] = _Day(tuple(segments), asked_at, over)
            self._weight += new.weight - (old.weight if old is not None else 0)
        while self._weight > self._most_segments and self._days:
            self._weight -= self._days.popitem(last=False)[1].weight

    async def _fetch_month(self, key: tuple[int, int, int]) -> DayMap:
        generation = self._generation
        asked_at = self._utcnow()
        answer = await self._source.day_map(*key)
        if generation == self._generation and self._basis_holds():
            self._months[key] = (answer, asked_at)
            self._forget_overwritten(answer, asked_at)
        return answer

    def _forget_overwritten(self, answer: DayMap, asked_at: datetime) -> None:
        """Forget the days a newer calendar says something else of."""
        for key, day in tuple(self._days.items()):
            channel, role, at = key
            if (channel, role, at.year, at.month) != (answer.channel, StreamRole.MAIN, answer.year, answer.month):
                continue
            if day.fetched_at < asked_at and bool(day.segments) is not (at.day in answer.days):
                self._weight -= self._days.pop(key).weight

    def _landed(self, key: tuple[int, int, int], task: asyncio.Task[DayMap]) -> None:
        if self._month_flights.get(key) is task:
            del self._month_flights[key]
        if not task.cancelled():
            task.exception()
