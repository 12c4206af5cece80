"""Long bodies past aiohttp's parser: the same bytes and the same ends as through it."""

import asyncio
from collections.abc import Awaitable, Callable
from random import Random
import ssl

from aiohttp import web
import pytest

from custom_components.nvr.core.driver import TlsMode
from custom_components.nvr.core.errors import NvrError, NvrResponseError, NvrTimeoutError, NvrUnreachableError
from custom_components.nvr.core.transport.http import StreamResponse

from .recorder import connected, read_request, serving, speaking
from .test_http_tls import Certificate, certificate

__all__ = ["certificate"]

pytestmark = pytest.mark.usefixtures("socket_enabled")

DATA = Random(7).randbytes(5 * (1 << 20) + 3)

type Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def sending(head: bytes, data: bytes, *, hold: bool = False) -> Talk:
    """Answer with a head and data in odd pieces; `hold`: then keep the connection and say nothing."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\n" + head + b"\r\n")
        for at in range(0, len(data), 77_777):
            writer.write(data[at : at + 77_777])
            await writer.drain()
        if hold:
            await reader.read()

    return talk


async def lent(stream: StreamResponse, *, pause: float = 0.0) -> bytes:
    """Read to the end; `pause` between pieces (s) lets both buffers fill."""
    received = bytearray()
    while piece := await stream.lend():
        received += piece
        await asyncio.sleep(pause)
    return bytes(received)


@pytest.mark.parametrize("pause", [0.0, 0.005])
@pytest.mark.parametrize("begun", [False, True])
@pytest.mark.parametrize("head", [b"Content-Length: %d\r\n" % len(DATA), b"Connection: close\r\n"])
async def test_every_byte_in_order(head: bytes, begun: bool, pause: float) -> None:
    async with (
        speaking(sending(head, DATA)) as port,
        connected(port) as transport,
        transport.stream("GET", "/file") as stream,
    ):
        first = await stream.read() if begun else b""
        assert first + await lent(stream, pause=pause) == DATA
        assert await stream.lend() == b""
        assert await stream.read() == b""
        assert transport.statistics.bytes_received == len(DATA)


async def test_what_belongs_to_no_body_is_left_alone() -> None:
    talk = sending(b"Content-Length: 1000000\r\n", DATA, hold=True)
    async with (
        speaking(talk) as port,
        connected(port) as transport,
        transport.stream("GET", "/file") as stream,
    ):
        assert await lent(stream) == DATA[:1_000_000]


async def test_reading_may_go_on_as_usual() -> None:
    async with (
        speaking(sending(b"Content-Length: %d\r\n" % len(DATA), DATA)) as port,
        connected(port) as transport,
        transport.stream("GET", "/file") as stream,
    ):
        begin = bytes(await stream.lend())
        assert begin + b"".join([chunk async for chunk in stream]) == DATA


async def test_short_body_that_is_here_already() -> None:
    async def fine(_request: web.Request) -> web.StreamResponse:
        return web.Response(body=DATA[:100])

    async with serving(fine) as port, connected(port) as transport, transport.stream("GET", "/") as stream:
        assert await lent(stream) == DATA[:100]


async def test_chunks_go_through_the_parser() -> None:
    async def chunked(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for at in range(0, len(DATA), 333_333):
            await response.write(DATA[at : at + 333_333])
        return response

    async with serving(chunked) as port, connected(port) as transport, transport.stream("GET", "/") as stream:
        assert await lent(stream) == DATA


async def test_over_tls(certificate: Certificate) -> None:
    async def file(_request: web.Request) -> web.StreamResponse:
        return web.Response(body=DATA)

    context: ssl.SSLContext = certificate.context
    async with (
        serving(file, context) as port,
        connected(port, tls=TlsMode.PIN, fingerprint=certificate.fingerprint) as transport,
        transport.stream("GET", "/") as stream,
    ):
        assert await lent(stream, pause=0.001) == DATA


async def test_truncation_is_an_error() -> None:
    talk = sending(b"Content-Length: %d\r\n" % (len(DATA) + 1), DATA)
    async with (
        speaking(talk) as port,
        connected(port) as transport,
        transport.stream("GET", "/file") as stream,
    ):
        received = 0
        with pytest.raises(NvrResponseError, match="cut off"):  # noqa: PT012 - the last of many reads
            while piece := await stream.lend():
                received += len(piece)
        assert received == len(DATA)
        with pytest.raises(NvrResponseError, match="cut off"):
            await stream.read()


async def test_silence_is_a_timeout() -> None:
    talk = sending(b"Content-Length: 1000000\r\n", DATA[:500_000], hold=True)
    async with (
        speaking(talk) as port,
        connected(port) as transport,
        transport.stream("GET", "/file", idle_timeout=0.2) as stream,
    ):
        with pytest.raises(NvrTimeoutError):
            await lent(stream)


async def test_close_ends_the_wait_and_leaving_ends_the_connection() -> None:
    ended = asyncio.Event()
    endless = sending(b"", DATA[:1000], hold=True)

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await endless(reader, writer)
        ended.set()

    async with speaking(talk) as port, connected(port) as transport:
        async with transport.stream("GET", "/file") as stream:
            assert bytes(await stream.lend()) == DATA[:1000]
        async with asyncio.timeout(20):
            await ended.wait()

        waiting = asyncio.Event()

        async def wait() -> None:
            async with transport.stream("GET", "/file") as stream:
                await stream.lend()
                waiting.set()
                with pytest.raises(NvrError) as caught:
                    await stream.lend()
                assert isinstance(caught.value, NvrUnreachableError)

        task = asyncio.create_task(wait())
        await waiting.wait()
        await transport.close()
        async with asyncio.timeout(20):
            await task
