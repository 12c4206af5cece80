"""Where one source of footage ends, and where the one that follows begins. Pure; all moments in ticks."""

from dataclasses import dataclass
from typing import Final

from ..core.errors import NvrResponseError
from .ticks import RATE

NEAR_END: Final = 3 * RATE
END_SILENCE: Final = 2.0
"""Seconds without a frame that are the end of the footage, near where it should be."""
# A list may name the end of a file so much later than the last picture in it.
_LISTED_TOO_LONG: Final = 15 * RATE
_CUT_SHORT: Final = "the recorder ended the playback before the end of the footage"


@dataclass(slots=True)
class Seam:
    """`until`: how far the present source goes, None for all there is. `resumed`: where one was opened once more."""

    until: int | None = None
    resumed: int | None = None
    _early: bool = False

    def is_near(self, position: int, last: int | None) -> bool:
        """Tell whether the source may end here; `last`: where the footage ends that is wanted."""
        borders = [border for border in (last, self.until) if border is not None]
        return bool(borders) and position >= min(borders) - NEAR_END

    def stands_still(self, position: int) -> bool:
        """Tell whether a source that was opened once more has brought nothing."""
        return self.resumed is not None and position < self.resumed + NEAR_END

    def may_be_over(self, position: int, last: int) -> bool:
        """Tell whether silence may be the end, as far as a list may err."""
        return position >= (last if self.until is None else min(last, self.until)) - _LISTED_TOO_LONG

    def next_begin(self, position: int, last: int | None, *, over: bool = False) -> int | None:
        """Return where to go on behind a source that ended; None when what is wanted is complete.

        One that ended early, unless it is known to be `over`, is to be opened once more where it ended; twice at the
        same place is the end, as far as a list may err. Beyond that raises NvrResponseError.
        """
        until = self.until
        borders = [border for border in (last, until) if border is not None]
        self._early = bool(borders) and not over and self._ended_early(position, min(borders))
        if self._early:
            return position
        if until is None or (last is not None and until >= last):
            return None
        # One that was still being written may have gone on.
        return max(until, position)

    def nothing_follows(self, begin: int, last: int | None) -> None:
        """Note that the recorder has nothing from `begin` on; raises NvrResponseError when its list names much more."""
        borders = [border for border in (last, self.until) if border is not None]
        if self._early and begin < min(borders) - _LISTED_TOO_LONG:
            raise NvrResponseError(_CUT_SHORT)
        self.until = None

    def opened(self, begin: int, until: int | None) -> None:
        """Note the source that follows. One that does not get any further is the last."""
        before = begin if self._early or self.until is None else self.until
        self.until = None if until is not None and until <= before else until
        self.resumed = begin if self._early else None

    def _ended_early(self, position: int, wanted: int) -> bool:
        if position >= wanted - NEAR_END:
            return False
        if not self.stands_still(position):
            return True
        if position < wanted - _LISTED_TOO_LONG:
            raise NvrResponseError(_CUT_SHORT)
        return False
