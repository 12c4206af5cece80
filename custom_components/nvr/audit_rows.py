"""The rows of the audit: what is kept of an access, what is looked for, and how a spreadsheet gets it. Pure.

A row is a flat JSON object of at most a kilobyte. Its `time` is UTC, always written alike, so that texts compare as
times do.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final

MAX_TEXT: Final = 64

type AuditRow = dict[str, Any]


class AuditKind(StrEnum):
    """What a row tells."""

    STREAM_STARTED = "stream_started"
    STREAM_STOPPED = "stream_stopped"
    MEDIA_ACCESSED = "media_accessed"
    DENIED = "denied"
    REVOKED = "revoked"
    RIGHTS_CHANGED = "rights_changed"
    SESSION_ENDED = "session_ended"
    EXPORT_ORDERED = "export_ordered"
    EXPORT_FINISHED = "export_finished"
    EXPORT_FAILED = "export_failed"
    EXPORT_CANCELLED = "export_cancelled"
    CLIP_DELETED = "clip_deleted"
    LINK_MADE = "link_made"
    TALKED = "talked"


# In this order they are the columns of the CSV file.
COLUMNS: Final = (
    *("id", "time", "kind", "user_id", "user", "entry_id", "name", "channel", "channel_name", "entity_id"),
    *("action", "via", "stream", "session_id", "duration", "start", "end", "subject", "what", "clip_id"),
)
# With these a cell begins that a spreadsheet would calculate, the forms of other scripts' keyboards included.
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """What to look for; None is anything. `start` counts, `end` does not."""

    start: datetime | None = None
    end: datetime | None = None
    user_id: str | None = None
    entry_id: str | None = None
    channel: int | None = None
    kinds: frozenset[str] | None = None

    def fits(self, row: Mapping[str, Any]) -> bool:
        """Tell whether the row is looked for."""
        time = row["time"]
        if self.start is not None and time < format_time(self.start):
            return False
        if self.end is not None and time >= format_time(self.end):
            return False
        if self.kinds is not None and row["kind"] not in self.kinds:
            return False
        wanted = (("user_id", self.user_id), ("entry_id", self.entry_id), ("channel", self.channel))
        return all(value is None or row.get(key) == value for key, value in wanted)


def format_time(moment: datetime) -> str:
    """Write a moment as the rows do."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds")


def make_row(kind: AuditKind, moment: datetime, facts: Mapping[str, object]) -> AuditRow:
    """Return a row without its number: only what has a column and a value, free text cut short."""
    row: AuditRow = {"time": format_time(moment), "kind": kind.value}
    for key in COLUMNS:
        value = facts.get(key)
        if value is not None and key not in row:
            row[key] = value[:MAX_TEXT] if isinstance(value, str) else value
    return row


def is_row(raw: object) -> bool:
    """Tell whether what was read is a row: a crash or a worn card may have left anything."""
    match raw:
        case {"id": int(), "time": str(), "kind": str()}:
            return True
    return False


def csv_cells(row: Mapping[str, Any]) -> list[str]:
    """Return the cells of a row."""
    return [safe_cell(row.get(column)) for column in COLUMNS]


def safe_cell(value: object) -> str:
    """Write a value so that no spreadsheet takes it for a formula: the names in it were chosen by others."""
    text = "" if value is None else str(value).replace("\0", "")
    return f"'{text}" if text.lstrip(" ").startswith(_FORMULA) else text
