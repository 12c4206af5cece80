"""Which days hold footage: the recorder's calendar, and searches where it has none or errs (hikvision-isapi 8.4)."""

import calendar
from collections.abc import Awaitable, Callable
from datetime import date, timedelta

from ...errors import NvrError, NvrNotFoundError, NvrResponseError, NvrUnsupportedError
from ...models import DayMap, StreamRole, TimeSpan
from .context import Context
from .mapping_search import SegmentMapper
from .mapping_time import WireClock
from .refusals import HikvisionRefusalError, is_optional_refusal, is_track_unknown
from .wire_search import Match, daily_body, parse_daily

_SECOND = timedelta(seconds=1)
# What was recorded so lately a calendar need not know of yet.
_CALENDAR_DELAY = timedelta(hours=1)


class Days:
    """The days of one recorder."""

    def __init__(
        self,
        context: Context,
        calibrate: Callable[[TimeSpan], Awaitable[object]],
        first: Callable[[int, TimeSpan, WireClock], Awaitable[list[Match]]],
    ) -> None:
        """Hold the context; `calibrate` finds out what Z means, `first` asks for the first matches of a span."""
        self._context = context
        self._calibrate = calibrate
        self._first = first

    async def of_month(self, channel: int, year: int, month: int) -> DayMap:
        """Return the days of a month that hold footage, the recorder's own days (hikvision-isapi 8.4)."""
        track = self._context.track(channel, StreamRole.MAIN)
        if self._context.quirks.daily is not False:
            path = f"/ISAPI/ContentMgmt/record/tracks/{track}/dailyDistribution"
            try:
                answer = await self._context.client.post(path, daily_body(year, month), lane="search")
                days = parse_daily(answer)
            except NvrError as error:
                if is_track_unknown(error):
                    message = f"the recorder has no track {track}"
                    raise NvrNotFoundError(message) from error
                if not (is_optional_refusal(error) or isinstance(error, NvrResponseError)):
                    raise
                # A broken answer or a failing recorder says nothing of the next time, nor does a right that is missing.
                lacking = isinstance(error, NvrUnsupportedError | NvrNotFoundError)
                if lacking or (isinstance(error, HikvisionRefusalError) and error.is_bad_request):
                    self._context.quirks.daily = False
            else:
                self._context.quirks.daily = not await self._belied(channel, track, year, month, days)
                if self._context.quirks.daily:
                    return DayMap(channel, year, month, days)
        return DayMap(channel, year, month, await self._by_search(channel, track, year, month))

    async def _belied(self, channel: int, track: int, year: int, month: int, days: frozenset[int]) -> bool:
        """Tell whether footage gives a calendar the lie: it names days to come, or leaves out today or all of a month.

        A day that the month does not have is a lie as well. Where it names today, as it mostly does, nothing is asked.
        """
        clock, now = self._context.known_clock(), self._context.utcnow()
        today, last = clock.date_of(now), calendar.monthrange(year, month)[1]
        if days and (max(days) > last or date(year, month, max(days)) > clock.date_of(now + _CALENDAR_DELAY)):
            return True
        if not days:
            span = TimeSpan(clock.day(date(year, month, 1)).start, clock.day(date(year, month, last)).end)
        elif (year, month) == (today.year, today.month) and today.day not in days:
            span = clock.day(today)
        else:
            return False
        end = min(span.end, now - _CALENDAR_DELAY)
        if end <= span.start:
            return False
        span = TimeSpan(span.start, end)
        await self._calibrate(span)
        wire = self._context.wire_clock()
        mapper = SegmentMapper(wire, channel, StreamRole.MAIN, span, now=now)
        found = mapper.map(await self._first(track, span, wire))
        return any(
            segment.span.start + _SECOND < span.end and segment.span.end > span.start + _SECOND for segment in found
        )

    async def _by_search(self, channel: int, track: int, year: int, month: int) -> frozenset[int]:
        """Find the days by the first segment at or after each: days without footage cost nothing."""
        clock = self._context.known_clock()
        last = min(date(year, month, calendar.monthrange(year, month)[1]), clock.date_of(self._context.utcnow()))
        day = date(year, month, 1)
        if day > last:
            return frozenset()
        whole = TimeSpan(clock.day(day).start, clock.day(last).end)
        await self._calibrate(whole)
        wire, days = self._context.wire_clock(), set[int]()
        mapper = SegmentMapper(wire, channel, StreamRole.MAIN, whole, now=self._context.utcnow())
        while day <= last:
            span = TimeSpan(clock.day(day).start, whole.end)
            matches = await self._first(track, span, wire)
            if not matches:
                break
            found = [segment.span for segment in mapper.map(matches) if segment.span.end > span.start + _SECOND]
            if found:
                begins = clock.date_of(max(found[0].start, span.start))
                ends = max(begins, clock.date_of(found[0].end - _SECOND))
                days.update(range(begins.toordinal(), min(ends, last).toordinal() + 1))
                day = ends
            day += timedelta(days=1)
        return frozenset(date.fromordinal(number).day for number in days)
