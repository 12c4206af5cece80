"""Time in media: whole 90 kHz ticks since the epoch, so that sums of frame lengths never drift."""

from datetime import UTC, datetime, timedelta

RATE = 90_000
"""Ticks per second."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def from_timedelta(value: timedelta) -> int:
    """Return a length in ticks, rounded down."""
    return (value // _MICROSECOND) * 9 // 100


def from_seconds(value: float) -> int:
    """Return a length in ticks, rounded to the nearest."""
    return round(value * RATE)


def from_datetime(moment: datetime) -> int:
    """Return an aware moment in ticks since the epoch, rounded down."""
    return from_timedelta(moment - _EPOCH)


def to_datetime(ticks: int) -> datetime:
    """Return the UTC moment of ticks since the epoch, never later than the exact one."""
    return _EPOCH + timedelta(microseconds=ticks * 100 // 9)


def ceil_datetime(ticks: int) -> datetime:
    """Return the first microsecond that is not before the ticks, so that `from_datetime` gives them back."""
    return _EPOCH + timedelta(microseconds=-(-ticks * 100 // 9))


def to_seconds(ticks: int) -> float:
    """Return a length in seconds."""
    return ticks / RATE
