"""The one event stream of a recorder: connect, read, watch over silence, come back (hikvision-isapi 11.1)."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from datetime import datetime
import logging
import random
from typing import Final

from ...driver import EventListener
from ...errors import (
    NvrAuthError,
    NvrBusyError,
    NvrError,
    NvrLockedError,
    NvrNotFoundError,
    NvrPermissionError,
    NvrResponseError,
    NvrUnreachableError,
    NvrUnsupportedError,
)
from ...event_tally import Unsubscribed
from ...models import EventKind, EventPicture, EventStreamState, NvrEvent
from ...transport.http import StreamResponse
from ...transport.multipart import MultipartParser, Part, boundary_of
from ...transport.noise import NoiseLimit
from .context import Context
from .event_state import ChannelMap, EventState
from .inputs import read_inputs
from .mapping import unsent_kinds
from .system import Clock

_LOGGER = logging.getLogger(__name__)

ALERT_STREAM: Final = "/ISAPI/Event/notification/alertStream"
USER_CHECK: Final = "/ISAPI/Security/userCheck"
BACK_OFF: Final = (1.0, 2.0, 5.0, 10.0, 30.0, 60.0)
_HEALTHY: Final = 120.0
_JITTER: Final = 0.2
# Five tries take 48 s at least; a recorder that boots refuses for about 20 s.
_REFUSALS_IN_DOUBT: Final = 5
# An event at the end of a hold may be that late, so that a thousand holds need not a thousand timers.
_TICK: Final = 0.05
_JPEG: Final = b"\xff\xd8"
# Between two readings of a clock that alerts contradict, in seconds.
_CLOCK_AGAIN: Final = 60.0


class Events:
    """The event source; `hold` may be changed at any time, in seconds by kind."""

    def __init__(
        self,
        context: Context,
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        probe_after: float = 45.0,
        dead_after: float = 90.0,
    ) -> None:
        """Hold the context. After `probe_after` seconds of silence the recorder is asked, after `dead_after` left."""
        self._context = context
        self._sleep = sleep
        self._probe_after = probe_after
        self._dead_after = dead_after
        self._state = EventState(lambda: context.clock, io_inactive=context.quirks.io_inactive is True)
        self.tally = self._state.tally
        self._listener: EventListener | None = None
        self._told: EventStreamState | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._doubt = asyncio.Event()
        self._last_byte = float("-inf")
        self._legacy = False
        self._refusals = 0
        self._sinks: dict[int, list[Callable[[EventPicture], None]]] = {}
        # What the pictures that come now are of, and the size of the largest so far.
        self._pictured: tuple[NvrEvent, int] | None = None
        self.connections = 0
        self.crowded = False
        self.pictures = 0

    @property
    def hold(self) -> dict[EventKind, float]:
        """Seconds without a repeat after which a kind is over."""
        return self._state.hold

    @hold.setter
    def hold(self, seconds: Mapping[EventKind, float]) -> None:
        self._state.hold = dict(seconds)

    @property
    def heard_at(self) -> float:
        """See EventSource."""
        return self._last_byte

    @property
    def counters(self) -> dict[str, int]:
        """What went through the stream so far."""
        return {**self._state.counters, "connections": self.connections, "pictures": self.pictures}

    @property
    def unsubscribed(self) -> Unsubscribed:
        """What is detected and not sent to us: its trigger notifies no centre (hikvision-isapi 11.5)."""
        return unsent_kinds(self._context.triggers)

    def channels_changed(self, numbers: Iterable[int], first_ip: int) -> None:
        """Take the channels there are now, and the number of the first IP channel."""
        self._state.channels = ChannelMap(numbers, first_ip)

    def follow(self, channel: int, sink: Callable[[EventPicture], None]) -> Callable[[], None]:
        """Hand over the pictures of a channel's events: parts that follow an alert (hikvision-isapi 11.1)."""
        sinks = self._sinks.setdefault(channel, [])
        sinks.append(sink)
        return lambda: sinks.remove(sink)

    async def inputs(self) -> Sequence[NvrEvent]:
        """Return the box's inputs that are active and were not heard of; see EventSource.inputs."""
        ports = await read_inputs(self._context)
        begun, ended = self._state.take_inputs(ports, asyncio.get_running_loop().time(), self._context.utcnow())
        self._emit(ended)
        return begun

    async def run(self, listener: EventListener) -> None:
        """Read until cancelled; see EventSource.run for what is raised."""
        self._listener, self._told = listener, None
        failures = 0
        loop = asyncio.get_running_loop()
        try:
            while True:
                self._tell(EventStreamState.CONNECTING)
                begun = loop.time()
                try:
                    await self._connection()
                except NvrError as error:
                    self._end_connection()
                    failures = 0 if loop.time() - begun > _HEALTHY else failures
                    self._judge(error)
                    wait = BACK_OFF[min(failures, len(BACK_OFF) - 1)]
                    self.crowded = isinstance(error, NvrBusyError)
                    if isinstance(error, NvrBusyError):
                        wait = max(wait, error.retry_after or 0.0)
                    failures += 1
                    _LOGGER.debug("event stream lost: %s", error)
                    await self._sleep(wait * random.uniform(1 - _JITTER, 1 + _JITTER))  # noqa: S311 - spreads clients
        finally:
            self._end_connection()
            self._listener = None

    def _tell(self, state: EventStreamState) -> None:
        if state is EventStreamState.ALIVE:
            self.crowded = False
        if state is not self._told and self._listener is not None:
            self._told = state
            self._listener.on_stream_state(state)

    def _end_connection(self) -> None:
        """States are kept while nothing is heard; their holds begin anew with the next connection."""
        self._last_byte = float("-inf")
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._told is not EventStreamState.REFUSED:
            self._tell(EventStreamState.DOWN)

    def _judge(self, error: NvrError) -> None:
        """Raise what makes going on senseless.

        A recorder that has just started refuses for some seconds what it has (hikvision-isapi 19, 18): where the
        stream was open before, a refusal is believed once it has been repeated. A refused login always is.
        """
        if isinstance(error, NvrAuthError | NvrLockedError):
            self._tell(EventStreamState.REFUSED)
            raise error
        if not isinstance(error, NvrNotFoundError | NvrPermissionError | NvrUnsupportedError):
            return
        self._refusals += 1
        if self.connections and self._refusals <= _REFUSALS_IN_DOUBT:
            return
        if isinstance(error, NvrNotFoundError):
            if not self._legacy:
                self._legacy = True
                return
            self._legacy = False
            message = "the recorder has no event stream"
            error = NvrUnsupportedError(message)
        self._tell(EventStreamState.REFUSED)
        raise error

    async def _connection(self) -> None:
        """Read one connection to its end; always raises."""
        path = ALERT_STREAM.removeprefix("/ISAPI") if self._legacy else ALERT_STREAM
        client = self._context.client
        async with client.stream("GET", path, lane="events", idle_timeout=self._dead_after) as stream:
            loop = asyncio.get_running_loop()
            self.connections += 1
            self._refusals = 0
            self._last_byte = loop.time()
            self._state.reconnected(loop.time())
            self._arm()
            # A task of its own: each event wakes it, and wakes nothing else on the way.
            reader = asyncio.create_task(self._read(stream))
            watch = asyncio.create_task(self._watch())
            clock = asyncio.create_task(self._mind_clock())
            try:
                await asyncio.wait((reader, watch), return_when=asyncio.FIRST_COMPLETED)
                if not reader.done():
                    message = "the event stream fell silent and the recorder does not answer"
                    raise NvrUnreachableError(message)
                await reader
            finally:
                reader.cancel()
                watch.cancel()
                clock.cancel()
                await asyncio.gather(reader, watch, clock, return_exceptions=True)
        message = "the recorder ended the event stream"
        raise NvrUnreachableError(message)

    async def _watch(self) -> None:
        """Ask after a silence whether the recorder is there; raises when it is not.

        Any answer is a sign of life; that of a full box or of one that keeps this page to others is one too.
        """
        loop = asyncio.get_running_loop()
        while True:
            quiet = loop.time() - self._last_byte
            if quiet < self._probe_after:
                await asyncio.sleep(self._probe_after - quiet)
                continue
            try:
                await self._context.client.get(USER_CHECK)
            except NvrUnreachableError, NvrAuthError, NvrLockedError:
                raise
            except NvrError as error:
                _LOGGER.debug("the recorder is there, but does not answer the question: %s", error)
            await asyncio.sleep(self._probe_after)

    async def _mind_clock(self) -> None:
        """Read the clock again when alerts tell that it was put to another time."""
        clock = Clock(self._context)
        while True:
            await self._doubt.wait()
            self._doubt.clear()
            try:
                await clock.read()
            except NvrError as error:
                _LOGGER.debug("the clock could not be read again: %s", error)
            await asyncio.sleep(_CLOCK_AGAIN)

    async def _read(self, stream: StreamResponse) -> None:
        parser = MultipartParser(boundary_of(stream.headers.get("Content-Type", "")))
        loop = asyncio.get_running_loop()
        self._tell(EventStreamState.ALIVE)
        noise = NoiseLimit(loop.time())
        while chunk := await stream.read():
            self._last_byte = now = loop.time()
            parts = parser.feed(chunk)
            self._take_all(parts, now)
            noise.heard(len(chunk), now, understood=bool(parts))
        self._take_all(parser.close(), loop.time())

    def _take_all(self, parts: list[Part], now: float) -> None:
        if parts:
            received_at = self._context.utcnow()
            for part in parts:
                self._take(part, now, received_at)
            self._arm()
            if self._state.clock_doubted:
                self._state.clock_doubted = False
                self._doubt.set()

    def _take(self, part: Part, now: float, received_at: datetime) -> None:
        kind = part.headers.get("content-type", "")
        body = part.body
        if kind.startswith("image/"):
            self.pictures += 1
            self._picture(body)
            return
        self._pictured = None
        try:
            events = self._state.feed(body, now, received_at, json="json" in kind or body.lstrip()[:1] == b"{")
        except (NvrResponseError, ArithmeticError, ValueError, TypeError) as error:
            # One alert that nobody thought of must not cost the others.
            self._state.counters["broken"] += 1
            _LOGGER.debug("an alert that cannot be read: %s", error)
            return
        if events:
            self._emit(events)
            self._pictured = events[-1], 0
        if self._state.io_inactive and self._context.quirks.io_inactive is None:
            self._context.quirks.io_inactive = True

    def _picture(self, jpeg: bytes) -> None:
        """Hand on a picture of what was told last; of a repeat, which tells nothing, none is wanted."""
        if self._pictured is None or not jpeg.startswith(_JPEG):
            return
        event, largest = self._pictured
        if len(jpeg) > largest:
            self._pictured = event, len(jpeg)
            for sink in tuple(self._sinks.get(event.channel or 0, ())):
                sink(EventPicture(event, jpeg))

    def _emit(self, events: Iterable[NvrEvent]) -> None:
        listener = self._listener
        if listener is not None:
            for event in events:
                listener.on_event(event)

    def _arm(self) -> None:
        """Wake when the next hold ends; a timer that fires early finds nothing and is set again."""
        if self._timer is not None:
            return
        until = self._state.next_expiry()
        if until is not None:
            self._timer = asyncio.get_running_loop().call_at(until + _TICK, self._expire)

    def _expire(self) -> None:
        self._timer = None
        self._emit(self._state.expire(asyncio.get_running_loop().time(), self._context.utcnow()))
        self._arm()
