"""Where two downloads meet: the second begins a little early and repeats what the first had last. Pure."""

from collections.abc import Sequence

from ..core.errors import NvrResponseError
from .cover import MOST_BYTES, Sample
from .ticks import RATE

_REACH = 2 * RATE


class Joint:
    """Drops what was given out already, told by its bytes, and dates the rest so that it follows.

    A decoder that has seen the first part goes on with the second as if there were no seam. Where the last frame does
    not come again, nothing is dropped: the reader puts what overlaps right behind the seam. Only whole groups of
    pictures that lie far before it are: a file may come from its beginning on.
    """

    def __init__(self, last: Sample) -> None:
        """`last`: the last frame of the first part."""
        self.shift = 0
        self._last: Sample | None = last
        self._held: list[Sample] = []
        self._bytes = 0

    def push(self, samples: Sequence[Sample]) -> list[Sample]:
        """Return those of the next frames that are new. Raises NvrResponseError for far too many before the seam."""
        if self._last is None:
            return self._moved(samples)
        for index, sample in enumerate(samples):
            if sample.data == self._last.data:
                # Times that were told apart by a little would tremble at each seam, or be wrong for a whole part.
                self.shift = self._last.time - sample.time
                self._last = None
                self._held.clear()
                return self._moved(samples[index + 1 :])
        for sample in samples:
            self._hold(sample, self._last.time - _REACH)
        if not samples or samples[-1].time > self._last.time + _REACH:
            self._last = None
            return self.flush()
        return []

    def flush(self) -> list[Sample]:
        """Return what was held back."""
        held, self._held = self._held, []
        return held

    def _hold(self, sample: Sample, far: int) -> None:
        if sample.key and sample.time < far:
            self._held.clear()
            self._bytes = 0
        self._held.append(sample)
        self._bytes += len(sample.data)
        if self._bytes > MOST_BYTES:
            raise NvrResponseError("the recorder sends far more than a recording holds")

    def _moved(self, samples: Sequence[Sample]) -> list[Sample]:
        for sample in samples:
            sample.time += self.shift
        return list(samples)
