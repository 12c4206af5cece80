"""The recorder's own clock: zone, summer time and how wrong it is. Inside it is all UTC; this is the edge.

A recorder writes wall-clock digits. Its zone tells which digits it would write if it were right, its skew how far
its idea of UTC is from ours (hikvision-isapi 4.3).
"""

from calendar import monthrange
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import lru_cache
import re
from typing import Final, override

from .models import TimeSpan

_ZERO: Final = timedelta(0)
_HOUR: Final = timedelta(hours=1)
_SECOND: Final = timedelta(seconds=1)
_QUARTER: Final = timedelta(minutes=15)
# Zones in use lie within these; everything else is a clock that was never set.
_WEST: Final = timedelta(hours=-12)
_EAST: Final = timedelta(hours=14)
# A quarter of an hour off is a wrong clock, not a zone, when the recorder names another zone nearby.
_NEAR: Final = timedelta(minutes=22, seconds=30)
_SAVING_LIMIT: Final = timedelta(hours=2)
# Files of one recording follow each other within so much.
_SEAM: Final = timedelta(seconds=5)
# localTime has whole seconds and travels; below this a skew is noise.
_NOISE: Final = timedelta(seconds=2)

_NAME: Final = r"(?:<[^<>]{1,16}>|[A-Za-z]{1,16})"
_OFFSET: Final = r"[+-]?\d{1,3}(?::\d{1,2}){0,2}"
# A century; and what any clock of a recorder, dead ones too, may show.
_LONGEST_LIFE: Final = 100 * 366 * 86400
_FIRST_YEAR, _LAST_YEAR = 1900, 2200
_ZONE: Final = re.compile(
    rf"(?P<name>{_NAME})(?P<offset>{_OFFSET})"
    rf"(?:(?P<summer>{_NAME})(?P<saving>{_OFFSET})?(?:,(?P<start>[^,]+),(?P<end>[^,]+))?)?"
)
_RULE: Final = re.compile(
    rf"(?:M(?P<month>\d{{1,2}})\.(?P<week>[1-5])\.(?P<weekday>[0-6])|(?P<julian>J?)(?P<day>\d{{1,3}}))"
    rf"(?:/(?P<time>{_OFFSET}))?"
)
_WALL: Final = re.compile(
    r"(?P<date>\d{4}-\d{1,2}-\d{1,2})[T ]+(?P<clock>\d{1,2}:\d{2}(?::\d{2})?)(?P<fraction>\.\d+)?\s*"
    r"(?P<suffix>Z|[+-]\d{1,2}(?::?\d{2})?)?",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class YearDay:
    """One day of each year with a time in the wall clock before the change, as POSIX writes it.

    `month` 1-12 with `week` 1-5 (5 is the last) and `weekday` (0 is Sunday); or month 0 and `day`: 1-365 without
    29 February when `julian`, else 0-365 with it.
    """

    at: timedelta = timedelta(hours=2)
    month: int = 0
    week: int = 0
    weekday: int = 0
    day: int = 0
    julian: bool = False

    def moment(self, year: int) -> datetime:
        """Return the naive wall time of the change in that year."""
        first = datetime(year, self.month or 1, 1)  # noqa: DTZ001 - wall digits have no zone
        if self.month:
            sunday_based = (first.weekday() + 1) % 7
            day = 1 + (self.weekday - sunday_based) % 7 + 7 * (self.week - 1)
            while day > monthrange(year, self.month)[1]:
                day -= 7
            return first + timedelta(days=day - 1) + self.at
        days = self.day
        if self.julian:
            leap = monthrange(year, 2)[1] == 29
            days = self.day - 1 + (leap and self.day >= 60)  # J60 is always 1 March
        return first + timedelta(days=days) + self.at


# POSIX leaves the rule open when it is not given; everybody takes the one of the USA.
_DEFAULT_START: Final = YearDay(month=3, week=2, weekday=0)
_DEFAULT_END: Final = YearDay(month=11, week=1, weekday=0)


class DeviceZone(tzinfo):
    """A zone by rule: a standard offset east of UTC and, with both rules, a saving from `start` to `end` each year."""

    __slots__ = ("end", "saving", "standard", "start")

    def __init__(
        self,
        standard: timedelta,
        saving: timedelta = _ZERO,
        start: YearDay | None = None,
        end: YearDay | None = None,
    ) -> None:
        """Raise ValueError for an offset of a day or more."""
        if abs(standard) + abs(saving) >= timedelta(days=1):
            raise ValueError("an offset of a day or more")
        self.standard = standard
        self.saving = saving if start is not None and end is not None else _ZERO
        self.start = start if self.saving else None
        self.end = end if self.saving else None

    @property
    def _key(self) -> tuple[timedelta, timedelta, YearDay | None, YearDay | None]:
        return self.standard, self.saving, self.start, self.end

    def __reduce__(self) -> tuple[type[DeviceZone], tuple[object, ...]]:
        """Pickle by value."""
        return DeviceZone, self._key

    def __eq__(self, other: object) -> bool:
        """Compare by rule."""
        return isinstance(other, DeviceZone) and self._key == other._key

    def __hash__(self) -> int:
        """Hash by rule."""
        return hash(self._key)

    def __repr__(self) -> str:
        """Show offset and saving."""
        return f"DeviceZone({self.tzname(None)}, saving={self.saving})"

    @override
    def tzname(self, dt: datetime | None) -> str:
        offset = (self.utcoffset(dt) if dt is not None else None) or self.standard
        minutes = round(offset / timedelta(minutes=1))
        return f"UTC{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}"

    @override
    def utcoffset(self, dt: datetime | None) -> timedelta:
        if dt is None or not self.saving:
            return self.standard
        wall = dt.replace(tzinfo=None)
        # PEP 495: fold 0 reads a repeated or skipped time by the offset before the change, fold 1 by the one after.
        pick = min if dt.fold else max
        return self._offset(wall.year, lambda change, before, after: wall >= change + pick(before, after))

    @override
    def dst(self, dt: datetime | None) -> timedelta:
        return self.utcoffset(dt) - self.standard

    @override
    def fromutc(self, dt: datetime) -> datetime:
        moment = dt.replace(tzinfo=None)
        offset = self._offset(moment.year, lambda change, _before, _after: moment >= change)
        wall = dt + offset
        # The later reading of a repeated time is the one whose offset is not what fold 0 would give.
        return wall.replace(fold=int(self.utcoffset(wall.replace(fold=0)) != offset))

    def _offset(self, year: int, passed: Callable[[datetime, timedelta, timedelta], bool]) -> timedelta:
        offset = self.standard
        for change, before, after in _changes(self, year):
            if not passed(change, before, after):
                break
            offset = after
        return offset


@lru_cache(maxsize=512)
def _changes(zone: DeviceZone, year: int) -> tuple[tuple[datetime, timedelta, timedelta], ...]:
    """Return (UTC, offset before, offset after) of the changes from the year before to the year after, in order."""
    if zone.start is None or zone.end is None:
        return ()
    summer = zone.standard + zone.saving
    found: list[tuple[datetime, timedelta, timedelta]] = []
    for each in range(max(2, year - 1), min(9998, year + 1) + 1):
        found.append((zone.start.moment(each) - zone.standard, zone.standard, summer))
        found.append((zone.end.moment(each) - summer, summer, zone.standard))
    return tuple(sorted(found))


def fixed_zone(offset: timedelta) -> DeviceZone:
    """Return the zone that always lies that far east of UTC."""
    return DeviceZone(offset)


def _duration(text: str) -> timedelta:
    sign = -1 if text.startswith("-") else 1
    parts = [int(part) for part in text.lstrip("+-").split(":")]
    hours, minutes, seconds = (*parts, 0, 0)[:3]
    return sign * timedelta(hours=hours, minutes=minutes, seconds=seconds)


def _year_day(text: str) -> YearDay | None:
    match = _RULE.fullmatch(text.strip())
    if match is None:
        return None
    at = _duration(match["time"]) if match["time"] else timedelta(hours=2)
    if match["month"]:
        month = int(match["month"])
        if not 1 <= month <= 12:
            return None
        return YearDay(at, month=month, week=int(match["week"]), weekday=int(match["weekday"]))
    day, julian = int(match["day"]), bool(match["julian"])
    return YearDay(at, day=day, julian=julian) if julian <= day <= 365 else None


def _saving(name: str, text: str | None, standard: timedelta) -> timedelta | None:
    """Return the saving; Hikvision writes how much is saved behind the name DST, POSIX the offset in summer."""
    if text is None:
        return _HOUR
    amount = _duration(text)
    if name.upper() == "DST" and text[0].isdigit() and _ZERO < amount <= _SAVING_LIMIT:
        return amount
    saving = -amount - standard
    return saving if abs(saving) <= _SAVING_LIMIT else None


def parse_posix_zone(text: str) -> DeviceZone | None:
    """Read `CST-1:00:00DST01:00:00,M3.5.0/02:00:00,M10.5.0/03:00:00` or plain POSIX; None when it is neither.

    The sign counts west of UTC, as POSIX has it. Without rules behind a summer name, the default rule applies.
    """
    match = _ZONE.fullmatch("".join(text.split()))
    if match is None:
        return None
    standard = -_duration(match["offset"])
    if not _WEST <= standard <= _EAST:
        return None
    if match["summer"] is None:
        return DeviceZone(standard)
    saving = _saving(match["summer"], match["saving"], standard)
    start = _year_day(match["start"]) if match["start"] else _DEFAULT_START
    end = _year_day(match["end"]) if match["end"] else _DEFAULT_END
    if saving is None or start is None or end is None:
        return None
    return DeviceZone(standard, saving, start, end)


@dataclass(frozen=True, slots=True)
class DeviceClock:
    """A reading of a recorder's clock. `skew` is the recorder's idea of UTC less ours; `read_at` is UTC.

    `measured` is False where the recorder did not tell its time when it was asked last: zone and skew are those of the
    reading before, of `read_at`, or assumed. It should then be asked again soon.
    """

    zone: tzinfo
    skew: timedelta
    read_at: datetime
    measured: bool = True

    def now(self, utc_now: datetime) -> datetime:
        """Return what the recorder's wall clock shows at that moment, aware in its zone, skew included."""
        return (utc_now + self.skew).astimezone(self.zone)

    def to_utc(self, wall: datetime, *, fold: int | None = None) -> datetime:
        """Return real UTC for the recorder's wall digits (naive), skew removed.

        `fold` chooses the reading of an hour that occurs twice; None takes the one of `wall`. A time that summer
        time skips is read as if the clock had not been put forward.
        """
        local = wall.replace(tzinfo=self.zone, fold=wall.fold if fold is None else fold)
        return local.astimezone(UTC) - self.skew

    def begin_of(self, wall: datetime, previous: TimeSpan | None) -> datetime:
        """Return real UTC of the digits (naive) with which a recording begins that is listed behind `previous`.

        Digits that occur twice are of the second pass when the first lies before the other recording began, and when
        only the second is where the other ends: files that begin with the hour begin with the same digits in both.
        """
        first, second = self.to_utc(wall, fold=0), self.to_utc(wall, fold=1)
        if previous is None or second <= first:
            return first
        return second if first < previous.start or abs(second - previous.end) <= _SEAM else first

    def end_of(self, wall: datetime, begin: datetime) -> datetime:
        """Return real UTC of the digits (naive) with which a recording ends that began at `begin` (UTC).

        Of digits that occur twice it is the first pass that makes a recording of some length.
        """
        first = self.to_utc(wall, fold=0)
        return first if first > begin else max(first, self.to_utc(wall, fold=1))

    def to_wall(self, utc: datetime) -> datetime:
        """Return the recorder's wall digits (naive, `fold` kept) for real UTC, skew included."""
        return self.now(utc).replace(tzinfo=None)

    def day(self, day: date) -> TimeSpan:
        """Return that day of the recorder's calendar; 23 or 25 hours long when summer time begins or ends."""
        midnight = datetime.combine(day, time.min)
        return TimeSpan(self.to_utc(midnight, fold=0), self.to_utc(midnight + timedelta(days=1), fold=0))

    def date_of(self, utc: datetime) -> date:
        """Return the day of the recorder's calendar on which the moment lies."""
        return self.to_wall(utc).date()


def second_after(moment: datetime) -> datetime:
    """Return the whole second at or after a moment: what ends within one has not ended at its beginning."""
    return moment.replace(microsecond=0) + _SECOND if moment.microsecond else moment


class SteadyDays:
    """Real UTC of wall digits on days without a change of clocks, which is nearly all: much faster than `to_utc`.

    For lists of thousands of files; one reading of the clock has one of these.
    """

    def __init__(self, clock: DeviceClock) -> None:
        """Hold the reading."""
        self._clock = clock
        self._begins: dict[int, tuple[datetime, datetime] | None] = {}

    def to_utc(self, digits: datetime) -> datetime | None:
        """Return real UTC of naive digits, None on a day on which the clocks change."""
        day = digits.toordinal()
        try:
            begin = self._begins[day]
        except KeyError:
            begin = self._begins[day] = self._begin(digits)
        return None if begin is None else begin[1] + (digits - begin[0])

    def _begin(self, digits: datetime) -> tuple[datetime, datetime] | None:
        """Return the midnight a day begins with, in digits and in UTC, if its clocks do not change, else None."""
        midnight = digits.replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
        later = midnight + timedelta(days=1)
        first, last = self._clock.to_utc(midnight, fold=0), self._clock.to_utc(later, fold=1)
        return (midnight, first) if last - first == later - midnight else None


def unmeasured(previous: DeviceClock | None, our_utc_now: datetime, zone: tzinfo | None = None) -> DeviceClock:
    """Return what to go by when the recorder tells no time: the last reading, else no skew, in `zone` or UTC."""
    if previous is not None:
        return replace(previous, measured=False)
    return DeviceClock(zone or fixed_zone(_ZERO), _ZERO, our_utc_now, measured=False)


@dataclass(frozen=True, slots=True)
class WallReading:
    """What a recorder wrote as its local time; `suffix` is the offset it added, if any."""

    digits: datetime
    suffix: timedelta | None
    exact: bool


def uptime_of(seconds: float | None) -> timedelta | None:
    """Return how long something has been running; None where that is not told, or cannot be."""
    return timedelta(seconds=seconds) if seconds is not None and 0 <= seconds <= _LONGEST_LIFE else None


def parse_wall(text: str) -> WallReading | None:
    """Read `2026-08-28T13:05:59-03:00`, with or without suffix, seconds and fraction; None when it is no time."""
    match = _WALL.fullmatch(text.strip())
    if match is None:
        return None
    year, month, day = (int(part) for part in match["date"].split("-"))
    if not _FIRST_YEAR <= year <= _LAST_YEAR:
        return None  # nothing can be reckoned at the ends of the calendar
    hour, minute, second = (*(int(part) for part in match["clock"].split(":")), 0)[:3]
    fraction = match["fraction"]
    try:
        digits = datetime(year, month, day, hour, minute, second)  # noqa: DTZ001 - wall digits have no zone
    except ValueError:
        return None
    if fraction:
        digits += timedelta(seconds=float(fraction))
    return WallReading(digits, _suffix(match["suffix"]), exact=fraction is not None)


def _suffix(text: str | None) -> timedelta | None:
    if text is None:
        return None
    if text in {"Z", "z"}:
        return _ZERO
    digits = text[1:].replace(":", "")
    offset = (
        timedelta(hours=int(digits[:-2] or digits), minutes=int(digits[-2:]))
        if len(digits) > 2
        else (timedelta(hours=int(digits)))
    )
    return -offset if text[0] == "-" else offset


def measure(
    wall_text: str, named_zone: str | tzinfo | None, our_utc_now: datetime, *, previous: DeviceClock | None = None
) -> DeviceClock:
    """Work out zone and skew from what the recorder wrote at our moment `our_utc_now`; never raises.

    `named_zone` is the zone it states: POSIX text as Hikvision writes it, or a zone a driver has made of other words.

    The zone it names counts when the wall clock is within 22 minutes of it: then the rest is skew, and the rule of
    summer time comes with it. Otherwise the wall clock counts, rounded to a quarter of an hour, for the suffix of
    `localTime` stays at standard time on some firmware (V4.84) and some do not follow the rule they name. A clock
    that fits no zone at all (year 2004 after a flat battery) takes the named zone, and everything else is skew.
    Without a readable time `previous` stands, else the skew is taken as zero: not `measured`. A difference of up to
    2 s to `previous` is noise.
    """
    named = parse_posix_zone(named_zone) if isinstance(named_zone, str) else named_zone
    reading = parse_wall(wall_text)
    if reading is None:
        return unmeasured(previous, our_utc_now, named)
    # Digits without a fraction were cut off: half a second is the fair guess.
    digits = reading.digits if reading.exact else reading.digits + timedelta(seconds=0.5)
    difference = digits - our_utc_now.astimezone(UTC).replace(tzinfo=None)
    zone = _zone(named, reading.suffix, difference, our_utc_now)
    skew = digits.replace(tzinfo=zone).astimezone(UTC) - our_utc_now
    skew = timedelta(seconds=round(skew.total_seconds()))
    if previous is not None and previous.zone == zone and abs(skew - previous.skew) <= _NOISE:
        skew = previous.skew
    elif abs(skew) <= _NOISE:
        skew = _ZERO
    return DeviceClock(zone, skew, our_utc_now)


def _zone(named: tzinfo | None, suffix: timedelta | None, difference: timedelta, our_utc_now: datetime) -> tzinfo:
    stated = named
    if stated is None and suffix is not None and _WEST <= suffix <= _EAST:
        stated = fixed_zone(suffix)
    if stated is not None and abs(difference - (our_utc_now.astimezone(stated).utcoffset() or _ZERO)) <= _NEAR:
        return stated
    measured = _QUARTER * round(difference / _QUARTER)
    if _WEST <= measured <= _EAST and (stated is None or abs(difference - measured) < timedelta(minutes=7)):
        return fixed_zone(measured)
    return stated or fixed_zone(_ZERO)
