"""Hands each event of the recorder to its two entities and to the bus: direct calls, nothing looked up per event."""

from collections import Counter
from collections.abc import Callable, Mapping
import time
from typing import Final

from homeassistant.core import CALLBACK_TYPE, Context, HomeAssistant, callback

from .const import (
    ATTR_ENTRY_ID,
    ATTR_EVENT_ID,
    ATTR_KIND,
    ATTR_LATE,
    ATTR_MEDIA_CONTENT_ID,
    ATTR_PHASE,
    ATTR_RECEIVED_AT,
    EVENT_DETECTION,
    LOGGER,
)
from .core.driver import EventListener
from .core.models import EventKind, EventPhase, EventStreamState, NvrEvent
from .details import details
from .detections import DetectionKey
from .media_ids import URI_PREFIX, ChannelId, format_moment, moment_prefix
from .persistence import RECORDER

type EventSink = Callable[[NvrEvent, Context], None]
# Why an event went nowhere: its kind or its channel was left out in the options.
IGNORED_KIND: Final = "ignored_kind"
IGNORED_CHANNEL: Final = "ignored_channel"

type FirstSeen = Callable[[int, DetectionKey], None]


class EventFanout(EventListener):
    """The listener of the event stream. Sinks are keyed by channel number, RECORDER for the recorder's own events."""

    def __init__(
        self,
        hass: HomeAssistant,
        *,
        payload: Callable[[int], Mapping[str, object] | None],
        first_seen: FirstSeen,
        stream_state: Callable[[EventStreamState], None],
        on_life: Callable[[], None],
        ignored: frozenset[EventKind] = frozenset(),
    ) -> None:
        """Take where the fixed part of a channel's payload comes from (None: not imported) and who hears of news."""
        self._hass = hass
        self._payload = payload
        self._first_seen = first_seen
        self._stream_state = stream_state
        self._on_life = on_life
        self._ignored = ignored
        self._payloads: dict[int, Mapping[str, object]] = {}
        self._moments: dict[int, str] = {}
        self._detections: dict[tuple[int, EventKind, int | None], EventSink] = {}
        self._events: dict[int, EventSink] = {}
        self._listeners: list[EventSink] = []
        self._known: set[tuple[int, EventKind, int | None]] = set()
        self._pulses: dict[tuple[int, EventKind, int | None], float] = {}
        self.active: set[tuple[int, EventKind, int | None]] = set()
        self.counters: Counter[str] = Counter()
        self.dropped: Counter[tuple[int, EventKind, str]] = Counter()
        self._context = Context()

    @callback
    def async_add_detection(self, number: int, key: DetectionKey, sink: EventSink) -> None:
        """Hand the events of one binary sensor to `sink`, until it is dropped."""
        self._detections[number, key.kind, key.port] = sink

    @callback
    def async_drop_detection(self, number: int, key: DetectionKey, sink: EventSink) -> None:
        """Hand nothing more to `sink`."""
        _drop(self._detections, (number, key.kind, key.port), sink)

    @callback
    def async_add_events(self, number: int, sink: EventSink) -> CALLBACK_TYPE:
        """Hand all events of a channel to its event entity."""
        self._events[number] = sink
        return lambda: _drop(self._events, number, sink)

    @callback
    def async_add_listener(self, sink: EventSink) -> CALLBACK_TYPE:
        """Hand every event to `sink`."""
        self._listeners.append(sink)
        return lambda: self._listeners.remove(sink)

    @callback
    def async_know(self, number: int, key: DetectionKey) -> None:
        """Note a kind that needs no telling when it comes."""
        self._known.add((number, key.kind, key.port))

    @callback
    def async_forget_payloads(self) -> None:
        """Build the fixed parts of the payloads anew: a name or an entity id changed."""
        self._payloads.clear()

    @callback
    def async_assume(self, event: NvrEvent) -> None:
        """Take something as active that began nobody knows when: its sensor shows it, and nothing else is told."""
        number = event.channel or RECORDER
        slot = (number, event.kind, event.port if event.kind is EventKind.IO_INPUT else None)
        if event.kind in self._ignored or slot in self.active or self._payload(number) is None:
            return
        self.active.add(slot)
        if slot not in self._known:
            self._welcome(slot, event)
        if (sink := self._detections.get(slot)) is not None:
            sink(event, Context())

    def is_active(self, number: int, key: DetectionKey) -> bool:
        """Tell whether a start without a stop was seen."""
        return (number, key.kind, key.port) in self.active

    def pulse_age(self, number: int, key: DetectionKey) -> float | None:
        """Return how long ago (s) the pulse came that was the first of its kind; None when it was none."""
        seen = self._pulses.get((number, key.kind, key.port))
        return None if seen is None else time.monotonic() - seen

    def on_stream_state(self, state: EventStreamState) -> None:
        """Take a change of the event stream's state."""
        try:
            self._stream_state(state)
        except Exception:  # noqa: BLE001 - a broken listener must not end the event stream
            LOGGER.exception("Handling a change of the event stream failed")

    def on_event(self, event: NvrEvent) -> None:
        """Take one event: one event on the bus and two state writes."""
        try:
            self._take(event, self._context)
        except Exception:  # noqa: BLE001 - a broken listener must not end the event stream
            LOGGER.exception("Handling an event of kind %s failed", event.kind)
        # Naming an event takes randomness from the system, which is dear to a processor that was idle: the name of the
        # next one is made while nobody waits for it.
        self._context = Context()

    def _take(self, event: NvrEvent, context: Context) -> None:
        kind = event.kind
        self.counters[kind] += 1
        number = event.channel or RECORDER
        if kind in self._ignored:
            self.dropped[number, kind, IGNORED_KIND] += 1
            return
        base = self._payloads.get(number)
        if base is None:
            if (fresh := self._payload(number)) is None:
                self.dropped[number, kind, IGNORED_CHANNEL] += 1
                return
            base = self._payloads[number] = fresh
            if number != RECORDER:
                channel = ChannelId(str(base[ATTR_ENTRY_ID]), number)
                self._moments[number] = f"{URI_PREFIX}/{moment_prefix(channel)}"
        slot = (number, kind, event.port if kind is EventKind.IO_INPUT else None)
        if event.phase is EventPhase.STOP:
            self.active.discard(slot)
        else:
            # A stop may be made by a hold timer; anything else has just come from the recorder.
            self._on_life()
            if event.phase is EventPhase.START and not event.late:
                self.active.add(slot)
        if slot not in self._known:
            self._welcome(slot, event)
        # Where the footage around it can be played, once the recorder has written it.
        footage = f"{moments}{format_moment(event.occurred_at)}" if (moments := self._moments.get(number)) else None
        # The context ties both states and the event on the bus together, and names the event. The bus comes first: its
        # event says everything, and nobody waits for the states, which follow before anything else runs.
        self._hass.bus.async_fire(EVENT_DETECTION, _with_event(base, event, context.id, footage), context=context)
        if not event.late:
            for sink in (self._detections.get(slot), self._events.get(number)):
                if sink is not None:
                    sink(event, context)
        for listener in self._listeners:
            listener(event, context)

    def _welcome(self, slot: tuple[int, EventKind, int | None], event: NvrEvent) -> None:
        """Tell of a kind that comes for the first time; a sensor that is made for it then still wants to know of it."""
        self._known.add(slot)
        if event.phase is EventPhase.PULSE and not event.late:
            self._pulses[slot] = time.monotonic()
        self._first_seen(slot[0], DetectionKey(event.kind, slot[2]))


def _with_event(base: Mapping[str, object], event: NvrEvent, event_id: str, footage: str | None) -> dict[str, object]:
    """Return the payload of the bus event; it stays below 1 kB."""
    return {
        **base,
        ATTR_KIND: event.kind,
        ATTR_PHASE: event.phase,
        **details(event),
        ATTR_RECEIVED_AT: event.received_at.isoformat(),
        ATTR_LATE: event.late,
        ATTR_EVENT_ID: event_id,
        ATTR_MEDIA_CONTENT_ID: footage,
    }


def _drop[K](sinks: dict[K, EventSink], key: K, sink: EventSink) -> None:
    """Remove the sink unless another took its place (an entity that was added again)."""
    if sinks.get(key) == sink:
        del sinks[key]
