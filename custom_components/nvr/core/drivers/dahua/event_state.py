"""What wire events mean one after the other: starts, stops, pulses, lost stops (dahua-cgi 12.2).

Pure; moments of `now` are seconds of a steady clock. A kind is over on a channel when the last that asserts it is:
several codes may say the same, and each rule of a channel starts an event of its own.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

from ...clock import DeviceClock, parse_wall
from ...event_tally import EventTally, Fate
from ...models import Channel, DetectionTarget, EventKind, EventPhase, NvrEvent
from ...vocabulary import direction_of, face_of, plate_of, target_of
from .tables import CLOCK_CODES, EVENT_TYPES, LOST_STOP, PLAIN_CODES, RINGING_STATES, EventType, Scope
from .wire_event import WireEvent

# The stream is live: an event dated further from now was dated by a clock that is not the recorder's.
_NEAR: Final = timedelta(minutes=2)
# What is told to the millisecond and this near needs no second reading.
_BELIEVED: Final = timedelta(seconds=5)
_MOST_ACTIVE: Final = 4096
_LARGEST: Final = 1e15
_MOST_TEXT: Final = 120
_EXTRA: Final = ("Direction", "Action", "State", "CallID", "Status", "Method", "Type")
_NOTHING: Final[Mapping[str, object]] = {}


class Key(NamedTuple):
    """What can be active: a code on a channel or at a port, by rule."""

    code: str
    kind: EventKind
    channel: int | None
    port: int | None
    rule: str


@dataclass(slots=True)
class Active:
    """One active thing: the event that began it, which regions assert it, when it is to be asked for."""

    event: NvrEvent
    due: float
    begun: float
    regions: set[str] = field(default_factory=set)


def event_type(code: str) -> EventType:
    """Return what a code means; one we do not know is an event of its channel without a kind."""
    return EVENT_TYPES.get(code) or EventType(EventKind.UNKNOWN)


def _text(value: object) -> str:
    # Most that is asked for is not there.
    if value is None:
        return ""
    if isinstance(value, str | int | float) and not isinstance(value, bool):
        return str(value).strip()[:_MOST_TEXT]
    return ""


def _number(value: object) -> float | None:
    if not isinstance(value, int | float) or isinstance(value, bool) or not abs(value) < _LARGEST:
        return None
    return float(value)


def _part(data: Mapping[str, object], name: str) -> Mapping[str, object]:
    """Return an object of the data, of a list its first, else nothing."""
    value = data.get(name)
    if value is None:
        return _NOTHING
    if isinstance(value, list):
        value = value[0] if value else None
    return value if isinstance(value, dict) else _NOTHING


def _regions(data: Mapping[str, object]) -> set[str]:
    """Return the regions of a motion event: their numbers, else their names (dahua-cgi 12.2)."""
    for name in ("Id", "RegionName"):
        value = data.get(name)
        if isinstance(value, list) and value:
            return {_text(item) for item in value}
    return set()


def _rule(data: Mapping[str, object]) -> str:
    """Return the rule an analytic event belongs to."""
    return _text(data.get("RuleId")) or _text(data.get("RuleID")) or _text(data.get("Name"))


class EventState:
    """Turns wire events into events. One per recorder; it outlives connections."""

    def __init__(self, clock: Callable[[], DeviceClock | None]) -> None:
        """`clock` gives the newest reading."""
        self.counters = dict.fromkeys(("events", "repeats", "ignored", "unmatched_stops", "lost_stops"), 0)
        self.tally = EventTally()
        self.clock_changed = False
        self.hold: dict[EventKind, float] = {}
        self._clock = clock
        self._active: dict[Key, Active] = {}

    @property
    def active(self) -> Mapping[Key, Active]:
        """What is active now."""
        return self._active

    def feed(self, wire: WireEvent, now: float, received_at: datetime) -> NvrEvent | None:
        """Take one wire event; None when it changes nothing that is told."""
        kind = event_type(wire.code)
        if wire.code in CLOCK_CODES:
            self.clock_changed = True
        key = self._key(wire, kind)
        if kind.ignored:
            self.counters["ignored"] += 1
            self.tally.note(key.channel, kind.kind, wire.code, Fate.HOUSEKEEPING, received_at)
            return None
        self.counters["events"] += 1
        phase = self._phase(wire, kind, key, now)
        fate = phase if isinstance(phase, Fate) else Fate.TOLD
        self.tally.note(key.channel, key.kind, wire.code, fate, received_at)
        if isinstance(phase, Fate):
            return None
        event = self._event(wire, kind, key, phase, received_at)
        if phase is EventPhase.START:
            if len(self._active) >= _MOST_ACTIVE:
                del self._active[next(iter(self._active))]
            self._active[key] = Active(event, now + self._patience(key.kind), now, _regions(wire.data))
        return event

    def _patience(self, kind: EventKind) -> float:
        """Ends come by word here: no hold ends an event sooner."""
        return max(LOST_STOP, self.hold.get(kind, 0.0))

    @staticmethod
    def _key(wire: WireEvent, kind: EventType) -> Key:
        channel = port = None
        if wire.index0 is not None and wire.index0 >= 0:
            channel = wire.index0 + 1 if kind.scope is Scope.CHANNEL else None
            port = wire.index0 + 1 if kind.scope is Scope.PORT else None
        rule = "" if wire.code == "VideoMotion" or kind.scope is Scope.PORT else _rule(wire.data)
        return Key(wire.code, kind.kind, channel, port, rule)

    def _phase(self, wire: WireEvent, kind: EventType, key: Key, now: float) -> EventPhase | Fate:
        """Return what an event means, or why it changes nothing."""
        if wire.code == "BackKeyLight":
            return EventPhase.PULSE if _number(wire.data.get("State")) in RINGING_STATES else Fate.HOUSEKEEPING
        if kind.pulse:
            return Fate.END_OF_NOTHING if wire.action == "Stop" else EventPhase.PULSE
        match wire.action:
            case "Start":
                return self._start(wire, key, now)
            case "Stop":
                return self._stop(wire, key)
            case "Pulse":
                return EventPhase.PULSE
            case _:
                self.counters["ignored"] += 1
                return Fate.HOUSEKEEPING

    def _start(self, wire: WireEvent, key: Key, now: float) -> EventPhase | Fate:
        active = self._active.get(key)
        if active is None:
            blank = key._replace(rule="")
            if blank not in self._active:
                return EventPhase.START
            # Found active after a gap, when only its place was told: now its rule is.
            active = self._active[key] = self._active.pop(blank)
        self.counters["repeats"] += 1
        active.due = now + self._patience(key.kind)
        active.regions |= _regions(wire.data)
        return Fate.REPEAT

    def _stop(self, wire: WireEvent, key: Key) -> EventPhase | Fate:
        """End what a Stop speaks of; STOP when the kind is over.

        Its rule may be named at the start only, or, where the start was found after a gap, at the end only.
        """
        active = self._active.get(key)
        if active is None:
            related = [other for other in self._active if other[:4] == key[:4] and not (key.rule and other.rule)]
            if not related:
                self.counters["unmatched_stops"] += 1
                return Fate.END_OF_NOTHING
            for other in related[1:]:
                del self._active[other]
            key = related[0]
        else:
            ended = _regions(wire.data)
            if ended and active.regions - ended:
                active.regions -= ended
                return Fate.END_OF_ONE_OF_SEVERAL
        return EventPhase.STOP if self._end(key) else Fate.END_OF_ONE_OF_SEVERAL

    def _end(self, key: Key) -> bool:
        del self._active[key]
        same = key[1:4]
        rest = [other for other in self._active if other[1:4] == same]
        return not (any(other.code == key.code for other in rest) if key.kind is EventKind.UNKNOWN else rest)

    def _event(self, wire: WireEvent, kind: EventType, key: Key, phase: EventPhase, received_at: datetime) -> NvrEvent:
        data = wire.data
        seen = _part(data, "Object") or _part(data, "Objects") or _part(data, "object")
        said = _text(seen.get("ObjectType")) or _text(data.get("ObjectType"))
        plate = _text(_part(data, "TrafficCar").get("PlateNumber")) or _text(data.get("PlateNumber"))
        # The likeliest comes first.
        person = _part(_part(data, "Candidates"), "Person")
        extra = {name: value for name in _EXTRA if name in data and (value := _text(data[name]))}
        regions = data.get("RegionName")
        region = _text(regions[0]) if isinstance(regions, list) and regions else ""
        return NvrEvent(
            kind=key.kind,
            phase=phase,
            channel=key.channel,
            occurred_at=self._dated(data, received_at),
            received_at=received_at,
            raw_type=wire.code,
            target=_target(said, kind),
            region=region or key.rule or None,
            port=key.port,
            plate=plate_of(plate),
            text=_text(data.get("Name")),
            extra=extra,
            rule=(_text(data.get("Name")) or key.rule or None) if kind.scope is Scope.CHANNEL else None,
            direction=direction_of(extra.get("Direction", "")),
            face=face_of(_text(person.get("Name"))),
        )

    def _dated(self, data: Mapping[str, object], received_at: datetime) -> datetime:
        """Return when it happened: by the recorder's clock, or when we heard of it if that clock is another's."""
        clock = self._clock()
        if clock is None:
            return received_at
        found: list[datetime] = []
        epoch = _number(data.get("UTC"))
        if epoch is not None and 0 < epoch < 2**33:
            milliseconds = _number(data.get("UTCMS")) or 0.0
            moment = datetime.fromtimestamp(epoch, UTC) + timedelta(milliseconds=milliseconds) - clock.skew
            if abs(moment - received_at) <= _BELIEVED:
                return moment
            found.append(moment)
        reading = parse_wall(_text(data.get("LocaleTime")))
        if reading is not None:
            # In the hour that occurs twice, the pass that is now.
            found += [clock.to_utc(reading.digits, fold=fold) for fold in (0, 1)]
        nearest = min(found, key=lambda moment: abs(moment - received_at), default=received_at)
        return nearest if abs(nearest - received_at) <= _NEAR else received_at

    def codes(self, *, due: float | None = None) -> frozenset[str]:
        """Return the codes that are active, or those of them a Stop of which seems lost."""
        return frozenset(key.code for key, active in self._active.items() if due is None or active.due <= due)

    def next_due(self) -> float | None:
        """Return when the recorder is to be asked next whether something is still active."""
        return min((active.due for active in self._active.values()), default=None)

    def postpone(self, code: str, until: float) -> None:
        """Ask for a code no sooner than then."""
        for key, active in self._active.items():
            if key.code == code:
                active.due = max(active.due, until)

    def settle(self, code: str, indexes: Iterable[int], asked: float, received_at: datetime) -> list[NvrEvent]:
        """Take what was active of a code when the recorder was asked: end what was not, begin what was not known.

        What began since then is left alone.
        """
        kind = event_type(code)
        if kind.pulse or kind.ignored:
            return []
        wires = [WireEvent(code, "Start", index, {}) for index in sorted(set(indexes))]
        told = {self._key(wire, kind)[:4] for wire in wires}
        events: list[NvrEvent] = []
        for key in [key for key in self._active if key.code == code]:
            active = self._active[key]
            if key[:4] in told or active.begun > asked:
                active.due = max(active.due, asked + self._patience(key.kind))
                continue
            self.counters["lost_stops"] += 1
            if self._end(key):
                events.append(_ended(active.event, received_at))
        for wire in wires:
            place = self._key(wire, kind)[:4]
            if not any(key[:4] == place for key in self._active) and (event := self.feed(wire, asked, received_at)):
                events.append(event)
        return events


def _target(said: str, kind: EventType) -> DetectionTarget | None:
    """Return what was seen: as it is said, unless only the code tells."""
    target = target_of(said)
    return kind.target if kind.target is not None and target in {None, DetectionTarget.OTHER} else target


def unsent_kinds(channels: Iterable[Channel]) -> dict[tuple[int | None, EventKind], str]:
    """Return what channels detect under no code that every firmware takes (dahua-cgi 12.1)."""
    sent = {event_type(code).kind for code in PLAIN_CODES}
    why = "the firmware refuses to send all codes"
    return {(channel.number, kind): why for channel in channels for kind in channel.detections - sent}


def _ended(event: NvrEvent, moment: datetime) -> NvrEvent:
    """Return the end of an event, now by our own clock."""
    return event._replace(
        phase=EventPhase.STOP, occurred_at=moment.astimezone(UTC), received_at=moment, plate=None, face=None, extra={}
    )
