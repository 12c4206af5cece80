"""From RTP time to the moment a frame was recorded. All times in 90 kHz ticks since the epoch (UTC).

Evidence, best first: an RTCP sender report that is near what was asked, the `Range: clock=` of the PLAY answer, the
asked start. Some firmware writes its wall clock into both ("Z" or not: hikvision-isapi 9.3), some sends the present
moment in its reports; nearness decides. Recorders jump over a gap without notice and RTP time runs on: the next report
moves the clock.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime
import re

from ..ticks import RATE, from_datetime

_NTP_EPOCH = 2_208_988_800
_CLOCK = re.compile(r"clock\s*=\s*(\d{8})T(\d{6})(\.\d{1,6})?Z?", re.IGNORECASE)
_NPT = re.compile(r"npt\s*=\s*(-?\d{1,9}(?:\.\d{1,9})?)", re.IGNORECASE)
_RTPTIME = re.compile(r"rtptime\s*=\s*(\d{1,10})", re.IGNORECASE)
_NEAR = 60 * RATE
_PRESENT = 10 * RATE
_QUARTER = 900 * RATE
_JITTER = 3 * RATE // 10


def parse_clock_range(text: str) -> int | None:
    """Return the begin of a `Range: clock=YYYYMMDDTHHMMSS[.f]Z-` header, digits read as UTC; None for other ranges."""
    found = _CLOCK.search(text)
    if found is None:
        return None
    try:
        moment = datetime.strptime(found[1] + found[2], "%Y%m%d%H%M%S").replace(tzinfo=UTC)
    except ValueError:
        return None
    return from_datetime(moment) + round(float(found[3] or 0) * RATE)


def parse_rtptime(text: str, control: str = "") -> int | None:
    """Return the rtptime of an RTP-Info header: of the part that names the control address, else of the first."""
    parts = text.split(",")
    track = control.rstrip("/").rpartition("/")[2]
    named = [part for part in parts if track and re.search(rf"/{re.escape(track)}/?(?:;|\s|$)", part)]
    found = _RTPTIME.search(named[0] if named else text)
    return int(found[1]) & 0xFFFFFFFF if found else None


def ntp_to_ticks(ntp: int) -> int:
    """Return a 32.32 NTP moment in ticks since the epoch."""
    return ((ntp >> 32) - _NTP_EPOCH) * RATE + ((ntp & 0xFFFFFFFF) * RATE >> 32)


@dataclass(slots=True)
class WallClock:
    """The clock of one playback session. `asked` and `end` bound the footage, `offset` is wire time less UTC.

    `scale`: seconds of footage for one of RTP time, where it is played fast (RFC 2326 12.34).
    `live`: it is the present that is played.
    `npt` (ticks) is where in its resource the session was told to begin, `asked` the moment that lies there.
    `verified` once a report confirmed or corrected it; `generation` counts how often it was moved, and `moved` by how
    much in all. `bias` is what the clock says less what the last report that was believed said: it dates the reports of
    other tracks.
    """

    asked: int
    end: int
    offset: int = 0
    rate: int = RATE
    scale: float = 1.0
    live: bool = False
    npt: int = 0
    verified: bool = False
    generation: int = 0
    moved: int = 0
    bias: int | None = None
    _anchor: tuple[int, int] | None = None
    _range: int | None = None
    _range_rtp: int | None = None
    _unwrapped: int | None = None
    _shift: int = 0
    _reports: list[tuple[int, int, int]] = field(default_factory=list)
    _reported: tuple[int, int] | None = None

    @property
    def anchored(self) -> bool:
        """Whether a frame has come: only then the clock runs."""
        return self._anchor is not None

    @property
    def latest(self) -> int:
        """When the newest frame was recorded."""
        return self._map(self._unwrapped or 0)

    @property
    def _low(self) -> int:
        """The earliest moment that is believed: a little before the beginning of what is played."""
        return self.asked - self.npt - _NEAR

    def when(self, rtp: int) -> int:
        """Return the moment of an RTP time near the newest frame's, without taking it for a frame's."""
        return self._map(self._near_unwrapped(rtp))

    def play_answer(self, clock_range: str, rtp_info: str) -> None:
        """Take the `Range` and `RTP-Info` headers of the PLAY answer, empty when absent."""
        if (near := self._named(clock_range)) is not None:
            self._range, self._range_rtp = near, parse_rtptime(rtp_info)

    def resumed(self, clock_range: str, rtp_info: str) -> None:
        """Take the headers of a PLAY answer that lets a paused session go on; where they say nothing RTP time does."""
        rtp, relative, begin = parse_rtptime(rtp_info), _NPT.search(clock_range), self._named(clock_range)
        if begin is None or rtp is None or self._anchor is None:
            return
        if relative is not None and not float(relative[1]):
            return  # what answers so says it always
        # It goes on at most a group of pictures before where it stopped.
        if abs(begin - self.latest) <= _NEAR:
            position = self._near_unwrapped(rtp)
            self.moved += begin - self._map(position)
            self._anchor = position, begin
            self.generation += 1

    def _named(self, clock_range: str) -> int | None:
        """Return the moment that a Range header names, None for one that cannot be."""
        begin = parse_clock_range(clock_range)
        relative = _NPT.search(clock_range)
        if begin is None and relative is not None:
            # A file may begin earlier than it was told to, at its very beginning where it heeds nothing.
            begin = self.asked + self.offset + round(float(relative[1]) * RATE) - self.npt
        if begin is None:
            return None
        near = min((begin - self.offset, begin), key=lambda moment: abs(moment - self.asked))
        return near if self._low <= near < self.end + _NEAR else None

    def sender_report(self, ntp: int, rtp: int, now: int) -> None:
        """Take a sender report; `now` is our own time, to know a recorder that reports the present."""
        ticks = ntp_to_ticks(ntp)
        if self._anchor is None:
            self._reports.append((ticks, rtp, now))
            del self._reports[:-4]
        else:
            self._judge(ticks, rtp, now)

    def time_of(self, rtp: int) -> int:
        """Return when the frame with this RTP time was recorded; the first call fixes the anchor."""
        position = self._unwrap(rtp)
        if self._anchor is None:
            self._anchor = self._first_anchor(position)
            for report in self._reports:
                self._judge(*report)
            self._shift = 0
            self._reports.clear()
        return self._map(position)

    def take_correction(self) -> int:
        """Return, once, by how much the frames given out so far must be moved: the first report corrects the anchor."""
        shift, self._shift = self._shift, 0
        return shift

    def _unwrap(self, rtp: int) -> int:
        if self._unwrapped is None:
            self._unwrapped = rtp
            return rtp
        delta = (rtp - self._unwrapped) & 0xFFFFFFFF
        self._unwrapped += delta - (1 << 32) if delta >= 1 << 31 else delta
        return self._unwrapped

    def _near_unwrapped(self, rtp: int) -> int:
        before = self._unwrapped or 0
        delta = (rtp - before) & 0xFFFFFFFF
        return before + (delta - (1 << 32) if delta >= 1 << 31 else delta)

    def _scaled(self, ticks: int) -> int:
        ticks = ticks if self.rate == RATE else ticks * RATE // self.rate
        return ticks if self.scale == 1.0 else round(ticks * self.scale)

    def _learn_scale(self, moment: int, position: int) -> None:
        """See by two reports whether RTP time is that of the footage all the same, as on some recorders."""
        before, self._reported = self._reported, (moment, position)
        if self.scale == 1.0 or before is None:
            return
        footage, rtp = moment - before[0], (position - before[1]) * RATE // self.rate
        if rtp > RATE // 2 and abs(footage - rtp) < abs(footage - rtp * self.scale):
            self.scale = 1.0

    def _map(self, position: int) -> int:
        rtp, wall = self._anchor or (position, self.asked)
        return wall + self._scaled(position - rtp)

    def _first_anchor(self, position: int) -> tuple[int, int]:
        if self._range is None:
            return position, self.asked
        if self._range_rtp is not None:
            begin = self._near_unwrapped(self._range_rtp)
            # A few recorders write rtptime=0 whatever the stream carries.
            if abs(self._scaled(position - begin)) <= _NEAR:
                return begin, self._range
        return position, self._range

    def _judge(self, ticks: int, rtp: int, now: int) -> None:
        position = self._near_unwrapped(rtp)
        current = self._map(position)
        low, high = (now - _NEAR, now + _NEAR) if self.live else (self._low, self.end + _NEAR)
        # When the present is, is known; a recorder that reports its own wall clock is whole quarters of an hour off.
        offset = round((ticks - now) / _QUARTER) * _QUARTER if self.live else self.offset
        fits = [moment for moment in (ticks, ticks - offset) if low <= moment < high]
        if not fits:
            return
        moment = min(fits, key=lambda candidate: abs(candidate - current))
        present = not self.live and min(abs(ticks - now), abs(ticks - self.offset - now)) < _PRESENT
        if present and abs(moment - current) > _PRESENT:
            return
        self._learn_scale(moment, position)
        shift = moment - current
        if not self.verified:
            # A Range that differs widely from the first report: the report has another time base.
            if self._range is not None and abs(shift) > _NEAR:
                return
            self.verified = True
            self._shift += shift
        elif abs(shift) < _JITTER:
            self.bias = current - ticks
            return
        self._anchor = (position, moment)
        self.generation += 1
        self.moved += shift
        self.bias = moment - ticks
