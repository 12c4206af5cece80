"""The event stream of one recorder in use; what it tells is held back until the recorder has proved who it is."""

import asyncio
from collections import Counter, deque
from collections.abc import Callable
from datetime import timedelta
from typing import Final

from homeassistant.core import callback

from .core.driver import Driver, EventListener
from .core.errors import NvrAuthError, NvrLockedError, NvrPermissionError, NvrUnsupportedError
from .core.models import EventKind, EventStreamState, NvrEvent
from .errands import Errands

# A proof takes one request. Should it take long, the newest events are those that still matter.
_MOST_HELD: Final = 1000

type StreamRefusal = NvrAuthError | NvrLockedError | NvrPermissionError | NvrUnsupportedError


class EventGate:
    """A listener before the listener; while it is open the events go straight to the one behind it."""

    def __init__(self, listener: EventListener, dropped: Counter[tuple[int | None, EventKind]]) -> None:
        """Begin open; `dropped` counts, by channel and kind, what is handed to nobody."""
        self._listener = listener
        self._dropped = dropped
        self._held: deque[NvrEvent] = deque()
        self.on_event: Callable[[NvrEvent], None] = listener.on_event
        self.on_stream_state: Callable[[EventStreamState], None] = listener.on_stream_state

    def shut(self) -> None:
        """Hold back what comes; what an earlier connection brought and nobody vouched for is dropped."""
        self._drop_held()
        self.on_event = self._hold

    def open(self) -> None:
        """Hand over what was held back, and what comes from now on."""
        self.on_event = self._listener.on_event
        while self._held:
            self._listener.on_event(self._held.popleft())

    def end(self) -> None:
        """Hand over nothing any more: neither what is held nor that the stream ends."""
        self._drop_held()
        self.on_event = self.on_stream_state = _ignore

    def _hold(self, event: NvrEvent) -> None:
        if len(self._held) >= _MOST_HELD:
            oldest = self._held.popleft()
            self._dropped[oldest.channel, oldest.kind] += 1
        self._held.append(event)

    def _drop_held(self) -> None:
        self._dropped.update((event.channel, event.kind) for event in self._held)
        self._held.clear()


def _ignore(_news: object) -> None:
    """Do nothing."""


class EventLine:
    """Runs the event source of a driver in the background; what it is refused for decides how it goes on."""

    def __init__(
        self,
        driver: Driver,
        errands: Errands,
        *,
        on_refusal: Callable[[StreamRefusal], timedelta | None],
        on_state: Callable[[EventStreamState], None],
        hold: float | None,
    ) -> None:
        """`on_refusal` returns how long to wait before the next try, None to end; `hold` (s) see EventSource."""
        self._driver = driver
        self._errands = errands
        self._on_refusal = on_refusal
        self._on_state = on_state
        self._hold = hold
        self._gate: EventGate | None = None
        self.state = EventStreamState.CONNECTING
        self.was_alive = False
        self.dropped: Counter[tuple[int | None, EventKind]] = Counter()
        # Whether the next connection is not the first one: another box may have taken the address in between.
        self.interrupted = False

    def heard_since(self, moment: float) -> bool:
        """Whether a byte came after the moment (monotonic, s) over the connection that is open now."""
        source = self._driver.events
        return source is not None and source.heard_at > moment

    @callback
    def async_start(self, listener: EventListener) -> None:
        """Start the stream, unless it was started, or has come to an end that only a new set-up changes."""
        source = self._driver.events
        if source is None or self._gate is not None:
            return
        if self._hold:
            source.hold = dict.fromkeys(EventKind, float(self._hold))
        gate = EventGate(listener, self.dropped)
        if self._errands.run("events", self._async_run(gate)):
            self._gate, self.interrupted = gate, False

    @callback
    def async_doubt(self) -> None:
        """Hold back what comes."""
        if self._gate is not None:
            self._gate.shut()

    @callback
    def async_trust(self) -> None:
        """Hand on what was held back."""
        if self._gate is not None:
            self._gate.open()

    @callback
    def async_end(self, state: EventStreamState, *, restartable: bool) -> None:
        """End the stream, without a word of its end; `restartable` lets `async_start` begin anew."""
        self._errands.cancel("events")
        if self._gate is not None:
            self._gate.end()
            self.state = state
        if restartable:
            self._gate = None

    async def _async_run(self, gate: EventGate) -> None:
        while (source := self._driver.events) is not None:
            try:
                await source.run(gate)
            except (NvrAuthError, NvrLockedError, NvrPermissionError, NvrUnsupportedError) as err:
                pause = self._on_refusal(err)
            self._on_state(EventStreamState.REFUSED)
            if pause is None:
                return
            await asyncio.sleep(pause.total_seconds())
