"""Looks after the recording of each channel: one search at a time, seldom, spread, and never before a person's."""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from datetime import date, datetime, timedelta
from typing import Any, Final

from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.util import dt as dt_util

from .const import LOGGER
from .core.errors import (
    NvrAuthError,
    NvrError,
    NvrLockedError,
    NvrPermissionError,
    NvrUnreachableError,
    NvrUnsupportedError,
)
from .core.models import RecordingSegment, TimeSpan
from .core.recording_health import ChannelHealth, FootageView, Told, judge, looked, next_span
from .hub import NvrHub
from .proven import ProvenRecordings

# How long after the set-up the first search comes (s), and how long at least is between two of them: six a minute.
FIRST: Final = 45.0
PACE: Final = 10.0
# Each channel is looked at so often, one after the other, evenly spread.
ROUND: Final = timedelta(minutes=30)
# How often a recorder that tells of all channels at once is asked.
TELLING: Final = timedelta(minutes=5)
# How long a person must not have searched (s), and how often that is looked at.
QUIET: Final = 5.0
_LOOK: Final = 1.0
_LEAST_HOLD: Final = timedelta(minutes=45)
# The oldest footage moves as time does: nobody needs it to the hour.
_OLDEST_LIFE: Final = timedelta(hours=6)
_MOST_MONTHS: Final = 60
_EMPTY_MONTHS: Final = 2
_EMPTY_DAYS: Final = 3


