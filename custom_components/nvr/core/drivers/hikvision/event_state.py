"""What alerts mean one after the other: starts, stops, pulses, repeats, late copies (hikvision-isapi 11.3).

Pure; moments of `now` are seconds of a steady clock. Stops that recorders never send are made by hold times. A kind is
over on a channel when its last active region is: each region starts an event of its own, the last one stops it.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

from ...clock import DeviceClock
from ...errors import NvrResponseError
from ...event_tally import EventTally, Fate
from ...models import EventKind, EventPhase, NvrEvent
from ...vocabulary import direction_of, plate_of, target_of
from .mapping import event_type, proxied_channel
from .mapping_time import WireClock, ZMode
from .tables import HOLD_DEFAULT, HOLD_DEVICE, HOLDS, EventType, Scope
from .wire_alert import Alert, heartbeat_channel, is_steady, parse_alert, parse_json_alert, shape_of
from .wire_search import parse_digits

LATE: Final = timedelta(minutes=2)
# How long after a connect old alerts may come without a word that they are old.
_REPLAY: Final = 60.0
# Beyond this the recorder's time of an event says nothing, not even that it is late.
_ABSURD: Final = timedelta(days=366)
_SHAPES_KEPT: Final = 512
_RECENT_KEPT: Final = 512
_LEGACY_BASE: Final = 32
_INPUT: Final = "IO"


class Key(NamedTuple):
    """What can be active: a kind on a channel, in a region or at a port."""

    channel: int | None
    kind: EventKind
    raw_type: str
    region: str
    port: int | None


class Meaning(NamedTuple):
    """An alert, and what it is about."""

    alert: Alert
    kind: EventType
    key: Key


@dataclass(slots=True)
class Active:
    """One active thing: when it ends by itself (None: only by word), and what was last said of it."""

    until: float | None
    event: NvrEvent
    asserted: float
    scope: Scope


def default_holds() -> dict[EventKind, float]:
    """Return the hold times by kind in seconds, to be changed at will."""
    return dict(HOLDS)


class ChannelMap:
    """The recorder's channel numbers, and what older numbering makes of them (hikvision-isapi 5.4, trap 12)."""

    def __init__(self, numbers: Iterable[int] = (), first_ip: int = 1) -> None:
        """Take the channels there are, and the number of the first IP channel, be it in use or not."""
        self.known = frozenset(numbers)
        self._first_ip = first_ip

    def channel(self, number: int | None) -> int | None:
        """Return the channel a number means, None for the recorder itself."""
        if not number:
            return None
        if number in self.known or number <= _LEGACY_BASE:
            return number
        legacy = self._first_ip - 1 + number - _LEGACY_BASE
        return legacy if legacy in self.known else number


