"""Wall digits to UTC and back (dahua-cgi 7.2). Pure.

Every time a recorder of this family writes or reads is its own wall clock without an offset.
"""

from datetime import UTC, datetime, timedelta
from typing import Final

from ...clock import DeviceClock
from ...models import TimeSpan

_HOUR: Final = timedelta(hours=1)
_SECOND: Final = timedelta(seconds=1)
_DAY: Final = timedelta(days=1)


class WallClock:
    """Turns real UTC into the recorder's wall digits and back, for one reading of its clock, skew included."""

    def __init__(self, clock: DeviceClock) -> None:
        """Hold the reading; a new one needs a new instance."""
        self.clock = clock
        self._offsets: dict[int, timedelta | None] = {}

    def to_wall(self, utc: datetime) -> datetime:
        """Return the naive digits the recorder shows at that moment."""
        return self.clock.to_wall(utc).replace(fold=0)

    def from_wall(self, digits: datetime, not_before: datetime | None = None) -> datetime:
        """Return real UTC of naive digits.

        `not_before` (UTC) settles an hour that occurs twice: what comes in order and seems earlier is the second pass.
        """
        day = digits.toordinal()
        try:
            offset = self._offsets[day]
        except KeyError:
            offset = self._offsets[day] = self._steady_offset(digits)
        if offset is not None:
            return (digits - offset).replace(tzinfo=UTC)
        moment = self.clock.to_utc(digits, fold=0)
        if not_before is not None and moment < not_before:
            return max(moment, self.clock.to_utc(digits, fold=1))
        return moment

    def is_doubtful(self, digits: datetime) -> bool:
        """Tell whether the digits lie in an hour that occurs twice or never."""
        return self.clock.to_utc(digits, fold=0) != self.clock.to_utc(digits, fold=1)

    def window(self, span: TimeSpan) -> tuple[datetime, datetime]:
        """Return the whole-second digits that cover a span, around an hour that occurs twice."""
        start, end = span.start, span.end
        while self.is_doubtful(self.to_wall(start)):
            start -= _HOUR
        while self.is_doubtful(self.to_wall(end)):
            end += _HOUR
        first, last = self.to_wall(start).replace(microsecond=0), self.to_wall(end)
        return first, last if not last.microsecond else last.replace(microsecond=0) + _SECOND

    def _steady_offset(self, digits: datetime) -> timedelta | None:
        """Return wall less real UTC if it is the same all that day, else None."""
        midnight = digits.replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
        later = midnight + _DAY
        first = midnight - self.clock.to_utc(midnight, fold=0).replace(tzinfo=None)
        last = later - self.clock.to_utc(later, fold=1).replace(tzinfo=None)
        return first if first == last else None
