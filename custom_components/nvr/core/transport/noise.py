"""The limit on what is heard and not understood: a stream may send bytes for ever and tell nothing."""

from typing import Final

from ..errors import NvrResponseError

# Recorders tell at least by a heartbeat each ten seconds that they live; one whose heartbeat is of a kind we do not
# know loses nothing by being asked anew so seldom.
PATIENCE: Final = 600.0
# More than the longest part that is read.
MOST: Final = 16 * 1024 * 1024


class NoiseLimit:
    """Counts what came since something was understood. Seconds of a monotonic clock."""

    def __init__(self, now: float) -> None:
        """Begin with a connection."""
        self._since = now
        self._size = 0

    def heard(self, size: int, now: float, *, understood: bool) -> None:
        """Take note of a piece; raises NvrResponseError when nothing was understood for too long, or of too much."""
        if understood:
            self._since, self._size = now, 0
            return
        self._size += size
        if self._size > MOST or now - self._since > PATIENCE:
            raise NvrResponseError("the event stream tells nothing that can be understood")