class RecordingWatch:
    """What is known of the recording of one recorder's channels; `on_change(number)` hears when that may differ."""

    def __init__(self, hass: HomeAssistant, hub: NvrHub, on_change: Callable[[int], None]) -> None:
        """Ask nothing before `async_run`."""
        self._hass = hass
        self._hub = hub
        self._on_change = on_change
        self._views: dict[int, FootageView] = {}
        self._told: dict[int, Told] = {}
        self._asked: dict[int, float] = {}
        self._oldest: dict[int, tuple[datetime | None, datetime]] = {}
        self._wanted: Counter[int] = Counter()
        self._lists_growing = False
        self._told_at: datetime | None = None
        self._searched_at = float("-inf")
        self._lacking_until = float("-inf")
        self.missed: set[int] = set()
        self.refused: NvrPermissionError | None = None
        self.counters: Counter[str] = Counter()

    @property
    def offered(self) -> bool:
        """Whether the recorder lists what it records, as far as is known."""
        return self._hub.link.reached and self._hub.driver.recordings is not None and self._now >= self._lacking_until

    @property
    def spacing(self) -> float:
        """How long (s) is from one channel to the next."""
        return max(PACE, ROUND.total_seconds() / max(1, len(self._hub.channels)))

    @property
    def holds(self) -> timedelta:
        """How long an answer is good: until the channel's next turn is long over."""
        return max(_LEAST_HOLD, timedelta(seconds=1.5 * self.spacing * len(self._hub.channels)))

    def health(self, number: int) -> ChannelHealth:
        """Return how the recording of a channel is now."""
        return judge(
            self._views.get(number),
            self._told.get(number),
            dt_util.utcnow(),
            holds=self.holds,
            lists_growing=self._lists_growing,
            missed=number in self.missed,
        )

    def oldest(self, number: int) -> datetime | None:
        """Return when the oldest footage begins, as last seen; None where nobody asked, or there is none."""
        return self._oldest[number][0] if number in self._oldest else None

    @callback
    def async_want_oldest(self, number: int) -> CALLBACK_TYPE:
        """Look for the oldest footage too, from now on until the returned function is called."""
        self._wanted[number] += 1

        @callback
        def enough() -> None:
            self._wanted[number] -= 1

        return enough

    @property
    def statistics(self) -> dict[str, Any]:
        """What a bug report needs to know."""
        return {
            "counters": dict(self.counters),
            "lists_growing": self._lists_growing,
            "spacing": self.spacing,
            "refused": self.refused is not None,
            "channels": {
                number: {
                    "window_hours": round(view.window.duration.total_seconds() / 3600, 1),
                    "asked_at": view.asked_at.isoformat(),
                    "newest": view.newest.isoformat() if view.newest else None,
                    "growing": view.growing,
                    "spans": len(view.spans),
                    "longest": view.longest.total_seconds(),
                    "told": self._told[number].recording if number in self._told else None,
                    "missed": number in self.missed,
                }
                for number, view in sorted(self._views.items())
            },
        }

    async def async_run(self) -> None:
        """Look after it until cancelled."""
        await asyncio.sleep(FIRST)
        while True:
            number = self._next()
            if number is None or not self._ready:
                await asyncio.sleep(PACE)
                self._on_change(0)
                continue
            self._asked[number] = self._now
            first = number not in self._views
            try:
                await self._turn(number)
            except NvrUnsupportedError:
                # One that has just started refuses what it has: what was there before is there still.
                if not self._views:
                    self._lacking_until = self._now + ROUND.total_seconds()
            except NvrPermissionError as err:
                self.refused = err
            except NvrError as err:
                self.counters["failed"] += 1
                LOGGER.debug("Looking at the recording of channel %s of %s failed: %s", number, self._hub.name, err)
            self._judge(number)
            await asyncio.sleep(PACE if first and number in self._views else self.spacing)

    @property
    def _now(self) -> float:
        return self._hass.loop.time()

    @property
    def _ready(self) -> bool:
        return self._hub.online and self._hub.link.connected and self.offered

    def _next(self) -> int | None:
        """Return whose turn it is: of those that were not asked for longest the first."""
        numbers = [channel.number for channel in self._hub.channels]
        for gone in self._views.keys() - numbers:
            del self._views[gone]
        return min(numbers, key=lambda number: self._asked.get(number, float("-inf")), default=None)

    def _judge(self, number: int) -> None:
        """Remember what is missed, until it is recorded again, and tell of what may differ."""
        found = self.health(number)
        if found.silent_since is not None:
            self.missed.add(number)
        elif found.recording:
            self.missed.discard(number)
        self._on_change(number)

    async def _turn(self, number: int) -> None:
        await self._ask_status(number)
        span = next_span(self._views.get(number), dt_util.utcnow())
        found = await self._search(number, span)
        if found is None:
            return
        self.refused = None
        view = self._views[number] = looked(self._views.get(number), span, found)
        self._lists_growing |= view.growing
        if self._wanted[number] > 0:
            known = self._oldest.get(number)
            if known is None or dt_util.utcnow() - known[1] >= _OLDEST_LIFE:
                self._oldest[number] = await self._find_oldest(number), dt_util.utcnow()

    async def _ask_status(self, number: int) -> None:
        """Ask what the recorder says of itself; without an answer its list decides alone."""
        source, now = self._hub.driver.recording_status, dt_util.utcnow()
        if source is None:
            return
        if source.at_once and self._told_at is not None and now - self._told_at < TELLING:
            return
        numbers = [channel.number for channel in self._hub.channels] if source.at_once else [number]
        await self._hub.link.async_prove()
        self._told_at = now
        try:
            told = await source.recording(numbers)
        except NvrUnreachableError, NvrAuthError, NvrLockedError:
            raise
        except NvrError as err:
            self.counters["status_failed"] += 1
            LOGGER.debug("%s does not say whether it records: %s", self._hub.name, err)
            return
        await self._hub.link.async_prove()
        self._told |= {one: Told(recording, now) for one, recording in told.items()}
        for one in told.keys() - {number}:
            self._judge(one)

    async def _before_asking(self) -> None:
        """Wait until it is our turn: after people, and not more than six times a minute."""
        quiet_since = self._now
        while True:
            if self._person_searches():
                quiet_since = self._now + QUIET
                self.counters["gave_way"] += 1
            due = max(quiet_since, self._searched_at + PACE)
            if self._now >= due:
                break
            await asyncio.sleep(min(_LOOK, due - self._now))
        self._searched_at = self._now
        self.counters["searches"] += 1

    def _person_searches(self) -> bool:
        index = self._hub.recordings
        return index is not None and index.busy

    def _source(self) -> ProvenRecordings:
        """Return what is asked: past the memory that people's searches fill, for what is asked here is new."""
        if (recordings := self._hub.driver.recordings) is None:
            raise NvrUnsupportedError("the recorder lists no recordings")
        return ProvenRecordings(recordings, self._hub.link.async_prove)

    async def _search(self, number: int, span: TimeSpan, *, most: int | None = None) -> list[RecordingSegment] | None:
        """Return what the span holds, the first `most` of it; None where a person came between two pages."""
        await self._before_asking()
        found: list[RecordingSegment] = []
        segments: AsyncGenerator[RecordingSegment] = self._source().search(number, span)
        async with aclosing(segments):
            async for segment in segments:
                found.append(segment)
                if most is not None and len(found) >= most:
                    break
                if self._person_searches():
                    self.counters["broken_off"] += 1
                    return None
        return found

    async def _find_oldest(self, number: int) -> datetime | None:
        """Return when the oldest footage begins: by the recorder's calendar, month by month, then by a search."""
        if (clock := self._hub.clock) is None:
            return None
        today = clock.date_of(dt_util.utcnow())
        known = self.oldest(number)
        # Footage is only lost at the old end: what was the oldest month is where to begin.
        begin = None if known is None else clock.date_of(known)
        months = months_back(today) if begin is None else months_between(begin, today)
        days: dict[tuple[int, int], tuple[date, ...]] = {}
        empty = 0
        for month in months:
            await self._before_asking()
            if dates := (await self._source().day_map(number, *month)).dates():
                days[month], empty = dates, 0
            else:
                empty += 1
            if (begin is not None and dates) or (begin is None and empty >= _EMPTY_MONTHS):
                break
        for day in [day for month in sorted(days) for day in days[month]][:_EMPTY_DAYS]:
            segments = await self._search(number, clock.day(day), most=1)
            if segments:
                return segments[0].span.start
        return known


def months_back(day: date) -> list[tuple[int, int]]:
    """Return the month of a day and those before it, newest first; pure."""
    now = _count(day)
    return [_month(now - back) for back in range(_MOST_MONTHS)]


def months_between(first: date, last: date) -> list[tuple[int, int]]:
    """Return the months from one day to another, oldest first; pure."""
    return [_month(count) for count in range(_count(first), _count(last) + 1)]


def _count(day: date) -> int:
    return day.year * 12 + day.month - 1


def _month(count: int) -> tuple[int, int]:
    year, month = divmod(count, 12)
    return year, month + 1
