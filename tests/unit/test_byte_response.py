"""What browsers and download managers get of a file, over a real socket."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from random import Random
import socket

import aiohttp
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
import pytest

from custom_components.nvr.byte_response import (
    ByteRange,
    UnsatisfiableError,
    content_disposition,
    parse_range,
    respond,
)
from custom_components.nvr.core.errors import NvrBusyError, NvrUnreachableError

DATA = bytes(range(256)) * 40
CHANGED = datetime(2026, 11, 21, 12, 0, 5, tzinfo=UTC)

pytestmark = pytest.mark.usefixtures("socket_enabled")


@dataclass
class Bytes:
    """Bytes of memory that tell how often they are open; may fail at a place, or wait there for ever."""

    data: bytes = DATA
    size: int | None = len(DATA)
    ranges: bool = True
    etag: str | None = "one"
    modified: datetime | None = CHANGED
    content_type: str = "video/mp4"
    fails_at: int | None = None
    waits_at: int | None = None
    opened: int = 0
    closed: asyncio.Event = field(default_factory=asyncio.Event)

    def open(self, start: int = 0, stop: int | None = None) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        return self._open(start, stop)

    def lend(self, start: int = 0, stop: int | None = None) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        return self._open(start, stop)

    @asynccontextmanager
    async def _open(self, start: int, stop: int | None) -> AsyncGenerator[AsyncIterator[bytes]]:
        self.opened += 1
        try:
            yield self._chunks(self.data[start:stop])
        finally:
            self.closed.set()

    async def _chunks(self, data: bytes) -> AsyncGenerator[bytes]:
        for at in range(0, len(data), 1000):
            if at == self.fails_at:
                raise NvrUnreachableError("gone")
            if at == self.waits_at:
                await asyncio.Event().wait()
            yield data[at : at + 1000]


class Lent:
    """Bytes that are lent: their memory holds the next ones as soon as those are asked for."""

    content_type = "video/mp4"
    ranges = False
    etag = None
    modified = None

    def __init__(self, data: bytes, size: int | None) -> None:
        self.data = data
        self.size = size

    def open(self, start: int = 0, stop: int | None = None) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        raise AssertionError((start, stop))

    @asynccontextmanager
    async def _lend(self) -> AsyncGenerator[AsyncIterator[bytes | memoryview]]:
        yield self._pieces()

    def lend(
        self, start: int = 0, stop: int | None = None
    ) -> AbstractAsyncContextManager[AsyncIterator[bytes | memoryview]]:
        assert (start, stop) == (0, None)
        return self._lend()

    async def _pieces(self) -> AsyncGenerator[bytes | memoryview]:
        memory, at, sizes = bytearray(120_000), 0, Random(4)
        while at < len(self.data):
            # Small and large ones: some are less than what is sent without waiting.
            piece = self.data[at : at + sizes.choice((300, 65_536, sizes.randint(70_000, len(memory))))]
            memory[:] = piece.ljust(len(memory), b"\0")
            yield memoryview(memory)[: len(piece)]
            at += len(piece)


type Client = TestClient[web.Request, web.Application]
type Serve = Callable[[Bytes | Lent], Awaitable[Client]]


@pytest.fixture
async def serve() -> AsyncGenerator[Serve]:
    clients: list[Client] = []

    async def start(source: Bytes | Lent) -> Client:
        async def answer(request: web.Request) -> web.StreamResponse:
            # What is sent leaves little by little, as on a slow line.
            assert request.transport is not None
            request.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
            try:
                return await respond(request, source, name="Hof 21.11. 12:00.mp4")
            except NvrBusyError:
                return web.Response(status=503)

        application = web.Application()
        application.router.add_get("/file", answer)
        client = TestClient(TestServer(application))
        await client.start_server()
        clients.append(client)
        return client

    yield start
    for client in clients:
        await client.close()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("bytes=0-", ByteRange(0, 100)),
        ("bytes=0-0", ByteRange(0, 1)),
        ("bytes=90-200", ByteRange(90, 100)),
        ("bytes=-10", ByteRange(90, 100)),
        ("bytes=-1000", ByteRange(0, 100)),
        (" BYTES = 5 - 6 ", ByteRange(5, 7)),
        ("bytes=6-5", None),
        ("bytes=-", None),
        ("bytes=0-1,5-6", None),
        ("seconds=0-1", None),
        ("bytes=a-b", None),
        (f"bytes={'9' * 40}-", None),
    ],
)
def test_range(text: str, expected: ByteRange | None) -> None:
    assert parse_range(text, 100) == expected


@pytest.mark.parametrize(("text", "size"), [("bytes=100-", 100), ("bytes=-0", 100), ("bytes=0-", 0)])
def test_range_behind_the_end(text: str, size: int) -> None:
    with pytest.raises(UnsatisfiableError):
        parse_range(text, size)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("clip.mp4", 'attachment; filename="clip.mp4"'),
        ('a"b\r\nX: 1/../c.mp4', 'attachment; filename="a_b_X_ 1_.._c.mp4"'),
        ("Straße.mp4", "attachment; filename=\"Stra_e.mp4\"; filename*=UTF-8''Stra%C3%9Fe.mp4"),
        ("...", 'attachment; filename="file"'),
    ],
)
def test_name_is_safe_whatever_it_is(name: str, expected: str) -> None:
    assert content_disposition(name) == expected


async def test_whole_file_and_head(serve: Serve) -> None:
    source = Bytes()
    client = await serve(source)
    async with client.head("/file") as answer:
        assert (answer.status, answer.headers["Content-Length"], source.opened) == (200, str(len(DATA)), 0)
    async with client.get("/file") as answer:
        assert await answer.read() == DATA
        assert answer.headers["Accept-Ranges"] == "bytes"
        assert answer.headers["Content-Disposition"] == 'attachment; filename="Hof 21.11. 12_00.mp4"'
        assert answer.headers["Content-Type"] == "video/mp4"
        assert answer.headers["ETag"] == '"one"'
        assert answer.headers["Last-Modified"] == format_datetime(CHANGED, usegmt=True)
    assert source.closed.is_set()


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 206),
        ({"If-Range": '"one"'}, 206),
        ({"If-Range": 'W/"one"'}, 200),
        ({"If-Range": '"two"'}, 200),
        ({"If-Range": format_datetime(CHANGED, usegmt=True)}, 206),
        ({"If-Range": "Sat, 21 Nov 2026 11:00:00 GMT"}, 200),
        ({"If-Range": "nonsense"}, 200),
    ],
)
async def test_part_only_of_what_the_client_has(serve: Serve, headers: dict[str, str], status: int) -> None:
    client = await serve(Bytes())
    async with client.get("/file", headers={"Range": "bytes=1500-2499", **headers}) as answer:
        assert answer.status == status
        if status == 206:
            assert answer.headers["Content-Range"] == f"bytes 1500-2499/{len(DATA)}"
            assert await answer.read() == DATA[1500:2500]
        else:
            assert await answer.read() == DATA


async def test_range_that_cannot_be_had(serve: Serve) -> None:
    client = await serve(Bytes())
    async with client.get("/file", headers={"Range": f"bytes={len(DATA)}-"}) as answer:
        assert (answer.status, answer.headers["Content-Range"]) == (416, f"bytes */{len(DATA)}")


async def test_source_without_ranges_or_length_comes_whole(serve: Serve) -> None:
    client = await serve(Bytes(size=None, ranges=False, etag=None, modified=None))
    async with client.get("/file", headers={"Range": "bytes=5-"}) as answer:
        assert (answer.status, answer.headers["Accept-Ranges"]) == (200, "none")
        assert await answer.read() == DATA


async def test_what_the_client_has_already(serve: Serve) -> None:
    source = Bytes()
    client = await serve(source)
    async with client.get("/file", headers={"If-None-Match": 'W/"zero", "one"'}) as answer:
        assert (answer.status, source.opened) == (304, 0)


@pytest.mark.parametrize("size", [len(DATA), None], ids=["length", "chunked"])
async def test_what_breaks_off_is_never_a_whole_answer(
    serve: Serve, size: int | None, caplog: pytest.LogCaptureFixture
) -> None:
    client = await serve(Bytes(size=size, fails_at=3000))
    with pytest.raises(aiohttp.ClientError):
        async with client.get("/file") as answer:
            await answer.read()
    assert "broke off after 3000 bytes" in caplog.text


@pytest.mark.parametrize("size", [len(DATA) + 1, len(DATA) - 1], ids=["less", "more"])
async def test_length_that_was_a_lie(serve: Serve, size: int) -> None:
    client = await serve(Bytes(size=size))
    with pytest.raises(aiohttp.ClientError):
        async with client.get("/file") as answer:
            await answer.read()


async def test_failure_before_the_first_byte_has_words(serve: Serve) -> None:
    class Busy(Bytes):
        async def _chunks(self, data: bytes) -> AsyncGenerator[bytes]:
            if data:
                raise NvrBusyError("no slot")
            yield data

    client = await serve(Busy())
    async with client.get("/file") as answer:
        assert answer.status == 503


@pytest.mark.parametrize("is_sized", [True, False])
async def test_what_is_lent_arrives_as_it_was(serve: Serve, is_sized: bool) -> None:
    data = Random(3).randbytes(3 * (1 << 20) + 1)
    client = await serve(Lent(data, len(data) if is_sized else None))
    async with client.get("/file") as answer:
        # A slow reader: the connection is full all the time.
        received = bytearray()
        async for chunk in answer.content.iter_chunked(100_000):
            received += chunk
            await asyncio.sleep(0)
    assert received == data


async def test_viewer_who_leaves_ends_what_sends_nothing(serve: Serve) -> None:
    source = Bytes(waits_at=2000)
    client = await serve(source)
    answer = await client.get("/file")
    assert await answer.content.readexactly(2000) == DATA[:2000]
    assert not source.closed.is_set()
    answer.close()
    async with asyncio.timeout(20):
        await source.closed.wait()
