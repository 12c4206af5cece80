"""From RTP time of sound to the moment it was heard: the clock of the pictures, carried over to another track.

Evidence, best first: a sender report of the sound dated by what the last report of the pictures said, the RTP times
that the PLAY answer names for both tracks, the frame that came last. Ticks since the epoch as in `wallclock`.
"""

from ..ticks import RATE
from .wallclock import WallClock, ntp_to_ticks

_NEAR = 10 * RATE
_JITTER = RATE // 10


class AudioClock:
    """The clock of the sound of one session; it runs once the clock of the pictures does."""

    def __init__(self, pictures: WallClock, rate: int) -> None:
        """`rate`: RTP ticks per second of this track."""
        self.verified = False
        self._pictures = pictures
        self._rate = rate
        self._anchor: tuple[int, int] | None = None
        self._unwrapped = 0
        self._moved = 0
        self._shift = 0
        self._begin: tuple[int, int] | None = None
        self._report: tuple[int, int] | None = None

    def play_answer(self, pictures: int | None, sound: int | None) -> None:
        """Take the RTP times of the first frame and of the sound that goes with it."""
        if pictures is not None and sound is not None:
            self._begin = pictures, sound

    def sender_report(self, ntp: int, rtp: int) -> None:
        """Take a sender report of this track."""
        self._report = ntp_to_ticks(ntp), rtp

    def time_of(self, rtp: int) -> int | None:
        """Return when what has this RTP time was heard; None as long as there is no picture to compare with."""
        if not self._pictures.anchored:
            return None
        if self._anchor is None:
            self._unwrapped = rtp
            self._anchor = self._first_anchor(rtp)
            self._moved = self._pictures.moved
        self._unwrapped = self._near(rtp)
        self._follow()
        self._judge()
        return self._map(self._unwrapped)

    def take_correction(self) -> int:
        """Return, once, by how much what was dated so far must be moved."""
        shift, self._shift = self._shift, 0
        return shift

    def corrected(self, shift: int) -> None:
        """Take over that the pictures dated so far were moved; what the own report said stands."""
        self._follow()
        if not self.verified:
            self._shift += shift

    def _first_anchor(self, position: int) -> tuple[int, int]:
        latest = self._pictures.latest
        if self._begin is not None:
            begin = self._near(self._begin[1])
            moment = self._pictures.when(self._begin[0])
            # Some recorders write rtptime=0 whatever the stream carries.
            if abs(moment + (position - begin) * RATE // self._rate - latest) <= _NEAR:
                return begin, moment
        return position, latest

    def _follow(self) -> None:
        """Go with the pictures' clock, as long as no report of the sound's own told more."""
        moved, self._moved = self._pictures.moved - self._moved, self._pictures.moved
        if moved and self._anchor is not None and not self.verified:
            self._anchor = self._anchor[0], self._anchor[1] + moved

    def _judge(self) -> None:
        if self._report is None or self._pictures.bias is None:
            return
        (ticks, rtp), self._report = self._report, None
        moment = ticks + self._pictures.bias
        if abs(moment - self._pictures.latest) > _NEAR:
            return
        position = self._near(rtp)
        shift = moment - self._map(position)
        if not self.verified:
            self.verified = True
            self._shift += shift
        elif abs(shift) < _JITTER:
            return
        self._anchor = position, moment

    def _near(self, rtp: int) -> int:
        delta = (rtp - self._unwrapped) & 0xFFFFFFFF
        return self._unwrapped + (delta - (1 << 32) if delta >= 1 << 31 else delta)

    def _map(self, position: int) -> int:
        rtp, moment = self._anchor or (position, 0)
        return moment + (position - rtp) * RATE // self._rate
