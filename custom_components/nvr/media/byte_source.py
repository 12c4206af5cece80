"""Bytes to hand out: a file, or a download on its way, in pieces, and from a place on where that is possible.

Whoever serves bytes takes a `ByteSource`, so that ranges, lengths and broken ends are judged in one place.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime
import os
from pathlib import Path
from typing import Final, Protocol, Self

from ..core.driver import Download, DownloadSource
from ..core.errors import NvrNotFoundError, NvrResponseError
from ..core.models import Container, RecordingSegment
from .pool import WorkPool

PIECE: Final = 512 * 1024
"""Bytes read at once: the cheapest of those tried, and few enough to be held twice."""

CONTENT_TYPES: Final = {
    Container.MPEG_PS: "video/mpeg",
    Container.DHAV: "application/octet-stream",
    Container.MP4: "video/mp4",
    Container.JPEG: "image/jpeg",
    Container.UNKNOWN: "application/octet-stream",
}


class ByteSource(Protocol):
    """Bytes of one thing. `open` may be called again and again, from several sides at once."""

    @property
    def content_type(self) -> str:
        """The MIME type; while open at the latest it is the right one."""

    @property
    def size(self) -> int | None:
        """How many bytes there are in all; None while, or where, nobody knows."""

    @property
    def ranges(self) -> bool:
        """Whether a part can be read without what is before it."""

    @property
    def etag(self) -> str | None:
        """A strong tag without quotes, another one once the bytes change; None where nothing tells."""

    @property
    def modified(self) -> datetime | None:
        """When it changed last (UTC), if that is known."""

    def open(self, start: int = 0, stop: int | None = None) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        """Open the bytes `[start, stop)`, all without arguments; leaving the context closes what they come from.

        A start other than 0 and any stop need `ranges`. Raises NvrError subclasses, while iterating too, above all
        where fewer bytes come than there are.
        """

    def lend(
        self, start: int = 0, stop: int | None = None
    ) -> AbstractAsyncContextManager[AsyncIterator[bytes | memoryview]]:
        """Open as `open` does what is handed on at once: each piece is good until the next one is asked for."""


class FileBytes:
    """A finished file on a local disk. Reading is done by the engine's threads, one piece ahead."""

    ranges = True

    def __init__(self, path: Path, size: int, changed_ns: int, content_type: str, pool: WorkPool) -> None:
        """Use `of`."""
        self.content_type = content_type
        self.size = size
        self.etag = f"{changed_ns:x}-{size:x}"
        self.modified = datetime.fromtimestamp(changed_ns / 1e9, UTC)
        self._path = path
        self._changed_ns = changed_ns
        self._pool = pool

    @classmethod
    async def of(cls, path: Path, pool: WorkPool, content_type: str = "video/mp4") -> Self:
        """Return the file as it is now; raises NvrNotFoundError."""
        try:
            found = await pool.run(os.stat, path)
        except OSError:
            raise NvrNotFoundError("the file is gone") from None
        return cls(path, found.st_size, found.st_mtime_ns, content_type, pool)

    def open(self, start: int = 0, stop: int | None = None) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        """Open a part; raises NvrNotFoundError, and NvrResponseError when the file is another one by now."""
        return self._open(start, self.size if stop is None else min(stop, self.size))

    def lend(self, start: int = 0, stop: int | None = None) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        """Open a part; the pieces are good for ever."""
        return self.open(start, stop)

    @asynccontextmanager
    async def _open(self, start: int, stop: int) -> AsyncGenerator[AsyncIterator[bytes]]:
        opening = asyncio.ensure_future(self._pool.run(_open, self._path, self._changed_ns, start))
        try:
            file = await asyncio.shield(opening)
        except OSError:
            raise NvrNotFoundError("the file is gone") from None
        except asyncio.CancelledError:
            opening.add_done_callback(_close_late)
            raise
        pieces = _Pieces(file, stop - start, self._pool)
        try:
            yield pieces
        finally:
            await pieces.close()


def _open(path: Path, changed_ns: int, start: int) -> int:
    """Return a descriptor that stands at `start`; raises NvrResponseError when the file changed."""
    file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    if os.fstat(file).st_mtime_ns != changed_ns:
        os.close(file)
        raise NvrResponseError("the file changed while it was asked for")
    os.lseek(file, start, os.SEEK_SET)
    return file


def _close_late(opening: asyncio.Future[int]) -> None:
    if not opening.cancelled() and opening.exception() is None:
        os.close(opening.result())


class _Pieces:
    """The bytes of an open file, the next piece read while the one before is sent."""

    def __init__(self, file: int, left: int, pool: WorkPool) -> None:
        self._file = file
        self._left = left
        self._pool = pool
        self._ahead: asyncio.Future[bytes] | None = None

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        if not self._left:
            raise StopAsyncIteration
        self._ahead = self._ahead or self._read()
        try:
            piece = await asyncio.shield(self._ahead)
        except OSError:
            raise NvrResponseError("the file cannot be read") from None
        self._ahead = None
        self._left -= len(piece)
        if not piece:
            raise NvrResponseError("the file became shorter while it was read")
        if self._left:
            self._ahead = self._read()
        return piece

    async def close(self) -> None:
        """Close the file when nothing reads it any more."""
        ahead, self._ahead = self._ahead, None
        if ahead is not None and not ahead.done():
            ahead.add_done_callback(lambda _: os.close(self._file))
            return
        os.close(self._file)

    def _read(self) -> asyncio.Future[bytes]:
        return asyncio.ensure_future(self._pool.run(os.read, self._file, min(PIECE, self._left)))


class DownloadBytes:
    """A recorder's original file, as it is on its way: from the beginning only."""

    ranges = False
    etag = None
    modified = None

    def __init__(self, source: DownloadSource, segment: RecordingSegment) -> None:
        """Nothing is asked for before `open`; `size` and `content_type` are known then."""
        self.size: int | None = None
        self.container = Container.UNKNOWN
        self._source = source
        self._segment = segment

    @property
    def content_type(self) -> str:
        """The MIME type of the container."""
        return CONTENT_TYPES[self.container]

    def open(self, start: int = 0, stop: int | None = None) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        """Open the download; raises as DownloadSource does."""
        self._check_range(start, stop)
        return self._open()

    def lend(
        self, start: int = 0, stop: int | None = None
    ) -> AbstractAsyncContextManager[AsyncIterator[bytes | memoryview]]:
        """Open the download to hand it on: each piece is good until the next one is asked for."""
        self._check_range(start, stop)
        return self._lend()

    @staticmethod
    def _check_range(start: int, stop: int | None) -> None:
        if start or stop is not None:
            message = "a download has no ranges"
            raise ValueError(message)

    @asynccontextmanager
    async def _open(self) -> AsyncGenerator[AsyncIterator[bytes]]:
        async with self._begun() as download:
            yield aiter(download)

    @asynccontextmanager
    async def _lend(self) -> AsyncGenerator[AsyncIterator[bytes | memoryview]]:
        async with self._begun() as download:
            yield download.lent()

    @asynccontextmanager
    async def _begun(self) -> AsyncGenerator[Download]:
        async with self._source.open(self._segment) as download:
            self.size, self.container = download.size, download.container
            yield download
