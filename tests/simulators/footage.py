"""Which footage a simulated recorder holds: files, gaps and incidents of days, computed from a seed and its clock.

Nothing is stored: any window of any day is worked out when asked for, always the same. All times are true UTC.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from functools import lru_cache
from itertools import pairwise
from random import Random
from typing import Literal

from .clock import SimClock

type Span = tuple[datetime, datetime]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_INCIDENT_SLOT = 3600
_PRE_RECORD, _POST_RECORD = timedelta(seconds=5), timedelta(seconds=5)
_LONGEST_INCIDENT = 150


class Kind(StrEnum):
    """Why a file was recorded."""

    CONTINUOUS = "continuous"
    MOTION = "motion"
    SMART = "smart"
    ALARM = "alarm"
    MANUAL = "manual"


@dataclass(frozen=True, slots=True)
class DailyGap:
    """Footage missing every `every`-th day, from `at` in the recorder's wall time; a hole is one no list admits.

    Today is spared unless `today`, so that what records at present does not depend on the time of day.
    """

    at: time
    seconds: float
    every: int = 1
    hole: bool = False
    today: bool = False


DEFAULT_GAPS = (
    DailyGap(time(3, 10), 240),
    DailyGap(time(13, 25), 1500, every=2),
    DailyGap(time(16, 40, 12), 2.6, hole=True),
)


@dataclass(frozen=True, slots=True)
class ChannelPlan:
    """How one channel records. `file_seconds` equal twice means files of exactly that length."""

    mode: Literal["continuous", "events", "both", "off"] = "both"
    file_seconds: tuple[int, int] = (900, 3600)
    overlap_seconds: float = 3.0
    gaps: tuple[DailyGap, ...] = DEFAULT_GAPS
    incidents_per_hour: float = 3.0
    kinds: tuple[Kind, ...] = (Kind.MOTION, Kind.MOTION, Kind.SMART)
    bytes_per_second: int = 64_000
    planned_end: bool = True


@dataclass(frozen=True, slots=True)
class Incident:
    """Something that moves through the picture of a channel."""

    channel: int
    kind: Kind
    start: datetime
    end: datetime
    subject: str
    variant: int = 0


@dataclass(frozen=True, slots=True)
class RecordedFile:
    """One file; `end` is what is recorded so far, `planned_end` what an open file's list entry says."""

    channel: int
    kind: Kind
    start: datetime
    end: datetime
    planned_end: datetime
    open: bool
    name: str
    size: int


def merge(spans: Iterable[Span], tolerance: timedelta = timedelta(0)) -> list[Span]:
    """Return sorted spans with touching ones joined."""
    merged: list[Span] = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1] + tolerance:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        elif end > start:
            merged.append((start, end))
    return merged


def subtract(span: Span, holes: Sequence[Span]) -> list[Span]:
    """Return what is left of a span without the (sorted, disjoint) holes."""
    start, end = span
    left: list[Span] = []
    for hole_start, hole_end in holes:
        if hole_end <= start or hole_start >= end:
            continue
        if hole_start > start:
            left.append((start, hole_start))
        start = max(start, hole_end)
    if start < end:
        left.append((start, end))
    return left


