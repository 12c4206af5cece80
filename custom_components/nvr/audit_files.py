"""The audit on disk: JSON lines that are only ever added to, in files of half a megabyte, the oldest dropped first.

A file is named by the number of its first row. A crash can leave half a line at the end: the next row begins a new
line, and what cannot be read is passed over. Everything here blocks and belongs into a thread, or into several.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
import os
from pathlib import Path
import re
from threading import Lock
from typing import Final

import orjson

from .audit_rows import AuditRow, is_row

_NAME: Final = re.compile(r"(\d{12})\.jsonl", re.ASCII)
_READ: Final = 64 * 1024


@dataclass(slots=True)
class _Segment:
    """One file. `oldest` is the time of its first row, empty when it has none; sizes in bytes."""

    path: Path
    first: int
    size: int
    oldest: str


@dataclass(frozen=True, slots=True)
class AuditPage:
    """Rows, newest first; `next` is where the following page begins, None when there is no more."""

    rows: list[AuditRow]
    next: int | None


class AuditFiles:
    """All files of the audit, in one folder that only Home Assistant's user can read."""

    def __init__(self, folder: Path, *, segment_bytes: int = 512 * 1024, total_bytes: int = 32 * 1024 * 1024) -> None:
        """Nothing is read or made yet."""
        self._folder = folder
        self._segment_bytes = segment_bytes
        self._total_bytes = total_bytes
        self._segments: list[_Segment] | None = None
        self._next_id = 1
        self._torn = False
        self._lock = Lock()

    def append(self, rows: Sequence[AuditRow]) -> None:
        """Number the rows and write them; raises OSError, and then none of them is kept."""
        with self._lock:
            self._append(rows)

    def _append(self, rows: Sequence[AuditRow]) -> None:
        segments = self._load()
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not segments or segments[-1].size >= self._segment_bytes:
            path = self._folder / f"{self._next_id:012d}.jsonl"
            segments.append(_Segment(path, self._next_id, 0, rows[0]["time"]))
            self._torn = False
        numbered = [{"id": self._next_id + number, **row} for number, row in enumerate(rows)]
        data = b"".join(orjson.dumps(row) + b"\n" for row in numbered)
        segment = segments[-1]
        segment.size = self._write(segment, b"\n" + data if self._torn else data)
        segment.oldest = segment.oldest or rows[0]["time"]
        self._torn = False
        self._next_id += len(rows)
        self._drop_oldest()

    def read(self, fits: Callable[[AuditRow], bool], *, limit: int, before: int | None = None) -> AuditPage:
        """Return the newest rows that fit, of those whose number is below `before`."""
        with self._lock:
            return self._read(fits, limit, before)

    def _read(self, fits: Callable[[AuditRow], bool], limit: int, before: int | None) -> AuditPage:
        found: list[AuditRow] = []
        for segment in reversed(self._load()):
            if before is not None and segment.first >= before:
                continue
            for row in reversed(list(_rows(segment.path))):
                if (before is None or row["id"] < before) and fits(row):
                    if len(found) == limit:
                        return AuditPage(found, found[-1]["id"])
                    found.append(row)
        return AuditPage(found, None)

    def prune(self, keep: Callable[[AuditRow], bool], older_than: str) -> None:
        """Drop what is not to be kept; files whose first row is not older than the given time are not looked into."""
        with self._lock:
            self._prune(keep, older_than)

    def _prune(self, keep: Callable[[AuditRow], bool], older_than: str) -> None:
        for segment in list(self._load()):
            if segment.oldest >= older_than:
                continue
            rows = list(_rows(segment.path))
            kept = [row for row in rows if keep(row)]
            if len(kept) < len(rows) or (not rows and segment.size):
                self._replace(segment, kept)

    @property
    def statistics(self) -> dict[str, int]:
        """How much there is."""
        segments = list(self._segments or ())
        return {"files": len(segments), "bytes": sum(segment.size for segment in segments)}

    def _load(self) -> list[_Segment]:
        if self._segments is None:
            found = []
            for path in sorted(self._folder.glob("*")):
                if name := _NAME.fullmatch(path.name):
                    oldest = next((row["time"] for row in _rows(path, _READ)), "")
                    found.append(_Segment(path, int(name[1]), path.stat().st_size, oldest))
                elif path.suffix == ".tmp":
                    path.unlink(missing_ok=True)
            self._segments = found
            if found:
                numbers = (row["id"] for row in _rows(found[-1].path))
                self._next_id = max(numbers, default=found[-1].first - 1) + 1
                self._torn = not _ends_a_line(found[-1].path)
        return self._segments

    def _write(self, segment: _Segment, data: bytes) -> int:
        """Add to the file and see it on the disk; what was written before a failure is taken back."""
        handle = os.open(segment.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            size, torn = os.fstat(handle).st_size, self._torn
            try:
                written = 0
                while written < len(data):
                    written += os.write(handle, data[written:])
                os.fsync(handle)
            except OSError:
                self._torn = True
                with suppress(OSError):
                    os.ftruncate(handle, size)
                    self._torn = torn
                raise
        finally:
            os.close(handle)
        return size + len(data)

    def _drop_oldest(self) -> None:
        segments = self._load()
        while len(segments) > 1 and sum(segment.size for segment in segments) > self._total_bytes:
            segments[0].path.unlink(missing_ok=True)
            del segments[0]

    def _replace(self, segment: _Segment, rows: list[AuditRow]) -> None:
        """Put the rows in the place of the file, at once; the newest file stays, for its name holds the number."""
        segments = self._load()
        newest = segment is segments[-1]
        if not rows and not newest:
            segment.path.unlink(missing_ok=True)
            segments.remove(segment)
            return
        data = b"".join(orjson.dumps(row) + b"\n" for row in rows)
        target = segment.path
        if newest and not rows:
            target = self._folder / f"{self._next_id:012d}.jsonl"
        temporary = target.with_suffix(".tmp")
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(target)
        if target != segment.path:
            segment.path.unlink(missing_ok=True)
            segment.path, segment.first = target, self._next_id
        segment.size = len(data)
        segment.oldest = rows[0]["time"] if rows else ""
        if newest:
            self._torn = False


def _rows(path: Path, most: int = -1) -> Iterator[AuditRow]:
    """Yield the rows of a file, of its first bytes only if `most` says so; what is no row is passed over."""
    try:
        with path.open("rb") as file:
            data = file.read(most)
    except FileNotFoundError:  # somebody tidied up
        return
    for line in data.split(b"\n"):
        if not line:
            continue
        try:
            row = orjson.loads(line)
        except orjson.JSONDecodeError:
            continue
        if is_row(row):
            yield row


def _ends_a_line(path: Path) -> bool:
    with path.open("rb") as file:
        if file.seek(0, os.SEEK_END) == 0:
            return True
        file.seek(-1, os.SEEK_END)
        return file.read(1) == b"\n"
