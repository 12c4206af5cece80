"""What the recorder's `Z` means, and how it is found out (hikvision-isapi 8.3). Pure.

Some firmware writes true UTC, some its wall clock with a Z behind it. Nothing it states tells which: two short
searches around now do, for a segment cannot begin in the future.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from ...clock import DeviceClock, SteadyDays, second_after
from ...models import TimeSpan
from .wire_search import Match

# A segment that seems to begin later than this from now is proof of a wrong reading, not of a clock a bit off.
FUTURE = timedelta(minutes=2)
_PAST = timedelta(minutes=20)
_AHEAD = timedelta(minutes=5)
_HOUR = timedelta(hours=1)
_SECOND = timedelta(seconds=1)
_ZERO = timedelta(0)
# No recorder writes longer files (hours).
_LONGEST_FILE = 2


class ZMode(StrEnum):
    """The two meanings of Z."""

    UTC = "utc"
    LOCAL = "local"


class Verdict(NamedTuple):
    """What the two searches say; `proven` when one reading is impossible, else it is the likelier one."""

    mode: ZMode
    proven: bool


class WireClock:
    """Turns real UTC into the digits of requests and back, for one clock reading and one meaning of Z."""

    def __init__(self, clock: DeviceClock, mode: ZMode) -> None:
        """Hold both; a new reading of the clock needs a new one."""
        self.clock = clock
        self.mode = mode
        self._days = SteadyDays(clock)

    def to_wire(self, utc: datetime) -> datetime:
        """Return the naive digits to ask for."""
        if self.mode is ZMode.LOCAL:
            return self.clock.to_wall(utc).replace(fold=0)
        return (utc + self.clock.skew).replace(tzinfo=None)

    def window(self, span: TimeSpan) -> tuple[datetime, datetime]:
        """Return the whole-second digits that cover a span.

        Which pass of an hour that occurs twice a recorder means is its own secret: the window goes around it, also
        from some time after it, for a file that begins in there is told by those before it.
        """
        start, end = span.start, span.end
        if self.mode is ZMode.LOCAL:
            earlier = (start - hours * _HOUR for hours in range(1, _LONGEST_FILE + 1))
            start = next((moment for moment in earlier if self.is_doubtful(moment)), start)
            while self.is_doubtful(start):
                start -= _HOUR
            while self.is_doubtful(end):
                end += _HOUR
        return self.to_wire(start).replace(microsecond=0), second_after(self.to_wire(end))

    def is_doubtful(self, utc: datetime) -> bool:
        """Tell whether the digits of a moment mean another one as well: the wall clock shows them twice."""
        if self.mode is ZMode.UTC:
            return False
        digits = self.to_wire(utc)
        return self.clock.to_utc(digits, fold=0) != self.clock.to_utc(digits, fold=1)

    def from_wire(self, digits: datetime, shift: timedelta | None = None) -> datetime:
        """Return real UTC of naive digits, of an hour that occurs twice the first. A suffix is taken at its word."""
        if shift is not None:
            return (digits - shift - self.clock.skew).replace(tzinfo=UTC)
        if self.mode is ZMode.UTC:
            return (digits - self.clock.skew).replace(tzinfo=UTC)
        moment = self._days.to_utc(digits)
        return self.clock.to_utc(digits, fold=0) if moment is None else moment

    def span_of(
        self, start: datetime, end: datetime, shift: timedelta | None, previous: TimeSpan | None
    ) -> tuple[datetime, datetime]:
        """Return real UTC of a match's two ends, `previous` being the match listed before it.

        Matches come in order, which tells the pass of an hour that occurs twice; see DeviceClock.begin_of.
        """
        if shift is not None or self.mode is ZMode.UTC:
            return self.from_wire(start, shift), self.from_wire(end, shift)
        begin = self._days.to_utc(start) or self.clock.begin_of(start, previous)
        return begin, self._days.to_utc(end) or self.clock.end_of(end, begin)

    def wire_offset(self, utc: datetime) -> timedelta:
        """Return digits on the wire less real UTC at that moment."""
        return self.to_wire(utc) - utc.replace(tzinfo=None)


def matters(clock: DeviceClock, span: TimeSpan) -> bool:
    """Tell whether the meaning of Z changes anything for a span: not where the wall clock is UTC."""
    return any(moment.astimezone(clock.zone).utcoffset() != _ZERO for moment in (span.start, span.end))


def probe_window(clock: DeviceClock, mode: ZMode, now: datetime) -> tuple[datetime, datetime]:
    """Return the digits of the search that would find what is recorded now if Z meant that.

    It reaches as far ahead as the two meanings differ: read the wrong way, footage seems to lie there.
    """
    digits = {each: WireClock(clock, each).to_wire(now) for each in ZMode}
    return digits[mode] - _PAST, digits[mode] + _AHEAD + abs(digits[ZMode.LOCAL] - digits[ZMode.UTC])


def confirms(wire: WireClock, now: datetime, found: Sequence[Match]) -> bool:
    """Tell whether a search of `probe_window` found what is being recorded now, and nothing to come."""
    spans = [(wire.from_wire(match.start, match.shift), wire.from_wire(match.end, match.shift)) for match in found]
    return any(end >= now - FUTURE for _, end in spans) and all(start <= now + FUTURE for start, _ in spans)


def overturns(verdict: Verdict, clock: DeviceClock, now: datetime, found: Sequence[Match]) -> bool:
    """Tell whether a verdict outweighs another meaning of Z that was found before.

    That footage lies ahead under the other one does not do: so it does after the recorder's clock was put back. What
    is being recorded now must lie at now, and be the newest of its kind: a planned end alone may reach that far. It
    may even so for the newest; so where both meanings show something running, it is the one that has begun later.
    """
    newest = list({match.kind: match for match in sorted(found, key=lambda match: match.start)}.values())
    wire = WireClock(clock, verdict.mode)
    before = _age(WireClock(clock, ZMode.LOCAL if verdict.mode is ZMode.UTC else ZMode.UTC), now, newest)
    age = _age(wire, now, newest)
    return confirms(wire, now, newest) and age is not None and (before is None or age < before)


def address_mode(wire: WireClock, match: Match, digits: datetime | None) -> ZMode | None:
    """Return what Z means in playback addresses, by the `digits` of a match's own; None where it does not show.

    RTSP may follow another rule than the search on the same device (hikvision-isapi 8.3, 9.3).
    """
    if digits is None:
        return None
    start = wire.from_wire(match.start, match.shift)
    fits = [mode for mode in ZMode if abs(WireClock(wire.clock, mode).to_wire(start) - digits) <= _SECOND]
    return fits[0] if len(fits) == 1 else None


def judge(clock: DeviceClock, now: datetime, local: Sequence[Match], utc: Sequence[Match]) -> Verdict | None:
    """Return what Z means by the answers to both searches, None when they tell nothing (nothing is recorded now)."""
    found = [*local, *utc]
    if not found:
        return None
    stated = _stated(clock, now, local, utc)
    if stated is not None:
        return stated
    readings = {mode: WireClock(clock, mode) for mode in ZMode}
    newest = max(match.start for match in found)
    impossible = {mode for mode, wire in readings.items() if wire.from_wire(newest) > now + FUTURE}
    if len(impossible) == len(readings):
        return None
    for mode, other in ((ZMode.LOCAL, ZMode.UTC), (ZMode.UTC, ZMode.LOCAL)):
        if other in impossible:
            return Verdict(mode, proven=True)
    ages = {mode: age for mode, wire in readings.items() if (age := _age(wire, now, found)) is not None}
    return Verdict(min(ages, key=lambda mode: ages[mode]), proven=False) if ages else None


def _stated(clock: DeviceClock, now: datetime, local: Sequence[Match], utc: Sequence[Match]) -> Verdict | None:
    """Return the verdict where answers carry a numeric suffix: the search that found now is the right one."""
    wire = WireClock(clock, ZMode.UTC)
    for mode, matches in ((ZMode.LOCAL, local), (ZMode.UTC, utc)):
        for match in matches:
            if match.shift is None:
                continue
            start, end = wire.from_wire(match.start, match.shift), wire.from_wire(match.end, match.shift)
            if start <= now + FUTURE and end >= now - _PAST:
                return Verdict(mode, proven=True)
    return None


def _age(wire: WireClock, now: datetime, found: Sequence[Match]) -> timedelta | None:
    """Return how long ago the newest running segment began under a reading, None if none would be running."""
    ages = [
        abs(now - start)
        for match in found
        if (start := wire.from_wire(match.start)) <= now + FUTURE and wire.from_wire(match.end) >= now - FUTURE
    ]
    return min(ages, default=None)
