"""Sound between the recorder and the segments: what it is, when it was heard, and where it stands in the track.

The track is a row of AAC frames of equal length, on a grid that is fixed for the whole playback. A segment holds the
frames that begin inside it, so tracks have no seam whatever the order in which segments are made, and sound is apart
from the pictures by nothing: only the cut is, by less than a frame. Where nothing was heard, silence stands.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from .aac import FRAME, AacConfig
from .ticks import RATE

_STICKY = 0.9
_JOINT = 0.02


@dataclass(frozen=True, slots=True)
class AudioFormat:
    """What the recorder sends. `rate` in samples per second; `bits` per sample and channel where it is no AAC.

    `decoder` is FFmpeg's name of it.
    """

    decoder: str
    rate: int
    channels: int = 1
    bits: int = 0
    config: AacConfig | None = None

    def ticks_of(self, data: bytes) -> int:
        """Return how long a unit sounds."""
        if self.config is not None:
            return self.config.frame * RATE // self.rate
        return len(data) * 8 * RATE // (self.bits * self.rate * self.channels)


@dataclass(slots=True)
class AudioUnit:
    """One frame of AAC, or the samples of one packet; `time` is when it begins, in ticks since the epoch."""

    time: int
    data: bytes


class AudioBuffer:
    """What was heard, kept for as long as pictures are: in one session, or in some that follow one another."""

    def __init__(self, source: AudioFormat, since: int | None = None) -> None:
        """Begin empty; what begins before `since` was heard already, in another format."""
        self.source = source
        self.units: list[AudioUnit] = []
        self._since = since
        self._reached: int | None = None
        self._older = 0

    @property
    def position(self) -> int | None:
        """Where that ends which was heard."""
        return max((moment for moment in (self._since, self._reached) if moment is not None), default=None)

    def add(self, units: Iterable[AudioUnit]) -> None:
        """Take what came next."""
        for unit in units:
            self.units.append(unit)
            self._reached = max(self._reached or 0, unit.time + self.source.ticks_of(unit.data))

    def go_on(self) -> None:
        """Take what comes next as of another session, which is dated apart. What both have is kept of the first."""
        self.units = self._kept()
        self._older = len(self.units)
        self._since, self._reached = self.position, None

    def shift(self, ticks: int) -> None:
        """Move everything of this session: it was dated wrongly."""
        for unit in self.units[self._older :]:
            unit.time += ticks
        if self._reached is not None:
            self._reached += ticks

    def drop_before(self, moment: int) -> None:
        """Forget what begins before."""
        if self.units and self.units[0].time < moment:
            self._older = sum(unit.time >= moment for unit in self.units[: self._older])
            self.units = [unit for unit in self.units if unit.time >= moment]

    def between(self, start: int, end: int) -> list[AudioUnit]:
        """Return what begins in `[start, end)`, in order."""
        return sorted((unit for unit in self._kept() if start <= unit.time < end), key=lambda unit: unit.time)

    def _kept(self) -> list[AudioUnit]:
        """Return all but what the session before told already, to more than a half."""
        since, own = self._since, self.units[self._older :]
        if since is None:
            return self.units
        ticks_of = self.source.ticks_of
        return self.units[: self._older] + [unit for unit in own if unit.time + ticks_of(unit.data) // 2 >= since]


@dataclass(frozen=True, slots=True)
class AudioGrid:
    """Frame `n` begins `phase + n * 1024` samples behind media time zero, which is `origin` in ticks since the epoch.

    `phase` makes the frames of the recorder fall on the grid, so that they need not be moved.
    """

    rate: int
    origin: int
    phase: int = 0

    @classmethod
    def through(cls, rate: int, origin: int, moment: int) -> AudioGrid:
        """Return the grid that has a frame at the moment."""
        return cls(rate, origin, round((moment - origin) * rate / RATE) % FRAME)

    def slots(self, start: int, end: int) -> range:
        """Return the frames that begin in `[start, end)`, in ticks since the epoch."""
        first, last = (
            -((self.phase * RATE - (moment - self.origin) * self.rate) // (FRAME * RATE)) for moment in (start, end)
        )
        return range(first, last)

    def begin(self, slot: int) -> int:
        """Return where a frame begins, in samples of media time."""
        return self.phase + slot * FRAME

    def sample(self, moment: int) -> float:
        """Return a moment in samples of media time."""
        return (moment - self.origin) * self.rate / RATE

    def arrange(self, units: Sequence[AudioUnit]) -> dict[int, bytes]:
        """Return which frame of the recorder stands where; the first of two for one place stays.

        A frame follows its predecessor while it is less than a frame away: a clock that drifts or trembles must not
        tear frames apart that belong together.
        """
        placed: dict[int, bytes] = {}
        following: int | None = None
        for unit in units:
            exact = (self.sample(unit.time) - self.phase) / FRAME
            slot = following if following is not None and abs(exact - following) < _STICKY else round(exact)
            placed.setdefault(slot, unit.data)
            following = slot + 1
        return placed


def lay_samples(pieces: Iterable[tuple[int, bytes]], begin: int, count: int, width: int, rate: int) -> bytes:
    """Return `count` samples of `width` bytes from `begin` on: pieces at their places, silence between them.

    A piece that begins within 20 ms of the end of the one before is put right behind it.
    """
    data = bytearray(count * width)
    end: int | None = None
    for place, piece in pieces:
        at = end if end is not None and abs(place - end) <= _JOINT * rate else place
        end = at + len(piece) // width
        low, high = max(at, begin), min(end, begin + count)
        if low < high:
            data[(low - begin) * width : (high - begin) * width] = piece[(low - at) * width : (high - at) * width]
    return bytes(data)


def frames_of(slots: Iterable[int], placed: Mapping[int, bytes], silence: bytes) -> list[bytes]:
    """Return one frame for each place."""
    return [placed.get(slot, silence) for slot in slots]
