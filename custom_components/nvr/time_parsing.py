"""The times people give to actions, turned into spans; pure.

People think in the clock on their wall. A time without a zone is of Home Assistant's zone. When the clock is put back,
one time names two moments, and when it is put forward some times name none: a span takes in both readings, so that no
footage is missed; a single moment is the earlier one.
"""

from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Final

from .core.models import TimeSpan

DEFAULT_DURATION: Final = timedelta(hours=24)
_LONGEST: Final = timedelta(days=3660)
# Years no recorder is in are refused, before arithmetic on them can overflow.
_YEARS: Final = range(1970, 2200)


class TimeParsingError(ValueError):
    """Times that make no span; `key` says what is wrong, with `placeholders` for the sentence."""

    def __init__(self, key: str, **placeholders: str) -> None:
        """Keep the key of the sentence and what goes into it."""
        super().__init__(key)
        self.key = key
        self.placeholders = placeholders


def earliest(value: datetime, zone: tzinfo) -> datetime:
    """Return the first moment (UTC) that the time can mean."""
    return min(_readings(value, zone))


def latest(value: datetime, zone: tzinfo) -> datetime:
    """Return the last moment (UTC) that the time can mean."""
    return max(_readings(value, zone))


def require_possible(*values: date) -> None:
    """Refuse a date or time that no recorder can have; raises TimeParsingError."""
    for value in values:
        if value.year not in _YEARS:
            shown = value.isoformat(sep=" ", timespec="seconds") if isinstance(value, datetime) else value.isoformat()
            raise TimeParsingError("time_out_of_range", time=shown, first=str(_YEARS.start), last=str(_YEARS.stop - 1))


def _readings(value: datetime, zone: tzinfo) -> tuple[datetime, ...]:
    require_possible(value)
    if value.tzinfo is not None:
        return (value.astimezone(UTC),)
    return tuple(value.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))


def span_from(
    start: datetime | None,
    end: datetime | None,
    duration: timedelta | None,
    *,
    zone: tzinfo,
    now: datetime,
) -> TimeSpan:
    """Return the asked span; raises TimeParsingError.

    Any two of the three make a span. One alone is completed: a start lasts for the duration or until `now`, an end or
    nothing reaches back over the duration or a day.
    """
    if start is not None and end is not None and duration is not None:
        raise TimeParsingError("start_end_and_duration")
    if duration is not None and duration <= timedelta(0):
        raise TimeParsingError("duration_not_positive")
    if duration is not None and duration > _LONGEST:
        raise TimeParsingError("duration_too_long")
    if start is None:
        last = now if end is None else latest(end, zone)
        first = last - (duration or DEFAULT_DURATION)
    else:
        first = earliest(start, zone)
        if first >= now:
            raise TimeParsingError("start_in_the_future", start=_show(first, zone))
        last = latest(end, zone) if end is not None else first + duration if duration else now
    if last <= first:
        raise TimeParsingError("end_before_start", start=_show(first, zone), end=_show(last, zone))
    return TimeSpan(first, last)


def _show(moment: datetime, zone: tzinfo) -> str:
    return moment.astimezone(zone).isoformat(sep=" ", timespec="seconds")
