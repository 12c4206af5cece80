"""Runs the grace clocks of a recorder and its channels on Home Assistant's timers and keeps what was announced."""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial

from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.helpers.event import async_call_later
from homeassistant.util import dt as dt_util

from .edges import Edge, GraceClock
from .persistence import RECORDER, MemoryStore


class Watch:
    """The clocks, by channel number and RECORDER; `on_edge(number, edge)` hears of every edge."""

    def __init__(
        self,
        hass: HomeAssistant,
        grace: timedelta,
        store: MemoryStore,
        on_edge: Callable[[int, Edge], None],
    ) -> None:
        """Go on from what the store says was announced last."""
        self._hass = hass
        self._grace = grace
        self._store = store
        self._on_edge = on_edge
        memory = store.memory
        self._clocks = {
            number: GraceClock(grace, announced, memory.reasons.get(number, ""))
            for number, announced in memory.announced.items()
        }
        self._timers: dict[int, CALLBACK_TYPE] = {}
        self._stopped = False

    def online(self, number: int) -> bool | None:
        """What was announced last; None when nothing was."""
        clock = self._clocks.get(number)
        return None if clock is None else clock.online

    def absence(self, number: int) -> Edge | None:
        """Return the edge of who was announced as offline, as of now; None for everybody else."""
        clock = self._clocks.get(number)
        if clock is None or clock.announced is None or clock.announced.online:
            return None
        return Edge(online=False, at=dt_util.utcnow(), since=clock.announced.since, reason=clock.reason)

    def failing(self, number: int) -> bool:
        """Tell whether a grace time is running."""
        return number in self._timers

    @property
    def stopped(self) -> bool:
        """Tell whether what fails from now on fails because we end it."""
        return self._stopped

    @property
    def numbers(self) -> frozenset[int]:
        """Of whom something was announced."""
        return frozenset(self._clocks)

    @property
    def any_failing(self) -> bool:
        """Tell whether the grace time of any of them is running."""
        return bool(self._timers)

    @callback
    def async_life(self) -> None:
        """Take word from the recorder itself: polls may fail on one that is merely overloaded."""
        if RECORDER in self._timers:
            self.async_up(RECORDER)

    @callback
    def async_up(self, number: int) -> None:
        """Take a sign of life."""
        if self._stopped:
            return
        clock = self._clock(number)
        if clock.online is True and clock.failing_since is None:
            return
        edge = clock.up(dt_util.utcnow())
        self._settle(number, clock, edge)

    @callback
    def async_down(self, number: int, reason: str, since: datetime | None = None) -> None:
        """Take a sign of failing, seen now or, when the cause is older, at `since`."""
        if self._stopped:
            return
        clock = self._clock(number)
        clock.down(since or dt_util.utcnow(), reason)
        self._settle(number, clock, None)

    @callback
    def async_pause(self, number: int) -> None:
        """Stop a running grace time: nothing is known of it for now."""
        if number in self._timers:
            self._timers.pop(number)()
            self._clocks[number].failing_since = None

    @callback
    def async_forget(self, number: int) -> None:
        """Drop the clock of what no longer exists."""
        self.async_pause(number)
        self._clocks.pop(number, None)
        self._store.memory.announced.pop(number, None)
        self._store.memory.reasons.pop(number, None)

    @callback
    def async_stop(self) -> None:
        """Cancel all timers; what fails from now on fails because we end it."""
        self._stopped = True
        for cancel in self._timers.values():
            cancel()
        self._timers.clear()

    def edges(self) -> dict[int, dict[str, object]]:
        """Return the clocks as plain values, for diagnostics."""
        return {
            number: {
                "online": clock.online,
                "since": clock.announced.since.isoformat() if clock.announced else None,
                "failing_since": clock.failing_since.isoformat() if clock.failing_since else None,
                "reason": clock.reason,
            }
            for number, clock in sorted(self._clocks.items())
        }

    def _clock(self, number: int) -> GraceClock:
        if (clock := self._clocks.get(number)) is None:
            clock = self._clocks[number] = GraceClock(self._grace)
        return clock

    def _settle(self, number: int, clock: GraceClock, edge: Edge | None) -> None:
        """Set or cancel the timer, keep what is announced, tell of the edge."""
        deadline = clock.deadline
        if deadline is None:
            if (cancel := self._timers.pop(number, None)) is not None:
                cancel()
        elif number not in self._timers:
            delay = max(0.0, (deadline - dt_util.utcnow()).total_seconds())
            self._timers[number] = async_call_later(self._hass, delay, partial(self._expire, number))
        memory = self._store.memory
        if clock.announced is not None and memory.announced.get(number) != clock.announced:
            memory.announced[number] = clock.announced
            memory.reasons[number] = clock.reason
            self._store.async_save_soon()
        if edge is not None:
            self._on_edge(number, edge)

    @callback
    def _expire(self, number: int, _now: datetime) -> None:
        self._timers.pop(number, None)
        clock = self._clocks[number]
        edge = clock.expire(dt_util.utcnow())
        self._settle(number, clock, edge)
