"""The talk with one recorder: connect, refresh, the event stream, and what each class of error means for what comes."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import datetime, timedelta
import time
from typing import Any, Final

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant, callback
from homeassistant.util import dt as dt_util

from . import issues
from .const import LOGGER, POLL_FAILING, POLL_OFFLINE, POLL_REFUSED, POLL_STEADY, POLL_WITHOUT_EVENTS
from .core.driver import Driver
from .core.errors import (
    NvrAuthError,
    NvrError,
    NvrLockedError,
    NvrPermissionError,
    NvrUnreachableError,
    NvrUnsupportedError,
)
from .core.models import Channel, EventKind, EventStreamState
from .errors import OtherRecorderError, error_key
from .fanout import EventFanout
from .persistence import RECORDER
from .watch import Watch

_CLOCK_INTERVAL: Final = 3600.0
_LOCK_MARGIN: Final = timedelta(seconds=10)


class RecorderLink:
    """One driver in use. Signs of life and of failing go to the watch, news to the three callbacks."""

    def __init__(
        self,
        hass: HomeAssistant,
        entry: ConfigEntry[Any],
        driver: Driver,
        watch: Watch,
        *,
        on_channels: Callable[[tuple[Channel, ...]], None],
        on_change: Callable[[], None],
        on_refused: Callable[[], None],
        on_locked: Callable[[], None],
        hold: float | None = None,
    ) -> None:
        """Nothing is sent before `async_refresh`; `hold` (s) replaces the driver's waits for the end of an event."""
        self._hass = hass
        self._entry = entry
        self._watch = watch
        self._on_channels = on_channels
        self._on_change = on_change
        self._on_refused = on_refused
        self._on_locked = on_locked
        self._hold = hold
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._stream_lost_at: datetime | None = None
        self._locked_until: datetime | None = None
        self._clock_read_at = 0.0
        self._accepted_at = 0.0
        self._check_wanted = False
        # What is known is learned anew after an absence and with a new channel: codecs, detections, firmware.
        self._learned = False
        self.driver = driver
        self.connected = False
        self.login_refused = False
        self.stream_state = EventStreamState.CONNECTING
        self.stream_was_alive = False
        self.refresh_soon: Callable[[], Awaitable[None]] | None = None
        self._verifying = asyncio.Lock()

    @property
    def login_usable(self) -> bool:
        """Whether the login may be given to anybody who would send it."""
        return not self.login_refused and self.driver.guard.usable

    @property
    def poll_interval(self) -> timedelta:
        """How long to wait before the next refresh."""
        if self._locked_until is not None:
            return max(self._locked_until - dt_util.utcnow() + _LOCK_MARGIN, POLL_FAILING)
        if self._watch.any_failing:
            return POLL_FAILING
        if not self.connected or self._watch.online(RECORDER) is False:
            return POLL_OFFLINE
        return POLL_STEADY if self.stream_state is EventStreamState.ALIVE else POLL_WITHOUT_EVENTS

    async def async_refresh(self) -> tuple[Channel, ...]:
        """Connect, or read the channels' states anew; raises core errors and draws the conclusions of each."""
        begun = time.monotonic()
        try:
            if self._learned:
                known = {channel.number for channel in self.driver.channels}
                channels = await self.driver.refresh_channels()
                self._learned = known.issuperset(channel.number for channel in channels)
            if not self._learned:
                await self._async_connect()
                channels = self.driver.channels
        except NvrError as err:
            self._conclude(err)
            raise
        self._alive(begun)
        self._on_channels(channels)
        await self._async_read_clock()
        return channels

    @callback
    def async_start_events(self, fanout: EventFanout) -> None:
        """Start the event stream, unless it was started."""
        source = self.driver.events
        if source is None or "events" in self._tasks:
            return
        if self._hold:
            source.hold = dict.fromkeys(EventKind, float(self._hold))
        self._run("events", self._async_run_events(fanout))

    @callback
    def async_check_soon(self) -> None:
        """Find out whether the recorder is there and still takes the login: something just failed with it."""
        if self.connected and self.login_usable:
            self._check_wanted = True
            self._run("check", self._async_check())

    @callback
    def async_login_news(self) -> None:
        """The login was refused, or is locked, somewhere: over HTTP or RTSP, to whoever sent it."""
        self._hass.loop.call_soon(self._look_at_login)

    def accepted_since(self, moment: float) -> bool:
        """Tell whether the recorder took the login in a request sent after the moment (monotonic, s)."""
        return self._accepted_at > moment

    async def async_verify(self, within: float) -> None:
        """See that the recorder takes the login, unless it did within so many seconds.

        For those who will send it by themselves, and again and again. Raises core errors.
        """
        self.driver.guard.check()
        if not self.accepted_since(time.monotonic() - within):
            async with self._verifying:
                if not self.accepted_since(time.monotonic() - within):
                    await self._async_ping()

    @callback
    def async_stream_state(self, state: EventStreamState) -> None:
        """Take a change of the event stream's state."""
        before, self.stream_state = self.stream_state, state
        if state is EventStreamState.ALIVE:
            self.stream_was_alive = True
            self._stream_lost_at = None
            failed = self._watch.failing(RECORDER) or self._watch.online(RECORDER) is False
            self._watch.async_up(RECORDER)
            if failed:
                self._refresh_now()
        elif before is EventStreamState.ALIVE:
            self._stream_lost_at = dt_util.utcnow()
            self._refresh_now()
        self._on_change()

    @callback
    def async_learn_anew(self) -> None:
        """Read everything again at the next refresh: it may come back with other firmware."""
        self._learned = False

    async def async_close(self) -> None:
        """End everything that runs; the event stream's end is then no reason to look what happened."""
        self.refresh_soon = None
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self.driver.close()

    async def _async_connect(self) -> None:
        await self.driver.connect()
        expected = self._entry.unique_id
        if expected is not None and self.driver.info.serial != expected:
            raise OtherRecorderError("another recorder answers at the address")
        self.connected = self._learned = True
        self._clock_read_at = time.monotonic()

    async def _async_read_clock(self) -> None:
        clock = self.driver.clock
        if clock is None or time.monotonic() - self._clock_read_at < _CLOCK_INTERVAL:
            return
        self._clock_read_at = time.monotonic()
        try:
            await clock.read()
        except NvrError as err:
            LOGGER.debug("Reading the clock of %s failed: %s", self._entry.title, err)

    async def _async_check(self) -> None:
        while self._check_wanted and self.login_usable:
            # Wanted again while it runs: what failed then may have failed after it was answered.
            self._check_wanted = False
            with suppress(NvrError):
                await self._async_ping()

    async def _async_ping(self) -> None:
        begun = time.monotonic()
        try:
            await self.driver.ping()
        except NvrError as err:
            self._conclude(err)
            raise
        self._alive(begun)
        self._on_change()

    @callback
    def _look_at_login(self) -> None:
        """One refusal over RTSP may be about RTSP: HTTP decides. What is beyond doubt is concluded at once."""
        try:
            self.driver.guard.check()
        except (NvrAuthError, NvrLockedError) as err:
            self._conclude(err)
        else:
            if self.driver.guard.refusals:
                self.async_check_soon()

    async def _async_run_events(self, fanout: EventFanout) -> None:
        while (source := self.driver.events) is not None:
            try:
                await source.run(fanout)
            except NvrLockedError as err:
                self._conclude(err)
                pause = self.poll_interval
            except NvrPermissionError:
                issues.async_raise(self._hass, self._entry, issues.EVENTS_PERMISSION)
                pause = POLL_REFUSED
            except (NvrAuthError, NvrUnsupportedError) as err:
                self._conclude(err)
                self.async_stream_state(EventStreamState.REFUSED)
                return
            self.async_stream_state(EventStreamState.REFUSED)
            await asyncio.sleep(pause.total_seconds())

    @callback
    def _alive(self, begun: float) -> None:
        self._accepted_at = begun
        self._stream_lost_at = None
        self._locked_until = None
        self._watch.async_up(RECORDER)
        issues.async_clear(self._hass, self._entry, issues.LOCKED, issues.PERMISSION, issues.OTHER_RECORDER)

    @callback
    def _conclude(self, err: NvrError) -> None:
        """Draw the conclusion of a failure: only being unreachable counts as away."""
        if isinstance(err, NvrUnreachableError):
            self._watch.async_down(RECORDER, error_key(err), since=self._stream_lost_at)
        elif isinstance(err, NvrAuthError):
            self._refused()
        elif isinstance(err, NvrLockedError):
            if self._locked_until is None:
                self._on_locked()
            self._locked_until = err.until or dt_util.utcnow() + POLL_REFUSED
            issues.async_raise_for(self._hass, self._entry, err)
        elif isinstance(err, NvrPermissionError):
            issues.async_raise_for(self._hass, self._entry, err)
        elif isinstance(err, OtherRecorderError):
            issues.async_raise(self._hass, self._entry, issues.OTHER_RECORDER)
            self._watch.async_down(RECORDER, issues.OTHER_RECORDER)
        self._on_change()

    @callback
    def _refused(self) -> None:
        if self.login_refused:
            return
        self.login_refused = True
        self.driver.guard.give_up()
        events = self._tasks.get("events")
        if events is not None and events is not asyncio.current_task():
            # It lives on an answer given before; once cut it would send the refused login again.
            events.cancel()
            self.stream_state = EventStreamState.REFUSED
        self._on_refused()

    @callback
    def _refresh_now(self) -> None:
        if self.refresh_soon is not None:
            self._run("refresh", self.refresh_soon())

    @callback
    def _run(self, name: str, work: Any) -> None:
        """Run one piece of work in the background, unless the same one is running."""
        running = self._tasks.get(name)
        if running is not None and not running.done():
            work.close()
            return
        self._tasks[name] = self._entry.async_create_background_task(
            self._hass, work, f"nvr {name} {self._entry.entry_id}"
        )
