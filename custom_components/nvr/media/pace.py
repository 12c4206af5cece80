"""How often and how fast: the limits that protect a recorder from a player that loops (hls-vod 3, rules 14 and 18)."""

from collections import deque
from collections.abc import Callable

_MAX_FAILURES = 5
_OPEN_EVERY = 2.0
_OPEN_BURST = 3


class OpenBudget:
    """Opens of one playback: a few at once, then one every two seconds; given up after five failures in a row."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        """Begin with the whole burst."""
        self._monotonic = monotonic
        self._failures = 0
        self._tokens = float(_OPEN_BURST)
        self._at = monotonic()

    @property
    def spent(self) -> bool:
        """Whether it failed too often: nothing may be opened any more."""
        return self._failures >= _MAX_FAILURES

    def take(self) -> float:
        """Count one open and return how many seconds to wait before it."""
        now = self._monotonic()
        self._tokens = min(_OPEN_BURST, self._tokens + (now - self._at) / _OPEN_EVERY) - 1
        self._at = now
        return max(0.0, -self._tokens * _OPEN_EVERY)

    def failed(self) -> None:
        """Count a failure."""
        self._failures += 1

    def succeeded(self) -> None:
        """Forget earlier failures."""
        self._failures = 0


class FloodGuard:
    """Tells a player that asks for one segment again and again, without delay, from one that plays."""

    def __init__(self, monotonic: Callable[[], float], limit: int = 10, window: float = 1.0) -> None:
        """At most `limit` requests for the same thing within `window` seconds."""
        self._monotonic = monotonic
        self._limit = limit
        self._window = window
        self._index = -1
        self._times: deque[float] = deque(maxlen=limit + 1)

    def flooded(self, index: int) -> bool:
        """Count one request and tell whether there were too many of the same."""
        if index != self._index:
            self._index = index
            self._times.clear()
        now = self._monotonic()
        self._times.append(now)
        return len(self._times) > self._limit and now - self._times[0] < self._window


class LeadLimit:
    """How far a player runs ahead of what it can have shown, and the wait that slows it down.

    A declared BANDWIDTH makes hls.js load minutes ahead as fast as it can. Beyond `free` seconds of lead each answer
    waits for a quarter of its length, so that the recorder is read at four times real time at most.
    """

    def __init__(self, monotonic: Callable[[], float], free: float = 30.0) -> None:
        """Begin without a position."""
        self._monotonic = monotonic
        self._free = free
        self._index = -10
        self._from = 0.0
        self._since = 0.0

    def delay(self, index: int, start: float, length: float) -> float:
        """Return the wait, in seconds, before the answer with segment `index` that begins at `start` seconds."""
        now = self._monotonic()
        if not self._index <= index <= self._index + 2:
            self._from, self._since = start, now
        self._index = index
        lead = start - self._from - (now - self._since)
        return length / 4 if lead > self._free else 0.0
