"""What a recorder told of each detection, and what became of every word: what a report of a silence needs. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final

from .models import EventKind, NvrEvent

# A recorder that makes up words without end costs no memory: the rest is counted together.
_MOST_ROWS: Final = 1000
_MOST_CODE: Final = 40
OTHER_CODES: Final = "(others)"


class Fate(StrEnum):
    """What became of something a recorder told; all but TOLD and LATE were dropped, for the reason they name."""

    TOLD = "told"
    LATE = "late"
    REPEAT = "repeat"
    LATE_COPY = "late_copy"
    END_OF_NOTHING = "end_of_nothing"
    END_OF_ONE_OF_SEVERAL = "end_of_one_of_several"
    HOUSEKEEPING = "housekeeping"
    NO_CAMERA = "no_camera"


HANDED_ON: Final = frozenset({Fate.TOLD, Fate.LATE})


@dataclass(slots=True)
class TallyRow:
    """What came of one kind under one of the recorder's words; `last` is when it came last, by our clock."""

    fates: dict[Fate, int] = field(default_factory=dict)
    last: datetime | None = None


type TallyKey = tuple[int | None, EventKind, str]
type Unsubscribed = Mapping[tuple[int | None, EventKind], str]


class EventTally:
    """Counts by channel (None: the recorder itself), kind and the recorder's own code. One per event source."""

    def __init__(self) -> None:
        """Begin at zero."""
        self._rows: dict[TallyKey, TallyRow] = {}

    def __iter__(self) -> Iterator[tuple[TallyKey, TallyRow]]:
        """Return what was counted, in the order in which it came first."""
        return iter(self._rows.items())

    def note(self, channel: int | None, kind: EventKind, code: str, fate: Fate, moment: datetime) -> None:
        """Count one."""
        row = self._rows.get((channel, kind, code))
        if row is None:
            row = self._row(channel, kind, code[:_MOST_CODE])
        row.fates[fate] = row.fates.get(fate, 0) + 1
        row.last = moment

    def revoke(self, event: NvrEvent, fate: Fate) -> None:
        """Note that what was counted as told was dropped after all."""
        row = self._row(event.channel, event.kind, event.raw_type[:_MOST_CODE])
        row.fates[Fate.TOLD] = max(row.fates.get(Fate.TOLD, 0) - 1, 0)
        row.fates[fate] = row.fates.get(fate, 0) + 1

    def _row(self, channel: int | None, kind: EventKind, code: str) -> TallyRow:
        key = (channel, kind, code)
        if key not in self._rows and len(self._rows) >= _MOST_ROWS:
            key = (None, EventKind.UNKNOWN, OTHER_CODES)
        return self._rows.setdefault(key, TallyRow())
