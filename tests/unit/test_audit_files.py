"""The audit on disk: it is found again after anything, keeps its bounds, and half a line costs only itself."""

from collections.abc import Callable
import errno
import os
from pathlib import Path
from typing import Any

import pytest

from custom_components.nvr.audit_files import AuditFiles
from custom_components.nvr.audit_rows import AuditRow

type Open = Callable[..., AuditFiles]


@pytest.fixture(name="open_files")
def open_files_fixture(tmp_path: Path) -> Open:
    def open_files(**limits: int) -> AuditFiles:
        return AuditFiles(tmp_path / "audit", **limits)

    return open_files


def rows(*times: int) -> list[AuditRow]:
    return [{"time": f"2026-11-{time:02d}", "kind": "denied", "user": "x" * 20} for time in times]


def anything(_row: AuditRow) -> bool:
    return True


def times(files: AuditFiles, **options: Any) -> list[str]:
    return [row["time"][-2:] for row in files.read(options.pop("fits", anything), limit=100, **options).rows]


def on_disk(tmp_path: Path) -> list[Path]:
    return sorted((tmp_path / "audit").iterdir())


def test_nothing_is_made_by_looking(open_files: Open, tmp_path: Path) -> None:
    files = open_files()
    assert times(files) == []
    files.prune(anything, "9")
    assert files.statistics == {"files": 0, "bytes": 0}
    assert not (tmp_path / "audit").exists()


def test_rows_are_found_newest_first_after_a_restart(open_files: Open, tmp_path: Path) -> None:
    open_files().append(rows(1, 2))
    files = open_files()
    files.append(rows(3))
    assert times(files) == ["03", "02", "01"]
    assert [row["id"] for row in files.read(anything, limit=9).rows] == [3, 2, 1]
    (path,) = on_disk(tmp_path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700


def test_pages_follow_one_another(open_files: Open) -> None:
    files = open_files(segment_bytes=200)
    for number in range(1, 11):
        files.append(rows(number))
    assert files.statistics["files"] > 2
    page, found = files.read(anything, limit=4), []
    while True:
        found += [row["id"] for row in page.rows]
        if page.next is None:
            break
        page = files.read(anything, limit=4, before=page.next)
    assert found == list(range(10, 0, -1))
    assert times(files, fits=lambda row: row["time"].endswith("4")) == ["04"]
    assert files.read(anything, limit=10).next is None


@pytest.mark.parametrize("rest", [b'{"id": 3, "time": "2026-11-03", "ki', b"\0\0\0\0", b'{"id": 9}', b"\xff\xfe"])
def test_half_a_line_costs_only_itself(open_files: Open, tmp_path: Path, rest: bytes) -> None:
    open_files().append(rows(1, 2))
    (path,) = on_disk(tmp_path)
    with path.open("ab") as file:
        file.write(rest)
    files = open_files()
    files.append(rows(4))
    assert times(files) == times(open_files()) == ["04", "02", "01"]
    assert [row["id"] for row in files.read(anything, limit=9).rows] == [3, 2, 1]


def test_file_that_holds_nothing_readable_does_not_begin_the_numbers_anew(open_files: Open, tmp_path: Path) -> None:
    files = open_files(segment_bytes=1)
    files.append(rows(1))
    files.append(rows(2))
    on_disk(tmp_path)[1].write_bytes(b"")
    again = open_files(segment_bytes=1)
    again.append(rows(3))
    assert [row["id"] for row in again.read(anything, limit=9).rows] == [2, 1]


def test_disk_that_is_full_takes_all_rows_or_none(
    open_files: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = open_files()
    files.append(rows(1))
    write = os.write

    def full(handle: int, data: bytes) -> int:
        if len(data) < 60:
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(handle, data[:-50])

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(OSError, match="No space left"):
        files.append(rows(2, 3))
    monkeypatch.undo()
    assert times(files) == ["01"]
    files.append(rows(2, 3))
    assert [row["id"] for row in files.read(anything, limit=9).rows] == [3, 2, 1]
    assert on_disk(tmp_path)[0].read_bytes().count(b"\n") == 3


def test_what_cannot_be_taken_back_is_left_as_a_broken_line(open_files: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    files = open_files()
    files.append(rows(1))
    write = os.write

    def broken(handle: int, *_rest: object) -> int:
        monkeypatch.setattr(os, "write", write)
        write(handle, b'{"id": 2, "ti')
        raise OSError(errno.EIO, "Input/output error")

    def refused(*_arguments: object) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "write", broken)
    monkeypatch.setattr(os, "ftruncate", refused)
    with pytest.raises(OSError, match="Input/output"):
        files.append(rows(2))
    files.append(rows(3))
    assert times(files) == times(open_files()) == ["03", "01"]


def test_the_oldest_goes_when_there_is_too_much(open_files: Open, tmp_path: Path) -> None:
    files = open_files(segment_bytes=150, total_bytes=600)
    for number in range(1, 29):
        files.append(rows(number))
        assert sum(path.stat().st_size for path in on_disk(tmp_path)) <= 600
    assert times(files)[0] == "28"
    assert "01" not in times(files)
    assert times(files) == times(open_files())


def test_pruning_drops_what_is_not_kept_and_nothing_else(open_files: Open, tmp_path: Path) -> None:
    files = open_files(segment_bytes=150)
    for number in range(1, 11):
        files.append(rows(number))
    before = {path.name: path.stat().st_mtime_ns for path in on_disk(tmp_path)}
    files.prune(lambda row: row["time"] >= "2026-11-04", "2026-11-04")
    assert times(files) == times(open_files()) == [f"{number:02d}" for number in range(10, 3, -1)]
    untouched = [path for path in on_disk(tmp_path) if before[path.name] == path.stat().st_mtime_ns]
    assert len(untouched) >= 3
    files.prune(lambda _row: False, "9")
    assert times(files) == []
    files.prune(lambda _row: False, "9")
    (path,) = on_disk(tmp_path)
    again = open_files()
    again.append(rows(11))
    assert [row["id"] for row in again.read(anything, limit=9).rows] == [11]
    assert path.read_bytes()


def test_left_over_of_an_interrupted_pruning_goes(open_files: Open, tmp_path: Path) -> None:
    open_files().append(rows(1))
    (tmp_path / "audit" / "000000000001.tmp").write_bytes(b"half")
    (tmp_path / "audit" / "notes.txt").write_bytes(b"mine")
    assert times(open_files()) == ["01"]
    assert [path.name for path in on_disk(tmp_path)] == ["000000000001.jsonl", "notes.txt"]


def test_file_that_somebody_deleted_is_missed_by_nobody(open_files: Open, tmp_path: Path) -> None:
    files = open_files()
    files.append(rows(1))
    on_disk(tmp_path)[0].unlink()
    assert times(files) == []
    files.append(rows(2))
    assert times(files) == ["02"]
