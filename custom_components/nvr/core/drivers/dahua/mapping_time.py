"""The recorder's zone, and wall digits to UTC and back (dahua-cgi 7.2). Pure.

Every time a recorder of this family writes or reads is its own wall clock without an offset.
"""

from datetime import datetime, timedelta, tzinfo
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from ...clock import DeviceClock, DeviceZone, SteadyDays, YearDay, fixed_zone, second_after
from ...models import TimeSpan
from .wire import Node, child, flag, integer, text

# TimeZone is a place in this list (minutes east of UTC), not a number of hours (dahua-cgi 7.2).
_OFFSETS: Final = (
    0, 60, 120, 180, 210, 240, 270, 300, 330, 345, 360, 390, 420, 480, 540, 570, 600, 660, 720, 780,
    -60, -120, -180, -210, -240, -300, -360, -420, -480, -540, -600, -660, -720,
)  # fmt: skip
_LAST_WEEK: Final = 5
_DAYS_BEFORE: Final = (0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334)
_HOUR: Final = timedelta(hours=1)
_ZERO: Final = timedelta(0)
# No recorder writes longer files (hours).
_LONGEST_FILE: Final = 2
_MOST: Final = 0.75
# Lists may be out of order by so much.
_JITTER: Final = timedelta(minutes=1)
# The two readings of one time lie at least half an hour apart: a UTC further off than this is of another kind.
_APART: Final = timedelta(minutes=15)


class WallClock:
    """Turns real UTC into the recorder's wall digits and back, for one reading of its clock, skew included."""

    def __init__(self, clock: DeviceClock) -> None:
        """Hold the reading; a new one needs a new instance."""
        self.clock = clock
        self._days = SteadyDays(clock)

    def to_wall(self, utc: datetime) -> datetime:
        """Return the naive digits the recorder shows at that moment."""
        return self.clock.to_wall(utc).replace(fold=0)

    def from_wall(self, digits: datetime, not_before: datetime | None = None) -> datetime:
        """Return real UTC of naive digits.

        `not_before` (UTC) settles an hour that occurs twice: what comes in order and seems earlier is the second pass.
        """
        moment = self._days.to_utc(digits)
        if moment is not None:
            return moment
        moment = self.clock.to_utc(digits, fold=0)
        if not_before is not None and moment < not_before:
            return max(moment, self.clock.to_utc(digits, fold=1))
        return moment

    def begin_of(self, digits: datetime, previous: TimeSpan | None) -> datetime:
        """Return real UTC at which a file begins that is listed behind another; see DeviceClock.begin_of."""
        return self._days.to_utc(digits) or self.clock.begin_of(digits, previous)

    def end_of(self, digits: datetime, begin: datetime) -> datetime:
        """Return real UTC at which a file ends; see DeviceClock.end_of."""
        return self._days.to_utc(digits) or self.clock.end_of(digits, begin)

    def span_of(self, start: datetime, end: datetime, part: TimeSpan) -> TimeSpan:
        """Return when a file was recorded of which a part is known: of two readings that hold it the shorter.

        Most of it is enough: the clock may have been read anew since the part was found.
        """
        begins = (self.clock.to_utc(start, fold=fold) for fold in (0, 1))
        readings = [TimeSpan(begin, max(begin, self.end_of(end, begin))) for begin in begins]
        held = [each.clip(part) for each in readings]
        most = max(each.duration if each else _ZERO for each in held)
        fits = [each for each, shared in zip(readings, held, strict=True) if shared and shared.duration > most * _MOST]
        return min(fits or readings[:1], key=lambda each: each.duration)

    def nearest(self, digits: datetime, told: datetime) -> datetime | None:
        """Return the reading of naive digits that a recorder's own UTC stands for; None where it is of neither."""
        readings = {self.clock.to_utc(digits, fold=fold) for fold in (0, 1)}
        moment = min(readings, key=lambda each: abs(each + self.clock.skew - told))
        return moment if abs(moment + self.clock.skew - told) < _APART else None

    def is_doubtful(self, digits: datetime) -> bool:
        """Tell whether the digits lie in an hour that occurs twice or never."""
        return self.clock.to_utc(digits, fold=0) != self.clock.to_utc(digits, fold=1)

    def is_plain(self, span: TimeSpan) -> bool:
        """Tell whether the digits of both ends of a span mean one moment each."""
        return not any(self.is_doubtful(self.to_wall(moment)) for moment in (span.start, span.end))

    def window(self, span: TimeSpan) -> tuple[datetime, datetime]:
        """Return the whole-second digits that cover a span, around an hour that occurs twice.

        A file that begins in such an hour is told by those before it: they are asked for as well.
        """
        start, end = span.start, span.end
        earlier = (start - hours * _HOUR for hours in range(1, _LONGEST_FILE + 1))
        start = next((moment for moment in earlier if self.is_doubtful(self.to_wall(moment))), start)
        while self.is_doubtful(self.to_wall(start)):
            start -= _HOUR
        while self.is_doubtful(self.to_wall(end)):
            end += _HOUR
        return self.to_wall(start).replace(microsecond=0), second_after(self.to_wall(end))


