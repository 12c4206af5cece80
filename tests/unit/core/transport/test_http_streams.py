"""Answers that are read as they come, and how all of it ends: closing, cancelling, sessions."""

import asyncio
import time

import aiohttp
from aiohttp import web
import pytest

from custom_components.nvr.core.capabilities import GateWidths
from custom_components.nvr.core.credentials import LoginGuard
from custom_components.nvr.core.driver import ConnectionConfig
from custom_components.nvr.core.errors import (
    NvrBusyError,
    NvrTimeoutError,
    NvrUnreachableError,
)
from custom_components.nvr.core.transport.gate import Gate
from custom_components.nvr.core.transport.http import HttpTransport

from .recorder import DigestServer, connected, serving

pytestmark = pytest.mark.usefixtures("socket_enabled")


async def _fine(_request: web.Request) -> web.StreamResponse:
    return web.Response(text="fine")


async def test_stream_gives_bytes_as_they_come_and_closes_behind_itself() -> None:
    gone = asyncio.Event()

    async def alerts(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "multipart/mixed; boundary=b"})
        await response.prepare(request)
        try:
            await response.write(b"one")
            await asyncio.sleep(0.03)
            await response.write(b"two")
            while True:
                await asyncio.sleep(0.01)
                await response.write(b".")
        except ConnectionError:
            return response
        finally:
            gone.set()

    server = DigestServer(handler=alerts)
    async with serving(server) as port, connected(port) as transport:
        async with transport.stream("GET", "/alertStream", lane="events") as stream:
            assert stream.status == 200
            assert "boundary=b" in stream.headers["content-type"]
            assert await stream.read() == b"one"
            assert await stream.read() == b"two"
            assert transport.gate.in_flight("events") == 1
            async for chunk in stream:
                assert chunk.strip(b".") == b""
                break
        assert transport.gate.in_flight("events") == 0
        async with asyncio.timeout(2):
            await gone.wait()


async def test_stream_ends_with_the_answer() -> None:
    async with serving(_fine) as port, connected(port) as transport, transport.stream("GET", "/") as stream:
        assert [chunk async for chunk in stream] == [b"fine"]
        assert await stream.read() == b""


async def test_stream_that_falls_silent_is_a_timeout() -> None:
    async def hang(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b"one")
        await asyncio.sleep(1)
        return response

    async with (
        serving(hang) as port,
        connected(port) as transport,
        transport.stream("GET", "/", idle_timeout=0.05) as stream,
    ):
        assert await stream.read() == b"one"
        with pytest.raises(NvrTimeoutError):
            await stream.read()


async def test_stream_that_is_refused_raises_on_entry() -> None:
    async def busy(_request: web.Request) -> web.StreamResponse:
        return web.Response(status=503)

    async with serving(busy) as port, connected(port) as transport:
        with pytest.raises(NvrBusyError):
            async with transport.stream("GET", "/"):
                pytest.fail("it was refused")


async def test_close_ends_every_wait_at_once_and_for_good() -> None:
    async def hang(request: web.Request) -> web.StreamResponse:
        if request.path == "/silent":
            await asyncio.sleep(5)
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b"one")
        await asyncio.sleep(5)
        return response

    async with serving(hang) as port, connected(port) as transport:

        async def streaming() -> None:
            async with transport.stream("GET", "/stream", idle_timeout=60) as stream:
                while await stream.read():
                    pass

        waits = [
            asyncio.create_task(transport.request("GET", "/silent", timeout=60)),
            asyncio.create_task(transport.request("GET", "/slow", timeout=60)),
            asyncio.create_task(streaming()),
        ]
        await asyncio.sleep(0.1)
        async with asyncio.timeout(1):
            await transport.close()
            answers = await asyncio.gather(*waits, return_exceptions=True)
        assert all(isinstance(answer, NvrUnreachableError) for answer in answers)
        await transport.close()
        with pytest.raises(NvrUnreachableError):
            await transport.request("GET", "/")


async def test_close_in_the_instant_a_wait_runs_out_ends_the_others_and_the_session() -> None:
    made: list[aiohttp.ClientSession] = []

    def make() -> aiohttp.ClientSession:
        made.append(aiohttp.ClientSession())
        return made[-1]

    async def hang(request: web.Request) -> web.StreamResponse:
        await asyncio.sleep(5 if request.path == "/hang" else 0)
        return web.Response()

    closing: list[asyncio.Task[None]] = []
    async with serving(DigestServer(handler=hang)) as port:
        config = ConnectionConfig("127.0.0.1", "admin", "nvr-test-pass", port=port)
        transport = HttpTransport(config, make, LoginGuard(), Gate())
        await transport.request("GET", "/")
        limits = (60, 0.2, 0.2)
        waits = [asyncio.create_task(transport.request("GET", "/hang", timeout=s)) for s in limits]
        await asyncio.sleep(0.1)
        # Both timers are due in one turn of the loop: the limits have fired, their waits have not woken yet.
        asyncio.get_running_loop().call_later(
            0.15, lambda: closing.append(asyncio.create_task(transport.close(), eager_start=True))
        )
        time.sleep(0.4)  # noqa: ASYNC251 - what makes them due together
        async with asyncio.timeout(2):
            answers = await asyncio.gather(*waits, return_exceptions=True)
            await closing[0]
        assert all(isinstance(answer, NvrUnreachableError) for answer in answers)
        assert [session.closed for session in made] == [True]


async def test_cancelling_leaves_the_lane_free() -> None:
    async def slow(_request: web.Request) -> web.StreamResponse:
        await asyncio.sleep(1)
        return web.Response()

    async with serving(slow) as port, connected(port, widths=GateWidths(control=1)) as transport:
        task = asyncio.create_task(transport.request("GET", "/"))
        await asyncio.sleep(0.05)
        task.cancel()
        await asyncio.wait({task})
        assert transport.gate.in_flight("control") == 0


async def test_sessions_given_stay_open_and_sessions_made_are_closed() -> None:
    made: list[aiohttp.ClientSession] = []

    def make() -> aiohttp.ClientSession:
        made.append(aiohttp.ClientSession())
        return made[-1]

    async with serving(_fine) as port, aiohttp.ClientSession() as given:
        config = ConnectionConfig("127.0.0.1", "admin", "nvr-test-pass", port=port)
        for session in (given, make):
            transport = HttpTransport(config, session, LoginGuard(), Gate())
            await transport.request("GET", "/")
            await transport.close()
        assert not given.closed
        assert [session.closed for session in made] == [True]