class EventState:
    """Turns the bodies of alert parts into events. One per recorder; it outlives connections."""

    def __init__(self, clock: Callable[[], DeviceClock | None], *, io_inactive: bool = False) -> None:
        """`clock` gives the newest reading; `io_inactive` says that alarm inputs are known to send their end."""
        self.hold: dict[EventKind, float] = default_holds()
        self.io_inactive = io_inactive
        self.counters = {"heartbeats": 0, "repeats": 0, "alerts": 0, "broken": 0, "late": 0, "unmatched_stops": 0}
        self.tally = EventTally()
        self._clock = clock
        self._active: dict[Key, Active] = {}
        self._channels = ChannelMap()
        # By the shape of their bodies: what alerts mean, and what those that began something began.
        self._meanings: dict[bytes, Meaning] = {}
        self._begun: dict[bytes, Key] = {}
        self._recent: dict[tuple[Key, str], None] = {}
        self._losses: set[int | None] = set()
        self._reading: WireClock | None = None
        self._connected = 0.0
        # Set when a live alert's time cannot be: the recorder's clock was put to another time since it was read.
        self.clock_doubted = False

    @property
    def channels(self) -> ChannelMap:
        """What channel numbers mean."""
        return self._channels

    @channels.setter
    def channels(self, channels: ChannelMap) -> None:
        self._channels = channels
        self._meanings.clear()

    @property
    def active(self) -> Mapping[Key, Active]:
        """What is active now."""
        return self._active

    def hold_of(self, kind: EventKind, scope: Scope) -> float:
        """Return the hold of a kind in seconds."""
        return self.hold.get(kind, HOLD_DEVICE if scope is Scope.DEVICE else HOLD_DEFAULT)

    def feed(self, body: bytes, now: float, received_at: datetime, *, json: bool = False) -> list[NvrEvent]:
        """Take the body of one part; raises NvrResponseError for what is no alert."""
        if json:
            alert = parse_json_alert(body)
            return self._alert(self._mean(alert), alert.moment, now, received_at)
        shape, moment = shape_of(body)
        known = None if moment is None else self._meanings.get(shape)
        if known is None or moment is None:
            channel = heartbeat_channel(body)
            if channel is not None and self._channels.channel(channel) not in self._losses:
                self.counters["heartbeats"] += 1
                return []
        key = self._begun.get(shape)
        if key is not None and (active := self._active.get(key)) is not None and not self._may_be_replay(now):
            self.counters["repeats"] += 1
            self.tally.note(key.channel, key.kind, active.event.raw_type, Fate.REPEAT, received_at)
            self._extend(key, active, now)
            return []
        if known is None or moment is None:
            known = self._mean(parse_alert(body))
            if moment == known.alert.moment and channel is None and is_steady(body):
                _keep(self._meanings, shape, known)
            moment = known.alert.moment
        return self._alert(known, moment, now, received_at, shape)

    def _mean(self, alert: Alert) -> Meaning:
        kind = event_type(alert.related or alert.type)
        return Meaning(alert, kind, self._key(alert, kind))

    def _may_be_replay(self, now: float) -> bool:
        return now - self._connected < _REPLAY

    def _until(self, key: Key, scope: Scope, now: float) -> float | None:
        """Return when something asserted now ends by itself; None for what ends by word only."""
        by_word = key.kind is EventKind.VIDEO_LOSS or (scope is Scope.PORT and self.io_inactive)
        return None if by_word else now + self.hold_of(key.kind, scope)

    def _extend(self, key: Key, active: Active, now: float) -> None:
        active.asserted = now
        # After a reconnect also what ends by word has a limit, until it is asserted again.
        active.until = self._until(key, active.scope, now)

    def _key(self, alert: Alert, kind: EventType) -> Key:
        channel = self._channels.channel(alert.channel if alert.dyn_channel is None else alert.dyn_channel)
        port = alert.port
        if kind.scope is Scope.DEVICE:
            channel = None
        elif kind.scope is Scope.PORT:
            port = alert.port if alert.proxied_port is None else alert.proxied_port % 100
            channel = self._port_channel(alert)
        raw_type = alert.related or alert.type
        # A kind may come under several names; only what is not known is told apart by its name.
        name = raw_type.lower() if kind.kind is EventKind.UNKNOWN else raw_type.lower() * (kind.scope is Scope.PORT)
        return Key(channel, kind.kind, name, alert.region, port)

    def _port_channel(self, alert: Alert) -> int | None:
        """Return the channel of a camera's own input, None for an input of the box (hikvision-isapi 5.4)."""
        if alert.proxied_port is not None:
            return proxied_channel(alert.proxied_port)
        return proxied_channel(alert.port)

    def _alert(
        self, known: Meaning, moment: str, now: float, received_at: datetime, shape: bytes | None = None
    ) -> list[NvrEvent]:
        self.counters["alerts"] += 1
        alert, kind, key = known
        if alert.type.lower() == "heartbeat":
            return []
        occurred_at, late = self._dated(alert, moment, received_at, replay=self._may_be_replay(now))
        phase = self._late(alert, moment, key) if late else self._phase(alert, key, kind, now)
        raw_type = alert.related or alert.type
        fate = phase if isinstance(phase, Fate) else Fate.LATE if late else Fate.TOLD
        self.tally.note(key.channel, key.kind, raw_type, fate, received_at)
        if isinstance(phase, Fate):
            return []
        event = NvrEvent(
            kind=key.kind,
            phase=phase,
            channel=key.channel,
            occurred_at=occurred_at,
            received_at=received_at,
            raw_type=raw_type,
            late=late,
            target=target_of(alert.target),
            region=alert.region or None,
            port=key.port,
            plate=plate_of(alert.plate),
            text=alert.description,
            pictures=alert.pictures,
            rule=alert.region or None,
            direction=direction_of(alert.direction),
        )
        if phase is EventPhase.START:
            self._begin(key, kind, event, now)
            if shape is not None:
                _keep(self._begun, shape, key)
        return [event]

    def _phase(self, alert: Alert, key: Key, kind: EventType, now: float) -> EventPhase | Fate:
        """Return what an alert of now means, or why it changes nothing."""
        inactive = alert.state == "inactive"
        if kind.pulse:
            return Fate.END_OF_NOTHING if inactive else EventPhase.PULSE
        if inactive:
            return self._stop(key)
        active = self._active.get(key)
        if active is None:
            return EventPhase.START
        self.counters["repeats"] += 1
        self._extend(key, active, now)
        return Fate.REPEAT

    def _dated(self, alert: Alert, moment: str, received_at: datetime, *, replay: bool) -> tuple[datetime, bool]:
        """Return when it happened, by the recorder's own clock less its skew, and whether that is long ago.

        Age alone makes an alert late only where a replay may be. Later on it tells that the clock was put to another
        time: what is live must not be lost to that (hikvision-isapi 4.3).
        """
        clock = self._clock()
        late = alert.retransmitted
        if clock is None or not moment:
            return received_at, late
        if self._reading is None or self._reading.clock is not clock:
            self._reading = WireClock(clock, ZMode.LOCAL)
        try:
            # The suffix stays at standard time on some firmware, so the digits count (hikvision-isapi 4.3).
            occurred_at = self._reading.from_wire(parse_digits(moment))
        except NvrResponseError, OverflowError:
            return received_at, late
        age = received_at - occurred_at
        if abs(age) > _ABSURD:
            return received_at, late
        if late or -LATE <= age <= LATE:
            return occurred_at, late
        self.clock_doubted = True
        return (occurred_at, True) if replay and age > LATE else (received_at, False)

    def _late(self, alert: Alert, moment: str, key: Key) -> EventPhase | Fate:
        """A copy sent afterwards moves nothing; it is told once, as a pulse, and its end not at all."""
        self.counters["late"] += 1
        if alert.state == "inactive" or (key, moment) in self._recent:
            return Fate.LATE_COPY
        if len(self._recent) >= _RECENT_KEPT:
            del self._recent[next(iter(self._recent))]
        self._recent[(key, moment)] = None
        return EventPhase.PULSE

    def _begin(self, key: Key, kind: EventType, event: NvrEvent, now: float) -> None:
        self._active[key] = Active(self._until(key, kind.scope, now), event, now, kind.scope)
        if key.kind is EventKind.VIDEO_LOSS:
            self._losses.add(key.channel)

    def _stop(self, key: Key) -> EventPhase | Fate:
        """End what an alert says is over; STOP when the kind is over on the channel."""
        if key.kind is EventKind.IO_INPUT:
            self.io_inactive = True
        if key not in self._active:
            # Some firmware tells the region at the start only.
            related = [other for other in self._active if other[:3] == key[:3] and key.port in (None, other.port)]
            if key.region or not related:
                self.counters["unmatched_stops"] += 1
                return Fate.END_OF_NOTHING
            for other in related[1:]:
                self._forget(other)
            key = related[0]
        return EventPhase.STOP if self._end(key) else Fate.END_OF_ONE_OF_SEVERAL

    def _forget(self, key: Key) -> None:
        del self._active[key]
        if key.kind is EventKind.VIDEO_LOSS:
            self._losses.discard(key.channel)

    def _end(self, key: Key) -> bool:
        """End one; True when it was the last of its kind there."""
        self._forget(key)
        kind, channel, port = key.kind, key.channel, key.port
        return not any(other.kind is kind and other.channel == channel and other.port == port for other in self._active)

    def expire(self, now: float, received_at: datetime) -> list[NvrEvent]:
        """End what was not repeated within its hold."""
        events = []
        for key in [key for key, active in self._active.items() if active.until is not None and active.until <= now]:
            started = self._active[key].event
            if self._end(key):
                events.append(_ended(started, received_at))
        return events

    def take_inputs(
        self, ports: Mapping[int, bool], now: float, received_at: datetime
    ) -> tuple[list[NvrEvent], list[NvrEvent]]:
        """Take how the box's inputs are: return what began unheard, and what ended unheard.

        What began so ends by word, or when it is asked for again: nothing repeats it.
        """
        begun, ended = [], []
        for port, is_on in ports.items():
            key = Key(None, EventKind.IO_INPUT, _INPUT.lower(), "", port)
            if is_on and key not in self._active:
                moment = received_at.astimezone(UTC)
                event = NvrEvent(
                    EventKind.IO_INPUT, EventPhase.START, None, moment, received_at, raw_type=_INPUT, port=port
                )
                self._active[key] = Active(None, event, now, Scope.PORT)
                begun.append(event)
            elif not is_on and key in self._active:
                event = self._active[key].event
                if self._end(key):
                    ended.append(_ended(event, received_at))
        return begun, ended

    def next_expiry(self) -> float | None:
        """Return when the next hold ends, None when none runs."""
        return min((active.until for active in self._active.values() if active.until is not None), default=None)

    def reconnected(self, now: float) -> None:
        """Give everything its hold from now on: what is not asserted again ends (hikvision-isapi 11.3)."""
        self._connected = now
        for key, active in self._active.items():
            active.until = now + self.hold_of(key.kind, active.scope)


def _keep[K, V](kept: dict[K, V], key: K, value: V) -> None:
    """Keep the newest; shapes without number forget all."""
    if len(kept) >= _SHAPES_KEPT:
        kept.clear()
    kept[key] = value


def _ended(event: NvrEvent, moment: datetime) -> NvrEvent:
    """Return the end of an event, now by our own clock."""
    return NvrEvent(
        kind=event.kind,
        phase=EventPhase.STOP,
        channel=event.channel,
        occurred_at=moment.astimezone(UTC),
        received_at=moment,
        raw_type=event.raw_type,
        target=event.target,
        region=event.region,
        port=event.port,
        text=event.text,
        rule=event.rule,
    )
