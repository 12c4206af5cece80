"""Files of exports: whole or not there at all."""

from collections.abc import AsyncIterator
import errno
import io
from pathlib import Path
from typing import Any

import pytest

from custom_components.nvr.media.exports import files
from custom_components.nvr.media.pool import WorkPool

SOME = bytes(range(256)) * 300


async def chunks() -> AsyncIterator[bytes]:
    for _ in range(30):
        yield SOME


class Reluctant(io.FileIO):
    """A file that takes a little at a time, as one on a share may."""

    def write(self, data: Any, /) -> int:
        return super().write(bytes(data)[:50_000])


class Forgetful(io.FileIO):
    """A file that says it took what it lost."""

    def write(self, data: Any, /) -> int:
        super().write(bytes(data)[:-1])
        return len(data)


async def save(path: Path, monkeypatch: pytest.MonkeyPatch, kind: type[io.FileIO]) -> int:
    pool = WorkPool(1)
    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", lambda path, *_: kind(str(path), "xb"))
        try:
            return await files.save(path, chunks(), pool, lambda _: None)
        finally:
            await pool.aclose()


async def test_short_writes_are_gone_on_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    assert await save(path, monkeypatch, Reluctant) == 30 * len(SOME)
    assert path.read_bytes() == 30 * SOME


async def test_what_was_lost_is_a_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(OSError, match=r".") as told:
        await save(tmp_path / "file", monkeypatch, Forgetful)
    assert told.value.errno == errno.EIO


async def test_disk_is_looked_at_while_it_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "LOOK_EVERY", 2 << 20)
    monkeypatch.setattr(files, "free_space", lambda _: files.RESERVE - 1)
    with pytest.raises(files.DiskFullError):
        await save(tmp_path / "file", monkeypatch, io.FileIO)


def test_what_is_withdrawn_goes_under_whichever_name_it_has(tmp_path: Path) -> None:
    target = tmp_path / "clip.mp4"
    name = files.prepare(target)
    name.write_bytes(b"1")
    target.write_bytes(b"of somebody else")
    with pytest.raises(FileExistsError):
        files.publish(name, target)
    files.withdraw(name, target)
    assert [path.name for path in tmp_path.iterdir()] == ["clip.mp4"]
    target.unlink()
    name.write_bytes(b"1")
    files.publish(name, target)
    files.withdraw(name, target)
    assert not list(tmp_path.iterdir())


def test_sweep_takes_what_was_half_done_and_nothing_that_a_clip_has(tmp_path: Path) -> None:
    for name in (
        ".a.mp4.nvr-part",
        ".a.mp4.nvr-part2",
        ".gate_1_job1_aa.mp4",
        ".gate_1_job1_bb.mp4",
        "gate_job2_a.mp4",
    ):
        (tmp_path / name).write_bytes(b"1")
    known = {tmp_path / ".gate_1_job1_bb.mp4"}
    assert files.sweep([tmp_path, tmp_path / "none"], ["job1"], known) == 3
    assert sorted(path.name for path in tmp_path.iterdir()) == [".gate_1_job1_bb.mp4", "gate_job2_a.mp4"]
