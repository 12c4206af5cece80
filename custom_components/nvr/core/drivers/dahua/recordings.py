"""The recording index: searches and the calendar (dahua-cgi 9)."""

import calendar
from collections.abc import AsyncGenerator, AsyncIterator, Hashable
from contextlib import aclosing, suppress
from datetime import date, timedelta
from typing import Final

from ... import timeline
from ...errors import NvrNotFoundError, NvrResponseError, NvrUnsupportedError
from ...models import DayMap, RecordingKind, RecordingSegment, StreamRole, TimeSpan
from .context import Context
from .finder import FileQuestion, Finders, rpc_is_away
from .mapping_search import SegmentMapper
from .refusals import DahuaRefusalError, HandleLostError, SessionLostError
from .wire import integer
from .wire_find import days_of

# A window far in the past is refused as if nothing had ever been recorded (dahua-cgi 9.1).
_OLDEST: Final = timedelta(days=3650)
_AHEAD: Final = timedelta(days=1)
_DAY: Final = timedelta(days=1)
_HOUR: Final = timedelta(hours=1)
# A finder is asked for about so many files at a time: people see the first day at once, and memory stays small.
_COMFORTABLE: Final = 1000
_LONGEST: Final = timedelta(days=31)
_SMALLEST: Final = timedelta(minutes=1)
# What cameras with a card, and NVRs, call their storage (dahua-cgi 9.4).
_STORAGES: Final = ("/", "/dev/mmc0", "/mnt/sd")
_BASES: Final = (0, 1)
_CHECKED_CHANNELS: Final = 3
_NONE: Final = "none"