class Passes:
    """Reads the times of one list in its order, oldest first, which tells the pass of an hour that occurs twice."""

    def __init__(self, wall: WallClock) -> None:
        """Hold the clock; each list needs a new one."""
        self._wall = wall
        self._last: datetime | None = None

    def read(self, digits: datetime, told: datetime | None = None) -> datetime:
        """Return real UTC of the next item's digits; `told` is what the recorder calls its UTC, where it does."""
        moment = None if told is None else self._wall.nearest(digits, told)
        if moment is None:
            moment = self._wall.from_wall(digits, None if self._last is None else self._last - _JITTER)
        self._last = moment
        return moment


def load_zone(description: str) -> tzinfo | None:
    """Return the zone of an IANA name; None for a city's label or nothing. Reads files: call it in a thread."""
    if "/" not in description and description not in {"UTC", "GMT"}:
        return None
    try:
        return ZoneInfo(description)
    except ZoneInfoNotFoundError, ValueError, OSError:
        return None


def zone_description(ntp: Node) -> str:
    """Return what the NTP table calls the zone: an IANA name on newer firmware, a city or nothing on older."""
    return text(ntp, "TimeZoneDesc")


def stated_offset(ntp: Node) -> timedelta | None:
    """Return the standard offset the NTP table names by its index, None where it names none."""
    index = integer(ntp, "TimeZone")
    return timedelta(minutes=_OFFSETS[index]) if index is not None and 0 <= index < len(_OFFSETS) else None


def _change(locales: Node, name: str) -> YearDay | None:
    """Return the day of each year on which summer time begins or ends; Week 0 makes Day a day of the month."""
    rule = child(locales, name)
    month, week, day = (integer(rule, part) for part in ("Month", "Week", "Day"))
    at = timedelta(hours=integer(rule, "Hour") or 0, minutes=integer(rule, "Minute") or 0)
    if month is None or week is None or day is None or not 1 <= month <= 12:
        return None
    if week == 0:
        return YearDay(at, day=_DAYS_BEFORE[month - 1] + day, julian=True) if 1 <= day <= 31 else None
    if not 0 <= day <= 6 or not (week == -1 or 1 <= week <= _LAST_WEEK):
        return None
    return YearDay(at, month=month, week=_LAST_WEEK if week == -1 else week, weekday=day)


def ruled_zone(offset: timedelta | None, locales: Node) -> DeviceZone | None:
    """Return the zone of a standard offset and the recorder's own rules of summer time; None without an offset."""
    if offset is None:
        return None
    start, end = _change(locales, "DSTStart"), _change(locales, "DSTEnd")
    if not flag(locales, "DSTEnable") or start is None or end is None:
        return fixed_zone(offset)
    return DeviceZone(offset, _HOUR, start, end)
