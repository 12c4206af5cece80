"""The talk with one recorder: connect, refresh, the event stream, and what each class of error means for what comes."""

import asyncio
from collections.abc import Callable, Coroutine
from datetime import datetime, timedelta
import time
from typing import Any, Final

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant, callback
from homeassistant.util import dt as dt_util

from . import issues
from .behalf import for_nobody
from .clock_upkeep import ClockUpkeep
from .const import POLL_FAILING, POLL_OFFLINE, POLL_REFUSED, POLL_STEADY, POLL_WITHOUT_EVENTS
from .core.driver import Driver
from .core.errors import (
    NvrAuthError,
    NvrError,
    NvrLockedError,
    NvrOtherRecorderError,
    NvrPermissionError,
    NvrTimeoutError,
    NvrUnreachableError,
)
from .core.models import Channel, EventStreamState
from .errands import Errands
from .errors import error_key
from .event_line import EventLine, StreamRefusal
from .identity import Identity
from .lockout import LockNotice
from .persistence import RECORDER
from .watch import Watch

# Home Assistant's clockwork may come a second early.
_AFTER_LOCK: Final = timedelta(seconds=2)


class RecorderLink:
    """One driver in use. Signs of life and of failing go to the watch, news to the callbacks.

    After every absence, and whenever the event stream is made anew, the recorder proves who it is before anything of
    the box at its address is believed: the address may have passed to another one that takes the same login.
    """

    def __init__(
        self,
        hass: HomeAssistant,
        entry: ConfigEntry[Any],
        driver: Driver,
        watch: Watch,
        lock: LockNotice,
        *,
        on_channels: Callable[[tuple[Channel, ...]], None],
        on_change: Callable[[], None],
        on_refused: Callable[[], None],
        on_locked: Callable[[], None],
        on_replaced: Callable[[], None],
        hold: float | None = None,
    ) -> None:
        """Nothing is sent before `async_refresh`; `hold` (s) replaces the driver's waits for the end of an event."""
        self._hass = hass
        self._entry = entry
        self._watch = watch
        self._lock = lock
        self._on_channels = on_channels
        self._on_change = on_change
        self._on_refused = on_refused
        self._on_locked = on_locked
        self._on_replaced = on_replaced
        self._errands = Errands(hass, entry)
        self._clock = ClockUpkeep(driver, entry.title)
        self._stream_lost_at: datetime | None = None
        self._accepted_at = 0.0
        self._check_wanted = False
        # What is known is learned anew after an absence and with a new channel: codecs, detections, firmware.
        self._learned = False
        self._verifying = asyncio.Lock()
        self._proof: asyncio.Task[NvrError | None] | None = None
        self.driver = driver
        self.identity = Identity(driver, entry.unique_id)
        self.events = EventLine(
            driver,
            self._errands,
            on_refusal=self._stream_refused,
            on_state=self.async_stream_state,
            hold=hold,
        )
        self.login_refused = False
        self.refresh_soon: Callable[[], Coroutine[Any, Any, None]] | None = None

    @property
    def reached(self) -> bool:
        """Whether the recorder was reached since the start, and no other has answered in its place."""
        return self.identity.known

    @property
    def connected(self) -> bool:
        """Whether what answers at the address is beyond doubt the recorder."""
        return self.identity.proven

    @property
    def stream_state(self) -> EventStreamState:
        """How the event stream is."""
        return self.events.state

    @property
    def login_usable(self) -> bool:
        """Whether the login may be given to anybody who would send it."""
        return not self.login_refused and self.driver.guard.usable

    @property
    def poll_interval(self) -> timedelta:
        """How long to wait before the next refresh."""
        return _pause(self, self._watch)

    async def async_refresh(self) -> tuple[Channel, ...]:
        """Connect, or read the channels' states anew; raises core errors and draws the conclusions of each."""
        begun = time.monotonic()
        try:
            channels = await self._async_read()
        except NvrError as err:
            self._conclude(err, begun)
            if isinstance(err, NvrTimeoutError) and self.reached:
                await self._async_try(refresh=False)  # one page of it, or all, is away
            raise
        # Channels first: who hears that it is back finds its devices.
        self._on_channels(channels)
        self._alive(begun)
        await self._clock.async_read()
        return channels

    @callback
    def async_check_soon(self) -> None:
        """Find out whether the recorder is there and still takes the login: something just failed with it."""
        if self.reached and self.login_usable:
            self._check_wanted = True
            self._errands.run("check", self._async_check())

    @callback
    def async_login_news(self) -> None:
        """The login was refused, or is locked, somewhere: over HTTP or RTSP, to whoever sent it."""
        self._hass.loop.call_soon(self._look_at_login)

    def accepted_since(self, moment: float) -> bool:
        """Tell whether the recorder itself took the login in a request sent after the moment (monotonic, s)."""
        return self.connected and self._accepted_at > moment

    async def async_verify(self, within: float) -> None:
        """See that the recorder takes the login, unless it did within so many seconds.

        For those who will send it by themselves, and again and again. Raises core errors.
        """
        self.driver.guard.check()
        self.identity.require_known()
        if not self.accepted_since(time.monotonic() - within):
            async with self._verifying:
                if not self.accepted_since(time.monotonic() - within):
                    await self._async_prove()

    async def async_prove(self) -> None:
        """See that the recorder answers, unless beyond doubt, in one request for all who ask; raises core errors."""
        self.driver.guard.check()
        self.identity.require_known()
        if self.connected:
            return
        if self._proof is None or self._proof.done():
            with for_nobody():
                self._proof = self._entry.async_create_background_task(
                    self._hass, self._async_try(), f"nvr proof {self._entry.entry_id}"
                )
        proof = self._proof
        await asyncio.wait({proof})
        if proof.cancelled():
            raise NvrUnreachableError("the recorder was let go")
        if (err := proof.result()) is not None:
            raise err

    @callback
    def async_stream_state(self, state: EventStreamState) -> None:
        """Take a change of the event stream's state."""
        before, self.events.state = self.events.state, state
        if state is EventStreamState.ALIVE:
            self.events.was_alive = True
            issues.async_clear(self._hass, self._entry, issues.EVENTS_PERMISSION)
            if self.events.interrupted or not self.connected:
                self.identity.doubt()
                self.events.async_doubt()
                self.async_check_soon()
        elif state is not EventStreamState.CONNECTING:
            self.events.interrupted = True
            if before is EventStreamState.ALIVE:
                self.identity.doubt()
                self._stream_lost_at = dt_util.utcnow()
                self.async_refresh_now()
        self._on_change()

    @callback
    def async_learn_anew(self) -> None:
        """Read everything again at the next refresh: it may come back with other firmware."""
        self._learned = False

    async def async_close(self) -> None:
        """End everything that runs; the event stream's end is then no reason to look what happened."""
        self.refresh_soon = None
        if self._proof is not None:
            self._proof.cancel()
            await asyncio.wait({self._proof})
        await self._errands.close()
        await self.driver.close()

    async def _async_read(self) -> tuple[Channel, ...]:
        """Return the channels as the recorder, and nobody else, tells them."""
        if self._learned:
            if not self.connected:
                await self.identity.async_prove()
            known = {channel.number for channel in self.driver.channels}
            channels = await self.driver.refresh_channels()
            self._learned = known.issuperset(channel.number for channel in channels)
        if not self._learned:
            await self.identity.async_connect()
            self._learned = True
            self._clock.was_read()
            channels = self.driver.channels
        if not self.connected:
            # The connection was lost meanwhile: who told of the last channels?
            await self.identity.async_prove()
        return channels

    async def _async_check(self) -> None:
        while self._check_wanted and self.login_usable:
            # Wanted again while it runs: what failed then may have failed after it was answered.
            self._check_wanted = False
            if await self._async_try() is not None and self.reached and not self.connected:
                self.async_refresh_now()

    async def _async_try(self, *, refresh: bool = True) -> NvrError | None:
        try:
            await self._async_prove(refresh=refresh)
        except NvrError as err:
            return err
        return None

    async def _async_prove(self, *, refresh: bool = True) -> None:
        begun = time.monotonic()
        try:
            await self.identity.async_prove()
        except NvrError as err:
            self._conclude(err, begun)
            raise
        failed = self._watch.failing(RECORDER) or self._watch.online(RECORDER) is False
        self._alive(begun)
        if failed and refresh:
            self.async_refresh_now()
        self._on_change()

    @callback
    def _look_at_login(self) -> None:
        """One refusal over RTSP may be about RTSP: HTTP decides. What is beyond doubt is concluded at once."""
        try:
            self.driver.guard.check()
            if self.driver.guard.refusals:
                self.async_check_soon()
        except (NvrAuthError, NvrLockedError) as err:
            self._conclude(err)

    @callback
    def _stream_refused(self, err: StreamRefusal) -> timedelta | None:
        """Return when the event stream may be tried again; None: not before a new set-up."""
        if isinstance(err, NvrPermissionError):
            issues.async_events_refused(self._hass, self._entry, err)
            return POLL_REFUSED
        self._conclude(err)
        if isinstance(err, NvrLockedError):
            self.events.async_end(EventStreamState.REFUSED, restartable=True)  # until the next good answer
        return None

    @callback
    def _alive(self, begun: float) -> None:
        self._accepted_at = begun
        self._stream_lost_at = None
        if self._lock.async_follow(self.driver.guard.locked_until):
            self._on_locked()
        self._watch.async_up(RECORDER)
        issues.async_clear(self._hass, self._entry, issues.PERMISSION, issues.OTHER_RECORDER)
        if self.connected:
            self.events.async_trust()

    @callback
    def _conclude(self, err: NvrError, begun: float | None = None) -> None:
        """Draw the conclusion of a failure: only being unreachable, and not heard since it was `begun`, is away."""
        if self._lock.async_follow(self.driver.guard.locked_until):
            self._on_locked()
        heard = self.connected and begun is not None and self.events.heard_since(begun)
        if isinstance(err, NvrTimeoutError) and heard:
            self._watch.async_up(RECORDER)
        elif isinstance(err, NvrUnreachableError):
            self.identity.doubt()
            self._watch.async_down(RECORDER, error_key(err), since=self._stream_lost_at)
        elif isinstance(err, NvrAuthError):
            self._refused()
        elif isinstance(err, NvrLockedError):
            self.identity.doubt()  # when it ends one request is sent, and everybody waits for what it shows
        elif isinstance(err, NvrPermissionError):
            issues.async_raise_for(self._hass, self._entry, err)
        elif isinstance(err, NvrOtherRecorderError):
            self._replaced()
        self._on_change()

    @callback
    def _replaced(self) -> None:
        """Another recorder answers: nothing of it is let in, and nothing of ours goes on there."""
        issues.async_raise(self._hass, self._entry, issues.OTHER_RECORDER)
        if self.reached:
            self._learned = False
            self.events.async_end(EventStreamState.DOWN, restartable=True)
            self._on_replaced()
        self.identity.replaced()
        self._watch.async_down(RECORDER, issues.OTHER_RECORDER, since=self._stream_lost_at)

    @callback
    def _refused(self) -> None:
        if self.login_refused:
            return
        self.login_refused = True
        self.driver.guard.give_up()
        # It lives on an answer given before; once cut it would send the refused login again.
        self.events.async_end(EventStreamState.REFUSED, restartable=False)
        self._on_refused()

    @callback
    def async_refresh_now(self) -> None:
        """Let the refresh that would come later come at once, where there is one."""
        if self.refresh_soon is not None:
            self._errands.run("refresh", self.refresh_soon())


def _pause(link: RecorderLink, watch: Watch) -> timedelta:
    """Return how long to wait before the next refresh."""
    if (until := link.driver.guard.locked_until) is not None:
        return max(until - dt_util.utcnow(), timedelta()) + _AFTER_LOCK
    if watch.any_failing:
        return POLL_FAILING
    if not link.reached or watch.online(RECORDER) is False:
        return POLL_OFFLINE
    if not link.connected:
        return POLL_FAILING
    return POLL_STEADY if link.stream_state is EventStreamState.ALIVE else POLL_WITHOUT_EVENTS