@lru_cache(maxsize=4096)
def _cuts(seed: str, channel: int, slot: int, shortest: int, longest: int) -> tuple[int, ...]:
    """Return the file borders of a slot, in seconds since 1970, both ends included."""
    length = longest * -(-7200 // longest)
    rng = Random(f"{seed}/files/{channel}/{slot}")
    position, end = slot * length, (slot + 1) * length
    cuts = [position]
    while end - position > longest:
        piece = min(rng.randint(shortest, longest), end - position - shortest)
        position += max(piece, shortest)
        cuts.append(position)
    return (*cuts, end)


@lru_cache(maxsize=4096)
def _incidents(seed: str, channel: int, slot: int, plan: ChannelPlan) -> tuple[Incident, ...]:
    rng = Random(f"{seed}/incidents/{channel}/{slot}")
    count = int(plan.incidents_per_hour) + (rng.random() < plan.incidents_per_hour % 1)
    found = []
    room = _INCIDENT_SLOT / count if count else 0.0
    for index in range(count):  # one in each part of the hour, so that their files never overlap
        length = min(rng.randint(20, _LONGEST_INCIDENT), max(1, int(room) - 12))
        offset = index * room + 5 + rng.random() * max(0.0, room - length - 11)
        start = _EPOCH + timedelta(seconds=slot * _INCIDENT_SLOT + int(offset))
        subject = rng.choice(("person", "person", "car", "animal"))
        kind = rng.choice(plan.kinds)
        found.append(Incident(channel, kind, start, start + timedelta(seconds=length), subject, rng.randrange(8)))
    return tuple(found)


@dataclass(slots=True)
class Footage:
    """The recorder's disk. `plans` may be changed while it runs; channels without a plan record nothing."""

    clock: SimClock
    plans: dict[int, ChannelPlan]
    seed: str = "nvr"
    retention: timedelta = timedelta(days=8)
    _extra_gaps: dict[int, list[tuple[datetime, datetime | None]]] = field(default_factory=dict)
    _extra_incidents: dict[int, list[Incident]] = field(default_factory=dict)

    def stop_recording(self, channel: int) -> None:
        """Record nothing on a channel from now on."""
        self._extra_gaps.setdefault(channel, []).append((self.clock.now(), None))

    def resume_recording(self, channel: int) -> None:
        """Record again after `stop_recording`; the time between stays a gap."""
        now = self.clock.now()
        gaps = self._extra_gaps.get(channel, [])
        self._extra_gaps[channel] = [(start, end or now) for start, end in gaps]

    def add_gap(self, channel: int, start: datetime, end: datetime) -> None:
        """Lose footage of a channel."""
        self._extra_gaps.setdefault(channel, []).append((start, end))

    def add_incident(self, incident: Incident) -> None:
        """Let something happen that was not planned."""
        self._extra_incidents.setdefault(incident.channel, []).append(incident)

    def oldest(self) -> datetime:
        """Return the moment before which everything is overwritten (whole minutes)."""
        return (self.clock.now() - self.retention).replace(second=0, microsecond=0)

    def incidents(self, channel: int, start: datetime, end: datetime) -> list[Incident]:
        """Return what happens on a channel in a window, by start; also in the future."""
        plan = self.plans.get(channel)
        found = [i for i in self._extra_incidents.get(channel, ()) if i.start < end and i.end > start]
        if plan is not None:
            first = int((start - _EPOCH).total_seconds() - _LONGEST_INCIDENT) // _INCIDENT_SLOT
            last = int((end - _EPOCH).total_seconds()) // _INCIDENT_SLOT
            for slot in range(first, last + 1):
                planned = _incidents(self.seed, channel, slot, plan)
                found += [i for i in planned if i.start < end and i.end > start]
        return sorted(found, key=lambda incident: incident.start)

    def gaps(self, channel: int, start: datetime, end: datetime, *, holes: bool = False) -> list[Span]:
        """Return the gaps of a window; with `holes` also those that no list admits."""
        plan = self.plans.get(channel)
        if plan is None:
            return [(start, end)]
        found = [(a, b or datetime.max.replace(tzinfo=UTC)) for a, b in self._extra_gaps.get(channel, ())]
        day = self.clock.date_of(start) - timedelta(days=1)
        while self.clock.day_start(day) < end:
            found += self._daily(plan, day, holes=holes)
            day += timedelta(days=1)
        return merge((max(a, start), min(b, end)) for a, b in found if a < end and b > start)

    def _daily(self, plan: ChannelPlan, day: date, *, holes: bool) -> Iterator[Span]:
        past = day < self.clock.date_of(self.clock.now())
        for gap in plan.gaps:
            if (past or gap.today) and day.toordinal() % gap.every == 0 and (holes or not gap.hole):
                begin = self.clock.to_true(datetime.combine(day, gap.at, tzinfo=self.clock.zone))
                yield begin, begin + timedelta(seconds=gap.seconds)

    def files(
        self, channel: int, start: datetime, end: datetime, kinds: Iterable[Kind] | None = None
    ) -> list[RecordedFile]:
        """Return the files that overlap a window, by start; none is older than the retention."""
        plan = self.plans.get(channel)
        start, end = max(start, self.oldest()), min(end, self.clock.now())
        if plan is None or plan.mode == "off" or end <= start:
            return []
        found: list[RecordedFile] = []
        if plan.mode != "events":
            found += self._continuous(channel, plan, start, end)
        if plan.mode != "continuous":
            found += self._event_files(channel, plan, start, end)
        wanted = set(kinds) if kinds is not None else None
        return sorted(
            (f for f in found if wanted is None or f.kind in wanted),
            key=lambda f: (f.start, f.kind != Kind.CONTINUOUS, f.name),
        )

    def _continuous(self, channel: int, plan: ChannelPlan, start: datetime, end: datetime) -> Iterator[RecordedFile]:
        shortest, longest = plan.file_seconds
        length = longest * -(-7200 // longest)
        overlap = timedelta(seconds=plan.overlap_seconds)
        margin = timedelta(seconds=longest) + overlap
        gaps = self.gaps(channel, start - margin, end + margin)
        first = int((start - _EPOCH).total_seconds()) // length
        last = int((end + overlap - _EPOCH).total_seconds()) // length
        for slot in range(first, last + 1):
            cuts = _cuts(self.seed, channel, slot, shortest, longest)
            for low, high in pairwise(cuts):
                piece = (_EPOCH + timedelta(seconds=low), _EPOCH + timedelta(seconds=high))
                if piece[0] - overlap >= end or piece[1] <= start:
                    continue
                for part in subtract(piece, gaps):
                    begin = self._with_overlap(piece[0], part[0], overlap, gaps)
                    if begin < end and part[1] > start:
                        yield from self._file(channel, plan, Kind.CONTINUOUS, (begin, part[1]))

    @staticmethod
    def _with_overlap(border: datetime, begin: datetime, overlap: timedelta, gaps: Sequence[Span]) -> datetime:
        """Start a file before the last one ends, unless it starts after a gap."""
        touched = any(a < begin and b > begin - overlap for a, b in gaps)
        return begin - overlap if begin == border and not touched else begin

    def _event_files(self, channel: int, plan: ChannelPlan, start: datetime, end: datetime) -> Iterator[RecordedFile]:
        margin = timedelta(minutes=10)
        gaps = self.gaps(channel, start - margin, end + margin)
        for incident in self.incidents(channel, start - margin, end + margin):
            for part in subtract((incident.start - _PRE_RECORD, incident.end + _POST_RECORD), gaps):
                if part[0] < end and part[1] > start:
                    yield from self._file(channel, plan, incident.kind, part)

    def _file(self, channel: int, plan: ChannelPlan, kind: Kind, span: Span) -> Iterator[RecordedFile]:
        now = self.clock.now()
        start, end = span[0], min(span[1], now)
        if end <= start:
            return
        running = span[1] > now
        planned = end
        if running and plan.planned_end:
            rng = Random(f"{self.seed}/planned/{channel}/{span[0].isoformat()}")
            extra = rng.randint(17, 298) if kind is Kind.CONTINUOUS else 1
            planned = span[1] + timedelta(minutes=extra)
        number = int((start - _EPOCH).total_seconds() * 1000)
        name = f"{channel:03d}{list(Kind).index(kind)}{number:013d}"
        size = int((end - start).total_seconds() * plan.bytes_per_second)
        yield RecordedFile(channel, kind, start, end, planned, running, name, size)

    def file_named(self, name: str) -> RecordedFile | None:
        """Return the file of that name while the recorder still holds it."""
        if len(name) != 17 or not name.isdecimal():
            return None
        start = _EPOCH + timedelta(milliseconds=int(name[4:]))
        near = self.files(int(name[:3]), start, max(start, self.oldest()) + timedelta(seconds=1))
        return next((file for file in near if file.name == name), None)

    def recorded(self, channel: int, start: datetime, end: datetime, *, holes: bool = True) -> list[Span]:
        """Return what can really be played of a window; with `holes` false what the lists say."""
        files = self.files(channel, start, end)
        spans = merge((max(f.start, start), min(f.end, end)) for f in files)
        if not holes:
            return spans
        missing = self.gaps(channel, start, end, holes=True)
        return [part for span in spans for part in subtract(span, missing)]

    def recording(self, channel: int) -> bool:
        """Tell whether a channel is being recorded now."""
        now = self.clock.now()
        return bool(self.files(channel, now - timedelta(seconds=1), now))

    def next_recorded(self, channel: int, at: datetime, end: datetime) -> Span | None:
        """Return the first playable span at or after a moment, cut at both; looks ahead in steps of hours."""
        limit = min(end, self.clock.now())
        at = max(at, self.oldest())
        while at < limit:
            step = min(at + timedelta(hours=6), limit)
            spans = self.recorded(channel, at, step)
            if spans:
                return spans[0]
            at = step
        return None

    def kinds_between(self, channel: int, start: datetime, end: datetime) -> set[Kind]:
        """Return the kinds of files that a window holds."""
        return {file.kind for file in self.files(channel, start, end)}


def plans_for(channels: Iterable[int], base: ChannelPlan | None = None) -> dict[int, ChannelPlan]:
    """Return a plan for each channel, varied as real recorders are: every fourth records events only."""
    plan = base or ChannelPlan()
    return {n: replace(plan, mode="events") if n % 4 == 0 and base is None else plan for n in channels}


def counted_footage(clock: SimClock, channels: Iterable[int], seed: str, count: int, days: float) -> Footage:
    """Return `count` files a channel up to now, for benchmarks: of equal length, no gaps, nothing before or after."""
    numbers = list(channels)
    length = max(60, min(1200, int(days * 86400) // count))
    base = ChannelPlan("continuous", (length, length), 0.0, ())
    footage = Footage(clock, plans_for(numbers, base), seed, timedelta(seconds=(count + 2) * length))
    running = int(clock.timestamp()) // length
    first, after = (datetime.fromtimestamp(n * length, UTC) for n in (running - count + 1, running + 1))
    for number in numbers:
        footage.add_gap(number, first - timedelta(days=3650), first)
        footage.add_gap(number, after, after + timedelta(days=3650))
    return footage
