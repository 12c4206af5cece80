"""The one event stream of a recorder: attach to all codes, read, come back, ask what is still active (dahua-cgi 12)."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from http import HTTPStatus
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
    NvrUnreachableError,
    NvrUnsupportedError,
)
from ...event_tally import Fate, Unsubscribed
from ...models import EventKind, EventPhase, EventStreamState, NvrEvent
from ...transport.http import StreamResponse
from ...transport.noise import NoiseLimit
from .context import Context
from .event_state import EventState, unsent_kinds
from .refusals import DahuaRefusalError, classify, is_failing
from .tables import PLAIN_CODES
from .wire import is_error_body
from .wire_event import EventParser, indexes_of

_LOGGER = logging.getLogger(__name__)

MANAGER: Final = "eventManager.cgi"
HEARTBEAT: Final = 5
_INPUT: Final = "AlarmLocal"
BACK_OFF: Final = (1.0, 2.0, 5.0, 10.0, 30.0, 60.0)
_SHORT_LIFE: Final = 10.0
_LONG_LIFE: Final = 60.0
_AT_ONCE: Final = 0.1
_JITTER: Final = 0.2
_ALL, _SHORT, _POLLED = "all", "short", "polled"
# A recorder that boots, or has not noticed yet that our last stream is gone, refuses what it has: each way is tried so
# often more, with growing waits, before the next one is. The few codes less often where nobody knows of them yet.
_DOUBTS: Final = 5
_FEW_DOUBTS: Final = 2
_POLL: Final = 2.0
# What asks whether something is still active may come that much (s) later, so that many need not many timers.
_TICK: Final = 0.5
_ASK_AGAIN: Final = 30.0
_CLOCK_AGAIN: Final = 60.0


class Events:
    """The event source; `hold` is heeded where it is longer than the patience with a lost Stop."""

    def __init__(
        self,
        context: Context,
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        heartbeat: int = HEARTBEAT,
        poll: float = _POLL,
        read_clock: Callable[[], Awaitable[object]] | None = None,
    ) -> None:
        """Hold the context. After three heartbeats (s) and a bit without a byte the stream is given up.

        `read_clock` measures the recorder's clock anew; it is asked when the stream tells that somebody has set it.
        """
        self._context = context
        self._sleep = sleep
        self._heartbeat = heartbeat
        self._poll = poll
        self._dead_after = 3.0 * heartbeat + 5.0
        self._state = EventState(lambda: context.clock)
        self.tally = self._state.tally
        self._listener: EventListener | None = None
        self._told: EventStreamState | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._asking: asyncio.Task[None] | None = None
        self._read_clock = read_clock
        self._clock_set = asyncio.Event()
        self._way = _ALL
        self._refusals, self._open = 0, False
        self._parsed = dict.fromkeys(("heartbeats", "broken", "truncated"), 0)
        self.connections, self.crowded = 0, False
        self.heard_at = float("-inf")

    @property
    def hold(self) -> dict[EventKind, float]:
        """Seconds without a repeat after which a kind is over."""
        return self._state.hold

    @hold.setter
    def hold(self, seconds: Mapping[EventKind, float]) -> None:
        self._state.hold = dict(seconds)

    @property
    def counters(self) -> dict[str, int]:
        """What went through the stream so far."""
        return {**self._state.counters, **self._parsed, "connections": self.connections}

    @property
    def unsubscribed(self) -> Unsubscribed:
        """What is detected and not sent to us: this firmware takes a few codes only (dahua-cgi 12.1)."""
        return {} if self._way == _ALL else unsent_kinds(self._context.channels)

    async def inputs(self) -> Sequence[NvrEvent]:
        """Return the inputs that are active and were not heard of; see EventSource.inputs (dahua-cgi 12.1)."""
        asked = asyncio.get_running_loop().time()
        news = self._state.settle(_INPUT, await _active_indexes(self._context, _INPUT), asked, self._context.utcnow())
        self._emit(event for event in news if event.phase is EventPhase.STOP)
        self._arm()
        return [event for event in news if event.phase is EventPhase.START]

    async def run(self, listener: EventListener) -> None:
        """Read until cancelled; see EventSource.run for what is raised."""
        self._listener, self._told = listener, None
        self._way, self._refusals = _ALL, 0
        failures = 0
        loop = asyncio.get_running_loop()
        minding = asyncio.create_task(self._mind_clock())
        try:
            while True:
                self._tell(EventStreamState.CONNECTING)
                begun = loop.time()
                try:
                    await self._connection()
                except NvrError as error:
                    await self._end_connection()
                    at_once = self._judge(error)
                    lived = loop.time() - begun
                    failures = failures if lived < _SHORT_LIFE else 0
                    wait = BACK_OFF[min(failures, len(BACK_OFF) - 1)]
                    if at_once or lived > _LONG_LIFE:
                        # NVRs end it by themselves, hourly some (dahua-cgi 12.1).
                        wait = _AT_ONCE
                    else:
                        failures += 1
                    self.crowded = isinstance(error, NvrBusyError)
                    if isinstance(error, NvrBusyError):
                        wait = max(wait, error.retry_after or 0.0)
                    _LOGGER.debug("event stream lost: %s", error)
                    await self._sleep(wait * random.uniform(1 - _JITTER, 1 + _JITTER))  # noqa: S311 - spreads clients
        finally:
            minding.cancel()
            await self._end_connection()
            await asyncio.gather(minding, return_exceptions=True)
            self._listener = None

    async def _mind_clock(self) -> None:
        """Read the clock again when the stream tells that it was set (dahua-cgi 7.2); some correct it every hour."""
        while self._read_clock is not None:
            await self._clock_set.wait()
            self._clock_set.clear()
            try:
                await self._read_clock()
            except NvrError as error:
                _LOGGER.debug("the clock could not be read again: %s", error)
            await asyncio.sleep(_CLOCK_AGAIN)

    def _tell(self, state: EventStreamState) -> None:
        if state is EventStreamState.ALIVE:
            self.crowded = False
        if state is not self._told and self._listener is not None:
            self._told = state
            self._listener.on_stream_state(state)

    async def _end_connection(self) -> None:
        """States are kept while nothing is heard; the recorder is asked about them when it is back."""
        self.heard_at = float("-inf")
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        asking, self._asking = self._asking, None
        if asking is not None:
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)
        if self._told is not EventStreamState.REFUSED:
            self._tell(EventStreamState.DOWN)

    def _judge(self, error: NvrError) -> bool:
        """Tell whether to go on at once, by the way that is known to work; raise what makes going on senseless."""
        was_open, self._open = self._open, False
        if was_open:
            # Whatever worked, all codes are asked for first when it comes back.
            self._way, self._refusals = _ALL, 0
        if isinstance(error, NvrAuthError | NvrLockedError):
            self._tell(EventStreamState.REFUSED)
            raise error
        if isinstance(error, DahuaRefusalError | NvrNotFoundError | NvrUnsupportedError):
            if was_open:
                return False
            known = self._way == _ALL and self._falls_back
            self._refusals += 1
            if self._refusals <= self._doubts() or self._next_way(error):
                return known
            error = NvrUnsupportedError("the recorder has no event stream")
        elif not isinstance(error, NvrPermissionError):
            return False
        self._tell(EventStreamState.REFUSED)
        raise error

    @property
    def _falls_back(self) -> bool:
        """Whether this firmware is known to refuse all codes."""
        return self._context.quirks.codes in {_SHORT, _POLLED}

    def _doubts(self) -> int:
        """Return how many refusals of the present way are not believed."""
        if self._falls_back:
            return 0 if self._way == _ALL else _DOUBTS
        return _FEW_DOUBTS if self._way == _SHORT else _DOUBTS

    def _next_way(self, error: NvrError) -> bool:
        """Fall back: all codes, the few every firmware takes, asking again and again (dahua-cgi 12.1)."""
        if self._way == _POLLED:
            return False
        few = self._way == _ALL and isinstance(error, DahuaRefusalError) and self._context.quirks.codes != _POLLED
        self._way, self._refusals = _SHORT if few else _POLLED, 0
        return True

    async def _connection(self) -> None:
        """Read one connection to its end; always raises."""
        if self._way == _POLLED:
            await self._poll_codes()
        codes = "All" if self._way == _ALL else ",".join(PLAIN_CODES)
        query = f"action=attach&codes=[{codes}]&heartbeat={self._heartbeat}"
        async with self._context.client.stream(MANAGER, query, lane="events", idle_timeout=self._dead_after) as stream:
            await self._read(stream)
        raise NvrUnreachableError("the recorder ended the event stream")

    async def _read(self, stream: StreamResponse) -> None:
        content_type = stream.headers.get("Content-Type", "")
        # A stream says so in its headers: its first byte may come with the first heartbeat only.
        if "multipart" in content_type.lower():
            self._attached()
            chunk = await stream.read()
        else:
            chunk = await stream.read()
            if is_error_body(chunk):
                raise classify(stream.status, stream.headers, chunk) or NvrUnsupportedError("no event stream")
            self._attached()
        parser, loop = EventParser(content_type), asyncio.get_running_loop()
        before = dict.fromkeys(self._parsed, 0)
        noise = NoiseLimit(loop.time())
        while chunk:
            self.heard_at = now = loop.time()
            wires = parser.feed(chunk)
            noise.heard(len(chunk), now, understood=bool(wires) or parser.heartbeats > before["heartbeats"])
            if wires:
                received_at = self._context.utcnow()
                for wire in wires:
                    event = self._state.feed(wire, now, received_at)
                    if event is not None:
                        self._emit((event,))
                self._arm()
                if self._state.clock_changed:
                    self._state.clock_changed = False
                    self._clock_set.set()
            for name in self._parsed:
                count = getattr(parser, name)
                self._parsed[name] += count - before[name]
                before[name] = count
            chunk = await stream.read()

    def _attached(self) -> None:
        """Note that events come; what was active before the gap is asked for anew (dahua-cgi 12.1)."""
        self._connected()
        # What began in a gap was told to nobody: of the rest too, but not at the start, whose requests are few.
        missed = frozenset(PLAIN_CODES) if self.connections > 1 else frozenset()
        self._ask(self._state.codes() | missed)
        self._arm()

    def _connected(self) -> None:
        quirks = self._context.quirks
        if self._way == _ALL or quirks.codes is None:
            # Where all codes were taken once, another way is for a while only.
            quirks.codes = self._way
        self.connections += 1
        self._open, self._refusals = True, 0
        self._tell(EventStreamState.ALIVE)

    def _emit(self, events: Iterable[NvrEvent]) -> None:
        if (listener := self._listener) is None:
            return
        for event in events:
            # An empty slot has no picture to lose.
            if event.kind is EventKind.VIDEO_LOSS and not self._is_channel(event.channel):
                self.tally.revoke(event, Fate.NO_CAMERA)
                continue
            listener.on_event(event)

    def _is_channel(self, number: int | None) -> bool:
        channels = self._context.channels
        return number is None or not channels or any(channel.number == number for channel in channels)

    def _arm(self) -> None:
        """Wake when something has been active for so long that its Stop seems lost."""
        due = self._state.next_due()
        if self._timer is None and due is not None:
            self._timer = asyncio.get_running_loop().call_at(due + _TICK, self._expire)

    def _expire(self) -> None:
        self._timer = None
        self._ask(self._state.codes(due=asyncio.get_running_loop().time()))
        # While it is asked what was due is still so: the answer arms.
        if self._asking is None or self._asking.done():
            self._arm()

    def _ask(self, codes: frozenset[str]) -> None:
        if codes and (self._asking is None or self._asking.done()):
            self._asking = asyncio.get_running_loop().create_task(self._settle(codes))

    async def _settle(self, codes: frozenset[str]) -> None:
        """Compare what we think is active with what is; later, where the recorder does not answer."""
        loop = asyncio.get_running_loop()
        for code in sorted(codes):
            asked = loop.time()
            try:
                indexes = await _active_indexes(self._context, code)
            except NvrError as error:
                _LOGGER.debug("what is active of %s was not told: %s", code, error)
                self._state.postpone(code, loop.time() + _ASK_AGAIN)
                continue
            self._emit(self._state.settle(code, indexes, asked, self._context.utcnow()))
        self._arm()

    async def _poll_codes(self) -> None:
        """Ask for the few codes that matter again and again: this recorder pushes nothing. Always raises."""
        loop = asyncio.get_running_loop()
        while True:
            refused: NvrError | None = None
            answered = 0
            for code in PLAIN_CODES:
                asked = loop.time()
                try:
                    indexes = await _active_indexes(self._context, code, strict=True)
                except (DahuaRefusalError, NvrUnsupportedError, NvrNotFoundError) as error:
                    # Not every firmware knows each of them; what was active of one stays so.
                    refused = error
                    continue
                answered += 1
                if not self._open:
                    self._connected()
                self._emit(self._state.settle(code, indexes, asked, self._context.utcnow()))
            if refused is not None and not answered:
                raise refused
            await asyncio.sleep(self._poll)


async def _active_indexes(context: Context, code: str, *, strict: bool = False) -> frozenset[int]:
    """Return the 0-based indexes that are active; a refusal means none, unless `strict` (dahua-cgi 2.5, 12.1)."""
    try:
        text = await context.client.text(MANAGER, f"action=getEventIndexes&code={code}")
    except DahuaRefusalError as error:
        # A recorder that fails, as one that is starting does, says nothing of what is active.
        if is_failing(error) or (strict and error.status != HTTPStatus.OK):
            raise
        return frozenset()
    except NvrUnsupportedError, NvrNotFoundError:
        if strict:
            raise
        return frozenset()
    return indexes_of(text)
