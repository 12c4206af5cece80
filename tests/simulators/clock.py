"""The clock of a simulated recorder: zone with daylight saving, skew, and the digits it writes on the wire.

Two times exist. *True* time is what the pictures show and the footage is kept in: aware, UTC. *Device* time is what
the recorder believes: true time plus its skew, in its zone.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from io import BytesIO
import struct
import time
from typing import Literal
from zoneinfo import ZoneInfo

type WireMode = Literal["utc", "local"]


@dataclass(frozen=True, slots=True)
class DstRule:
    """When daylight saving begins and ends, as POSIX rules in wall time, and how far it moves the clock."""

    start: str = "M3.5.0/2"
    end: str = "M10.5.0/3"
    bias: timedelta = timedelta(hours=1)


def _posix_offset(offset: timedelta) -> str:
    """Write an offset east of UTC as POSIX does: positive is west."""
    seconds = -int(offset.total_seconds())
    hours, rest = divmod(abs(seconds), 3600)
    return f"{'-' if seconds < 0 else ''}{hours}:{rest // 60:02d}:{rest % 60:02d}"


def posix_text(offset: timedelta, dst: DstRule | None = None) -> str:
    """Return the POSIX TZ string of a zone east of UTC by `offset`."""
    text = f"CST{_posix_offset(offset)}"
    if dst is not None:
        text += f"CDT{_posix_offset(offset + dst.bias)},{dst.start},{dst.end}"
    return text


def make_zone(offset: timedelta = timedelta(0), dst: DstRule | None = None) -> tzinfo:
    """Return a zone by rule for all years; the standard library's own reader of POSIX rules does the work."""
    header = struct.pack(">4sc15x6l", b"TZif", b"2", 0, 0, 0, 0, 1, 4)
    body = struct.pack(">lbb4s", int(offset.total_seconds()), 0, 0, b"CST\0")
    footer = f"\n{posix_text(offset, dst)}\n".encode()
    return ZoneInfo.from_file(BytesIO(header + body + header + body + footer))


class SimClock:
    """Tell true and device time; `skew` and `zone` may be changed while the simulator runs.

    `shift` moves what the simulation takes for the present, so that a test can stand on another day.
    """

    def __init__(
        self,
        zone: tzinfo = UTC,
        *,
        skew: timedelta = timedelta(0),
        shift: timedelta = timedelta(0),
        epoch: Callable[[], float] = time.time,
    ) -> None:
        self.zone = zone
        self.skew = skew
        self.shift = shift
        self.steps: list[tuple[datetime, timedelta]] = []
        self._epoch = epoch

    def timestamp(self) -> float:
        """Return true time in seconds since 1970."""
        return self._epoch() + self.shift.total_seconds()

    def now(self) -> datetime:
        """Return true time, UTC."""
        return datetime.fromtimestamp(self.timestamp(), UTC)

    def step(self, by: timedelta, at: datetime | None = None) -> None:
        """Set the clock, as a user does, at a true time: what was recorded before keeps the digits it was given."""
        self.steps.append((at or self.now(), self.skew))
        self.skew += by

    def skew_at(self, true: datetime) -> timedelta:
        """Return how far the clock was ahead at a true time."""
        return next((skew for until, skew in self.steps if true < until), self.skew)

    def device_now(self) -> datetime:
        """Return what the recorder believes, aware, in its zone."""
        return self.to_device(self.now())

    def to_device(self, true: datetime) -> datetime:
        """Turn true time into device time, aware, in the recorder's zone."""
        return (true + self.skew_at(true)).astimezone(self.zone)

    def to_true(self, device: datetime) -> datetime:
        """Turn aware device time into true time, UTC."""
        return device.astimezone(UTC) - self.skew

    def day_start(self, day: date) -> datetime:
        """Return the true time at which the recorder's calendar day begins."""
        return self.to_true(datetime(day.year, day.month, day.day, tzinfo=self.zone))

    def date_of(self, true: datetime) -> date:
        """Return the recorder's calendar day of a moment."""
        return self.to_device(true).date()


@dataclass(frozen=True, slots=True)
class WireClock:
    """Digits that a firmware writes where the text says `Z`: real UTC, or its wall clock."""

    clock: SimClock
    mode: WireMode = "utc"

    def encode(self, true: datetime) -> datetime:
        """Return the naive digits for a true time."""
        device = self.clock.to_device(true)
        return (device.astimezone(UTC) if self.mode == "utc" else device).replace(tzinfo=None, fold=0)

    def decode(self, digits: datetime) -> datetime:
        """Return the true time (UTC) that naive digits stand for; of an ambiguous hour the first one."""
        return self.clock.to_true(digits.replace(tzinfo=UTC if self.mode == "utc" else self.clock.zone))