class Recordings:
    """Searches of one recorder."""

    def __init__(self, context: Context, finders: Finders | None = None) -> None:
        """Hold the context; `finders` are shared with whoever else searches files."""
        self._context = context
        self.finders = finders or Finders(context)
        self._directory: tuple[int, int] | None = None  # generation of the RPC session, handle

    @property
    def reading(self) -> Hashable:
        """How often the recorder was learned: an answer does not outlive what was taken for its ways before."""
        return self._context.connects

    def search(
        self,
        channel: int,
        span: TimeSpan,
        *,
        kinds: frozenset[RecordingKind] | None = None,
        role: StreamRole = StreamRole.MAIN,
    ) -> AsyncIterator[RecordingSegment]:
        """Yield the segments that touch the span, oldest first, each once (dahua-cgi 9.2).

        Between two windows no finder is held, so that a slow reader keeps nobody waiting.
        """
        return self._search(channel, span, kinds, role)

    async def _search(
        self, channel: int, span: TimeSpan, kinds: frozenset[RecordingKind] | None, role: StreamRole
    ) -> AsyncGenerator[RecordingSegment]:
        context = self._context
        self._check(channel, role)
        now = context.utcnow()
        start, end = max(span.start, now - _OLDEST), min(span.end, now + _AHEAD)
        mapper = SegmentMapper(context.wall(), channel, role, span, now=now, kinds=kinds)
        length = _DAY
        while start < end:
            stop = min(end, start + length)
            files, bounded = await self.finders.files(self._question(channel, TimeSpan(start, stop), role))
            if bounded:
                # Where a recorder stops, and in which order, nobody knows: nothing of it is believed (dahua-cgi 18).
                context.count("searches_bounded")
                length = (stop - start) / 2
                if length < _SMALLEST:
                    raise NvrResponseError("the recorder lists more files than it lets us read")
                continue
            for segment in mapper.map(files):
                yield segment
            per_day = len(files) / ((stop - start) / _DAY)
            length = min(_LONGEST, max(_HOUR, _DAY * (_COMFORTABLE / per_day)) if per_day else length * 4)
            start = stop

    def find(self, channel: int, span: TimeSpan, role: StreamRole) -> AsyncGenerator[RecordingSegment]:
        """Do as `search`, of all kinds; to be closed by who does not read to the end."""
        return self._search(channel, span, None, role)

    def _check(self, channel: int, role: StreamRole) -> None:
        self._context.channel(channel)
        if role is StreamRole.SUB and not self._context.capabilities.sub_track:
            raise NvrUnsupportedError("the recorder records the main stream only")

    def _question(self, channel: int, span: TimeSpan, role: StreamRole) -> FileQuestion:
        start, end = self._context.wall().window(span)
        return FileQuestion(channel, start, end, role)

    async def day_map(self, channel: int, year: int, month: int) -> DayMap:
        """Return the days of a month that hold footage, the recorder's own days (dahua-cgi 9.4)."""
        self._context.channel(channel)
        if await self._calendar_is_right(channel):
            with suppress(NvrUnsupportedError):
                days = await self._bitmap(channel, year, month, int(self._context.quirks.bitmap or 0))
                # So is told too that the question was not liked: a month without days is only believed to a search.
                # One that names days it does not have is not believed either.
                if days and max(days) <= calendar.monthrange(year, month)[1]:
                    return DayMap(channel, year, month, days)
        return await self._days_by_search(channel, year, month)

    async def _days_by_search(self, channel: int, year: int, month: int) -> DayMap:
        clock = self._context.known_clock()
        first = clock.day(date(year, month, 1))
        last = clock.day(date(year, month, calendar.monthrange(year, month)[1]))
        span = TimeSpan(first.start, last.end)
        found = [segment.span async for segment in self._search(channel, span, None, StreamRole.MAIN)]
        return timeline.day_map(found, clock.date_of, channel, year, month)

    async def _calendar_is_right(self, channel: int) -> bool:
        """Tell whether the month's bitmap can be believed: once it is compared with a search of today (dahua-cgi 9.4).

        While nothing is recorded today nothing shows, and nothing is learned; nor is it by what is refused, or while
        RPC2 is away.
        """
        quirks = self._context.quirks
        if quirks.bitmap is not None:
            return quirks.bitmap != _NONE
        if rpc_is_away(self._context):
            return False
        today = self._context.known_clock().date_of(self._context.utcnow())
        if (today + timedelta(days=1)).month != today.month:
            return False  # nothing could prove it wrong: no day of the month is to come
        # The first channel tells most: under the wrong base it is nobody's.
        numbers = [each.number for each in self._context.channels if each.online is not False]
        for number in dict.fromkeys([*sorted(numbers)[:_CHECKED_CHANNELS], channel]):
            if not await self._has_footage_today(number):
                continue
            answered = False
            for base in _BASES:
                try:
                    days = await self._bitmap(number, today.year, today.month, base)
                except NvrUnsupportedError:
                    if not rpc_is_away(self._context):
                        quirks.bitmap = _NONE
                    return False
                # A day to come has no footage: one that is told to have is proof against the bitmap.
                if days and today.day in days and max(days) <= today.day:
                    quirks.bitmap = str(base)
                    return True
                answered |= days is not None
            if answered:
                quirks.bitmap = _NONE
            return False
        return False

    async def _has_footage_today(self, channel: int) -> bool:
        clock = self._context.known_clock()
        today = clock.day(clock.date_of(self._context.utcnow()))
        async with aclosing(self._search(channel, today, None, StreamRole.MAIN)) as segments:
            async for _ in segments:
                return True
        return False

    async def _bitmap(self, channel: int, year: int, month: int, base: int) -> frozenset[int] | None:
        """Return the days by the recorder's calendar, None where it refuses: so it does a month without any (9.4)."""
        condition = {"Channel": channel - 1 + base, "Types": ["dav"], "Events": ["*"], "Year": year, "Month": month}
        for left in (1, 0):
            handle = await self._open_directory()
            try:
                answer = await self._context.client.rpc.call(
                    "workDirectory.getBitmapEx", {"condition": condition}, object=handle, lane="search"
                )
            except SessionLostError, HandleLostError:
                self._directory = None
                if not left:
                    raise
                continue
            except DahuaRefusalError, NvrNotFoundError:
                return None
            return days_of(integer(answer.params, "bitmap") or 0)
        raise AssertionError

    async def _open_directory(self) -> int:
        """Return the handle of the storage; raises NvrUnsupportedError where no name is known (dahua-cgi 9.4)."""
        rpc, quirks = self._context.client.rpc, self._context.quirks
        if self._directory is not None and self._directory[0] == rpc.generation:
            return self._directory[1]
        for name in (quirks.bitmap_name,) if quirks.bitmap_name else _STORAGES:
            try:
                answer = await rpc.call("workDirectory.factory.instance", {"name": name}, lane="search")
            except DahuaRefusalError, NvrNotFoundError:
                continue
            handle = answer.result
            if isinstance(handle, int) and not isinstance(handle, bool) and handle:
                quirks.bitmap_name = name
                self._directory = (rpc.generation, handle)
                return handle
        raise NvrUnsupportedError("the recorder has no calendar")
