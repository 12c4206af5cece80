"""What a stretch of footage lacks, judged by how far its pictures usually stand apart. Pure.

A recorder that gives less than it lists must not pass for one that gave all: a little is told as missing, more is a
failure. How much is a little depends on how much was asked for.
"""

from collections import Counter

from ...core.errors import NvrResponseError
from ..ticks import RATE

STANDS = RATE // 2
"""The last picture may stand so long before the end that is asked for."""

# Between two pictures, where they are usually closer together; and so many times as far apart as usual.
_LEAST_HOLE = 3 * RATE // 2
_TIMES_USUAL = 3
# By how much a list may name the end of a file later than its last picture, and how long a recorder may lose itself.
_MOST = 15 * RATE
_LEAST = 3 * RATE
_BUCKET = RATE // 100


class IncompleteError(NvrResponseError):
    """The recorder gave less than it lists; `reached` is how far (ticks)."""

    def __init__(self, reached: int) -> None:
        """Keep how far it got."""
        super().__init__("the recorder gave less footage than it lists")
        self.reached = reached


def slack_of(length: int) -> int:
    """Return how much of so long a stretch may be wanting in one place (ticks): a tenth, and 3 to 15 seconds."""
    return min(_MOST, max(_LEAST, length // 10), length // 2)


class Holes:
    """Follows the moments of the pictures of one stretch `[start, end)`, in ticks."""

    def __init__(self, start: int, end: int) -> None:
        """Nothing was seen yet."""
        self.newest: int | None = None
        self._start = start
        self._end = end
        self._slack = slack_of(end - start)
        self._intervals: Counter[int] = Counter()
        self._wide: list[tuple[int, int]] = []

    @property
    def slack(self) -> int:
        """How much may be wanting in one place."""
        return max(self._slack, _TIMES_USUAL * self.usual)

    @property
    def usual(self) -> int:
        """How far its pictures usually stand apart; 0 while nobody can tell."""
        half, count = self._intervals.total() / 2, 0
        for bucket in sorted(self._intervals):
            count += self._intervals[bucket]
            if count >= half:
                return bucket * _BUCKET
        return 0

    def add(self, moment: int) -> None:
        """Note a picture; they come in order. Raises IncompleteError once too much is wanting before it."""
        before = self._start if self.newest is None else self.newest
        if self.newest is not None:
            self._intervals[(moment - before) // _BUCKET] += 1
        self.newest = moment
        if moment - before > _LEAST_HOLE:
            self._wide.append((before, moment))
            if moment - before > self.slack:
                raise IncompleteError(before)

    def finish(self) -> list[tuple[int, int]]:
        """Return what is wanting, now that all has come. Raises IncompleteError where that is too much."""
        usual = self.usual
        found = [(start, end) for start, end in self._wide if end - start > max(_LEAST_HOLE, _TIMES_USUAL * usual)]
        last = self._start if self.newest is None else self.newest
        if self._end - last > max(STANDS, 3 * usual // 2):
            found.append((last, self._end))
        too_wide = next((start for start, end in found if end - start > self.slack), None)
        if too_wide is not None:
            raise IncompleteError(too_wide)
        if sum(end - start for start, end in found) > self.slack + (self._end - self._start) // 10:
            raise IncompleteError(found[0][0])
        return found
