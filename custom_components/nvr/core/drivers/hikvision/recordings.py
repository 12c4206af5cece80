"""The recording index: searches and the calendar (hikvision-isapi 8)."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Hashable
from contextlib import suppress
from datetime import datetime, timedelta
import random
from typing import Final
from uuid import uuid4

from ...errors import NvrBusyError, NvrError, NvrNotFoundError, NvrResponseError, NvrUnsupportedError
from ...models import DayMap, RecordingKind, RecordingSegment, StreamRole, TimeSpan
from .context import Context
from .days import Days
from .mapping_search import SegmentMapper, begins_in_future, typed_word
from .mapping_time import (
    FUTURE,
    Verdict,
    WireClock,
    ZMode,
    address_mode,
    confirms,
    judge,
    matters,
    overturns,
    probe_window,
)
from .paging import SMALLEST_PAGE, Ask, Pager
from .refusals import HikvisionRefusalError, is_track_unknown
from .system import read_clock
from .wire_search import Match, Position, SearchPage, parse_search, search_body, uri_start

SEARCH_PATH: Final = "/ISAPI/ContentMgmt/search"
_SEARCH_TIMEOUT: Final = 30.0
_PROBE_PAGE: Final = 40
_PROBE_PAGES: Final = 10
_PROBE_CHANNELS: Final = 3
_HANDLE_TRIES: Final = 3
_SECOND = timedelta(seconds=1)
# How long a likely, unproven meaning of Z is believed, and how long nothing is asked when nothing was recorded.
_LIKELY_LIFE = timedelta(hours=6)
_SILENT_LIFE = timedelta(minutes=10)
# How long footage that lies ahead, and that neither clock nor Z explains, is taken as it is.
_PUZZLE_LIFE = timedelta(minutes=10)
# A reading of the clock as old as this is good enough to judge by, and one that failed is tried again after it.
_CLOCK_LIFE = timedelta(minutes=1)
# What a clock may drift between two readings without what was asked by the first becoming wrong.
_DRIFT = timedelta(seconds=10)
_DOUBTS: Final = 2


def _search_id() -> str:
    """Return an id in the one form every firmware takes: an upper-case UUID (hikvision-isapi 8.2)."""
    return str(uuid4()).upper()


class Recordings:
    """Searches of one recorder; one page is asked for at a time, the gate's search lane sees to that."""

    def __init__(self, context: Context, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        """Hold the context; `sleep` waits for search handles."""
        self._context = context
        self._sleep = sleep
        self._calibration = asyncio.Lock()
        self._calibrated_at: datetime | None = None
        self._verdict: Verdict | None = None
        self._doubting = asyncio.Lock()
        self._puzzled_at: datetime | None = None
        self._clock_tried_at: datetime | None = None
        self._days = Days(context, self.calibrate, self._first)

    @property
    def reading(self) -> Hashable:
        """What Z means, and how often the recorder was learned: an answer does not outlive a change of either."""
        return self._context.z_mode, self._context.connects

    def search(
        self,
        channel: int,
        span: TimeSpan,
        *,
        kinds: frozenset[RecordingKind] | None = None,
        role: StreamRole = StreamRole.MAIN,
    ) -> AsyncIterator[RecordingSegment]:
        """Yield the segments that touch the span, oldest first, each once (hikvision-isapi 8.2)."""
        return self._search(channel, span, kinds, role)

    async def _search(
        self, channel: int, span: TimeSpan, kinds: frozenset[RecordingKind] | None, role: StreamRole
    ) -> AsyncIterator[RecordingSegment]:
        track = self._context.track(channel, role)
        if span.start == span.end:
            return
        if not self._context.known_clock().measured:
            await self._renew_clock()
        await self.calibrate(span)
        word = None
        if self._context.quirks.typed_search is not False:
            word = typed_word(kinds, self._context.capabilities.search_kinds)
        for doubts in range(_DOUBTS, -1, -1):
            wire = self._context.wire_clock()
            mapper = SegmentMapper(wire, channel, role, span, now=self._context.utcnow(), kinds=kinds)
            wrong = told = False
            trusted = doubts == 0
            async for matches in self._pages(track, span, wire, word):
                # No segment begins in the future: one that seems to was read by a clock or a Z that has changed, or
                # was recorded before the clock was put back. That one says nothing of the others.
                if not trusted and begins_in_future(matches, wire, self._context.utcnow() + FUTURE):
                    trusted = True
                    if wrong := await self._doubt(wire, span):
                        break
                if not told:
                    self._learn_playback(wire, matches)
                for segment in mapper.map(matches):
                    told = True
                    yield segment
            if not wrong:
                return
            if told:
                message = "the recorder's times changed their meaning in the middle of a search"
                raise NvrResponseError(message)

    async def _doubt(self, wire: WireClock, span: TimeSpan) -> bool:
        """Look again at the clock, then at Z, as footage lies ahead; True when `wire` is not how to read it."""
        async with self._doubting:
            now = self._context.utcnow()
            if self._is_outdated(wire):
                return True
            if self._puzzled_at is not None and now - self._puzzled_at < _PUZZLE_LIFE:
                return False
            await self._renew_clock(anew=True)
            if not self._is_outdated(wire):
                await self.calibrate(span, anew=True)
            if self._is_outdated(wire):
                return True
            self._puzzled_at = now
            self._context.count("footage_ahead")
            return False

    def _is_outdated(self, wire: WireClock) -> bool:
        """Tell whether clock or Z are by now known to be other than `wire` has them."""
        latest = self._context.wire_clock()
        drifted = abs(latest.clock.skew - wire.clock.skew) > _DRIFT
        return latest.mode is not wire.mode or latest.clock.zone != wire.clock.zone or drifted

    async def _renew_clock(self, *, anew: bool = False) -> None:
        """Read the clock unless that was done, or tried, just now; what is known stays when it fails."""
        now, clock = self._context.utcnow(), self._context.known_clock()
        tried = [moment for moment in (self._clock_tried_at, clock.read_at) if moment is not None]
        if not anew and now - max(tried) < _CLOCK_LIFE:
            return
        self._clock_tried_at = now
        with suppress(NvrError):
            await read_clock(self._context)

    async def _pages(self, track: int, span: TimeSpan, wire: WireClock, word: str | None) -> AsyncIterator[list[Match]]:
        """Yield the new matches of each page; a search by kind that fails or finds nothing is made again without."""
        if word is not None:
            found = False
            try:
                async for matches in self._run(track, span, wire, word):
                    found = found or bool(matches)
                    yield matches
            except HikvisionRefusalError, NvrUnsupportedError:
                if found:
                    raise
                self._context.quirks.typed_search = False
            if found:
                return
        async for matches in self._run(track, span, wire, None):
            yield matches

    async def _run(self, track: int, span: TimeSpan, wire: WireClock, word: str | None) -> AsyncIterator[list[Match]]:
        quirks, page = self._context.quirks, self._context.capabilities.search_page
        start, end = wire.window(span)
        pager = Pager(start, end, page=min(page, quirks.search_page or page), way=quirks.position, new_id=_search_id)
        while pager.ask is not None:
            try:
                answer = await self._page(track, pager.ask, word)
            except HikvisionRefusalError as error:
                if is_track_unknown(error):
                    message = f"the recorder has no track {track}"
                    raise NvrNotFoundError(message) from error
                if word is not None or not error.is_bad_request or not pager.refused():
                    raise
                continue
            yield pager.take(answer)
            if pager.way is not None:
                quirks.position = pager.way
            if pager.page < page:
                quirks.search_page = pager.page

    async def _page(self, track: int, ask: Ask, word: str | None) -> SearchPage:
        """Ask for one page; waits for a search handle (hikvision-isapi 8.2)."""
        body = search_body(
            search_id=ask.search_id,
            track=track,
            start=ask.start,
            end=ask.end,
            position=ask.position,
            page=ask.page,
            spelling=ask.spelling,
            kind=word,
        )
        for attempt in range(_HANDLE_TRIES):
            self._context.count("search_pages")
            try:
                answer = await self._context.client.post(SEARCH_PATH, body, lane="search", timeout=_SEARCH_TIMEOUT)
            except NvrBusyError:
                if attempt == _HANDLE_TRIES - 1:
                    raise
                await self._sleep(random.uniform(2.0, 5.0) if attempt else 1.0)  # noqa: S311 - spreads retries
                continue
            await self._context.client.after_you("search")
            page = parse_search(answer)
            if page.status == "FAILED":
                message = "the recorder says that the search failed"
                raise NvrResponseError(message)
            return page
        raise AssertionError

    async def calibrate(self, span: TimeSpan, *, anew: bool = False) -> bool:
        """Find out what Z means if that matters and is not known; True when it is known afterwards (8.3)."""
        context = self._context
        if not matters(context.known_clock(), span):
            return True
        if not anew and self._is_known():
            return True
        async with self._calibration:
            if not anew and self._is_known():
                return True
            verdict = None if anew else await self._confirm(context.utcnow())
            if verdict is None:
                await self._renew_clock()
                verdict = await self._probe(context.utcnow())
            if verdict is not None or not anew:
                self._verdict = verdict
            self._calibrated_at = context.utcnow()
            context.count("calibrations")
            if verdict is not None:
                context.quirks.take_z(verdict.mode.value, proven=verdict.proven)
            return verdict is not None

    def _is_known(self) -> bool:
        """Tell whether the meaning of Z was proven, or tried for lately, by this run."""
        if self._calibrated_at is None:
            return False
        if self._verdict is not None and self._verdict.proven:
            return True
        silent = self._verdict is None and self._context.quirks.z_mode is None
        return self._context.utcnow() - self._calibrated_at < (_SILENT_LIFE if silent else _LIKELY_LIFE)

    async def _confirm(self, now: datetime) -> Verdict | None:
        """Look once whether what an earlier run proved still holds, None when that does not show."""
        context = self._context
        if context.quirks.z_mode is None or not context.quirks.z_proven:
            return None
        wire = context.wire_clock()
        for channel in context.channels:
            if channel.online is not False:
                matches = await self._look(channel.number, *probe_window(wire.clock, wire.mode, now))
                return Verdict(wire.mode, proven=True) if confirms(wire, now, matches) else None
        return None

    async def _look(self, channel: int, start: datetime, end: datetime) -> list[Match]:
        """Return what a short search finds, none of it when it is refused.

        Of many short files the first page may end long before now, which is what counts: it goes on from the last.
        """
        found: list[Match] = []
        track = self._context.track(channel, StreamRole.MAIN)
        with suppress(HikvisionRefusalError):
            for _ in range(_PROBE_PAGES):
                ask = Ask(_search_id(), start, end, 0, _PROBE_PAGE, Position.VENDOR)
                page = await self._page(track, ask, None)
                found += page.matches
                if not page.more or not page.matches or not start < page.matches[-1].start < end:
                    break
                start = page.matches[-1].start
        return found

    def _learn_playback(self, wire: WireClock, matches: list[Match]) -> None:
        """Note how the recorder writes times into the playback addresses it gives out (hikvision-isapi 8.3)."""
        if matches and (mode := address_mode(wire, matches[0], uri_start(matches[0].uri))) is not None:
            self._context.quirks.playback_z = mode.value

    async def _probe(self, now: datetime) -> Verdict | None:
        """Search around now on a few channels, read both ways (hikvision-isapi 8.3)."""
        context, clock = self._context, self._context.known_clock()
        tried = [channel.number for channel in context.channels if channel.online is not False][:_PROBE_CHANNELS]
        likely: Verdict | None = None
        for number in tried:
            found = {mode: await self._look(number, *probe_window(clock, mode, now)) for mode in ZMode}
            every = [*found[ZMode.LOCAL], *found[ZMode.UTC]]
            verdict = judge(clock, now, found[ZMode.LOCAL], found[ZMode.UTC])
            known = context.quirks.z_mode is not None
            if verdict is not None and known and verdict.mode is not context.z_mode:
                verdict = verdict if overturns(verdict, clock, now, every) else None
            if verdict is not None and verdict.proven:
                return verdict
            likely = likely or verdict
            if likely is not None:
                break
        return likely

    async def day_map(self, channel: int, year: int, month: int) -> DayMap:
        """Return the days of a month that hold footage, the recorder's own days (hikvision-isapi 8.4)."""
        return await self._days.of_month(channel, year, month)

    async def _first(self, track: int, span: TimeSpan, wire: WireClock) -> list[Match]:
        """Return the first matches of a span. A few, not one: what only touches it comes too."""
        ask = Ask(_search_id(), *wire.window(span), 0, SMALLEST_PAGE, Position.VENDOR)
        return (await self._page(track, ask, None)).matches
