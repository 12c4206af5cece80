"""Files and downloads as bytes to hand out."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime, timedelta
import os
from pathlib import Path

import pytest

from custom_components.nvr.core.errors import NvrNotFoundError, NvrResponseError
from custom_components.nvr.core.models import Container, RecordingKind, RecordingSegment, TimeSpan
from custom_components.nvr.media.byte_source import PIECE, DownloadBytes, FileBytes
from custom_components.nvr.media.pool import WorkPool

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
SEGMENT = RecordingSegment(1, TimeSpan(NOW, NOW + timedelta(minutes=1)), RecordingKind.CONTINUOUS)


@pytest.fixture
async def pool() -> AsyncGenerator[WorkPool]:
    pool = WorkPool()
    yield pool
    await pool.aclose()


def open_clips(folder: Path) -> list[Path]:
    return [Path(link) for name in Path("/proc/self/fd").iterdir() if (link := _target(name)).startswith(str(folder))]


def _target(name: Path) -> str:
    try:
        return str(name.readlink())
    except OSError:
        return ""


async def test_file_whole_and_part(tmp_path: Path, pool: WorkPool) -> None:
    data = os.urandom(2 * PIECE + 17)
    (tmp_path / "clip.mp4").write_bytes(data)
    source = await FileBytes.of(tmp_path / "clip.mp4", pool)
    assert source.size == len(data)
    async with source.open() as chunks:
        assert b"".join([chunk async for chunk in chunks]) == data
    async with source.open(PIECE - 3, PIECE + 9) as chunks:
        assert b"".join([chunk async for chunk in chunks]) == data[PIECE - 3 : PIECE + 9]
    async with source.open(5) as chunks:
        assert b"".join([chunk async for chunk in chunks]) == data[5:]


async def test_file_left_in_the_middle_is_closed(tmp_path: Path, pool: WorkPool) -> None:
    (tmp_path / "clip.mp4").write_bytes(bytes(4 * PIECE))
    source = await FileBytes.of(tmp_path / "clip.mp4", pool)
    for _ in range(20):
        async with source.open() as chunks:
            await anext(aiter(chunks))
            assert open_clips(tmp_path)
    async with asyncio.timeout(20):
        while open_clips(tmp_path):
            await asyncio.sleep(0.01)


async def test_file_that_changed_is_no_longer_the_one(tmp_path: Path, pool: WorkPool) -> None:
    path = tmp_path / "clip.mp4"
    path.write_bytes(b"one")
    source = await FileBytes.of(path, pool)
    os.utime(path, (1, 1))
    with pytest.raises(NvrResponseError):
        async with source.open():
            pass
    assert (await FileBytes.of(path, pool)).etag != source.etag
    path.unlink()
    with pytest.raises(NvrNotFoundError):
        async with source.open():
            pass
    with pytest.raises(NvrNotFoundError):
        await FileBytes.of(path, pool)


async def test_file_cut_while_it_is_read_is_a_failure(tmp_path: Path, pool: WorkPool) -> None:
    path = tmp_path / "clip.mp4"
    path.write_bytes(bytes(4 * PIECE))
    source = await FileBytes.of(path, pool)
    with pytest.raises(NvrResponseError):  # noqa: PT012 - it is the reading that fails
        async with source.open() as chunks:
            os.truncate(path, PIECE)
            _ = [chunk async for chunk in chunks]


class Answer:
    container = Container.DHAV
    size = 6
    start = NOW
    wanted = False

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self._chunks()

    async def _chunks(self) -> AsyncGenerator[bytes]:
        yield b"one"
        yield b"two"

    async def lent(self) -> AsyncGenerator[bytes | memoryview]:
        memory = bytearray(b"one")
        yield memoryview(memory)
        memory[:] = b"two"
        yield memoryview(memory)


class Recorder:
    piece = None

    async def begins(self, segment: RecordingSegment) -> datetime:
        return segment.span.start

    def __init__(self) -> None:
        self.open_now = 0

    def open(self, segment: RecordingSegment) -> AbstractAsyncContextManager[Answer]:
        assert segment is SEGMENT
        return self._open()

    @asynccontextmanager
    async def _open(self) -> AsyncGenerator[Answer]:
        self.open_now += 1
        try:
            yield Answer()
        finally:
            self.open_now -= 1


async def test_download_from_the_beginning_only() -> None:
    recorder = Recorder()
    source = DownloadBytes(recorder, SEGMENT)
    before = source.size
    async with source.open() as chunks:
        assert (before, source.size, recorder.open_now) == (None, 6, 1)
        assert source.content_type == "application/octet-stream"
        assert b"".join([chunk async for chunk in chunks]) == b"onetwo"
    async with source.lend() as lent:
        assert [bytes(chunk) async for chunk in lent] == [b"one", b"two"]
    assert recorder.open_now == 0
    with pytest.raises(ValueError, match="no ranges"):
        source.open(3)
    with pytest.raises(ValueError, match="no ranges"):
        source.lend(0, 5)
