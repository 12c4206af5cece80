"""How the live streams that somebody watches come in: frames, bytes, losses, reconnections, and one score of it all.

Only what is read for viewers is measured: of a stream that nobody watches nothing is known.
"""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
import time
from typing import Final

from ..cover import Sample
from ..ticks import RATE

# Rates are means of so long (s), and reconnections are those of an hour.
WINDOW: Final = 60.0
HOUR: Final = 3600.0
# A rate of less than this (s) of frames says little.
_LEAST: Final = 2.0
# What takes longer than this many frames to come was lost in between; a camera that slows down does so by steps.
_HOLE: Final = 1.5
_LEARN: Final = 0.1
# No frame for so many groups of pictures, or for so long where none is known (s), is late.
_LATE_GROUPS: Final = 3
_LATE: Final = 10.0


@dataclass(frozen=True, slots=True)
class StreamReading:
    """How a stream came in lately: frames and kbit a second, frames lost and reconnections of the last hour.

    `age` (s) is since the last frame, `group` (s) from one key frame to the next.
    """

    fps: float | None
    bitrate: float | None
    lost: int
    reconnections: int
    age: float
    group: float | None


def score(
    reading: StreamReading | None, expected: float | None = None, *, online: bool = True, gap: bool = False
) -> int:
    """Return how well a stream comes in, 0 to 100; pure.

    100, less 40 times the part of the expected frames that is missing, less 5 for each reconnection (30 at most), less
    20 when no frame came for three groups of pictures, less 10 when footage of today is missing; 0 while offline.
    """
    if not online or reading is None:
        return 0
    missing = 0.0
    if expected and reading.fps is not None:
        missing = min(1.0, max(0.0, 1.0 - reading.fps / expected))
    late = reading.age > (_LATE if reading.group is None else _LATE_GROUPS * reading.group)
    lost = 40 * missing + min(30, 5 * reading.reconnections) + 20 * late + 10 * gap
    return max(0, round(100 - lost))


class StreamMeter:
    """Measures one profile of one channel; several viewers are several sessions, of which the oldest is measured."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """`clock` gives steady seconds."""
        self._clock = clock
        self._open: list[object] = []
        self._frames: deque[tuple[float, int]] = deque()
        self._lost: deque[tuple[float, int]] = deque()
        self._breaks: deque[float] = deque()
        self._broken = False
        self._since = self._last = 0.0
        self._shown: int | None = None
        self._key: int | None = None
        self._interval: float | None = None
        self._group: float | None = None

    @property
    def watched(self) -> bool:
        """Whether anybody watches."""
        return bool(self._open)

    def opened(self, session: object) -> None:
        """A session began; after one that broke it is a reconnection."""
        if self._broken:
            self._breaks.append(self._clock())
            self._broken = False
        self._open.append(session)
        if len(self._open) == 1:
            self._begin()

    def broke(self) -> None:
        """A session was ended by the recorder."""
        self._broken = True

    def closed(self, session: object) -> None:
        """A session ended, whoever ended it."""
        if session in self._open:
            first = self._open[0] is session
            self._open.remove(session)
            if first:
                self._begin()

    def took(self, session: object, samples: Sequence[Sample]) -> None:
        """Frames came."""
        if not self._open or self._open[0] is not session:
            return
        now = self._last = self._clock()
        for sample in samples:
            self._frames.append((now, len(sample.data)))
            self._count(now, sample)
        self._forget(now)

    def reading(self) -> StreamReading | None:
        """Return how it comes in; None while nobody watches."""
        if not self._open:
            return None
        now = self._clock()
        self._forget(now)
        length = min(WINDOW, now - self._since)
        known = length >= _LEAST and bool(self._frames)
        return StreamReading(
            fps=len(self._frames) / length if known else None,
            bitrate=sum(size for _, size in self._frames) * 8 / 1000 / length if known else None,
            lost=sum(count for _, count in self._lost),
            reconnections=len(self._breaks),
            age=now - (self._last or self._since),
            group=self._group,
        )

    def _begin(self) -> None:
        self._since, self._last = self._clock(), 0.0
        self._frames.clear()
        self._shown = self._key = self._interval = None

    def _count(self, now: float, sample: Sample) -> None:
        """Count what is missing before a frame, by the time it is shown at."""
        if sample.key:
            if self._key is not None and sample.time > self._key:
                self._group = (sample.time - self._key) / RATE
            self._key = sample.time
        before, self._shown = self._shown, max(sample.time, self._shown or sample.time)
        if before is None or sample.time <= before:
            return
        step = float(sample.time - before)
        if self._interval is None or step < self._interval:
            self._interval = step
        elif step > _HOLE * self._interval:
            self._lost.append((now, round(step / self._interval) - 1))
        # A camera that slows down, by night, is followed.
        self._interval += _LEARN * (min(step, 2 * self._interval) - self._interval)

    def _forget(self, now: float) -> None:
        while self._frames and now - self._frames[0][0] > WINDOW:
            self._frames.popleft()
        while self._lost and now - self._lost[0][0] > HOUR:
            self._lost.popleft()
        while self._breaks and now - self._breaks[0] > HOUR:
            self._breaks.popleft()
