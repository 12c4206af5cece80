"""HTTP to one recorder over real sockets: what answers mean, limits, lost connections, redirects."""

import asyncio
from collections.abc import Mapping

from aiohttp import web
import pytest

from custom_components.nvr.core.capabilities import GateWidths
from custom_components.nvr.core.errors import (
    NvrBusyError,
    NvrError,
    NvrNotFoundError,
    NvrPermissionError,
    NvrResponseError,
    NvrTimeoutError,
    NvrUnreachableError,
    NvrUnsupportedError,
)
from custom_components.nvr.core.transport.http import HttpTransport

from .recorder import DigestServer, connected, read_request, serving, speaking

pytestmark = pytest.mark.usefixtures("socket_enabled")

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfine"


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (403, NvrPermissionError),
        (404, NvrNotFoundError),
        (405, NvrUnsupportedError),
        (501, NvrUnsupportedError),
        (429, NvrBusyError),
        (503, NvrBusyError),
        (500, NvrResponseError),
        (204, NvrResponseError),
    ],
)
async def test_status_becomes_an_error_that_says_what_to_do(status: int, error: type[NvrError]) -> None:
    async def answer(_request: web.Request) -> web.StreamResponse:
        return web.Response(status=status, headers={"Retry-After": "7"})

    async with serving(answer) as port, connected(port) as transport:
        with pytest.raises(error) as caught:
            await transport.request("GET", "/")
        if isinstance(caught.value, NvrBusyError):
            assert caught.value.retry_after == 7
        assert (await _accepting(transport, status)) == status


async def _accepting(transport: HttpTransport, status: int) -> int:
    return (await transport.request("GET", "/", lane="search", accept_status=(status,))).status


async def test_classifier_decides_first_and_busy_pauses_the_lane() -> None:
    async def answer(_request: web.Request) -> web.StreamResponse:
        return web.Response(status=403, text="<subStatusCode>deviceBusy</subStatusCode>")

    def classify(status: int, headers: Mapping[str, str], body: bytes) -> NvrError | None:
        assert (status, headers["content-type"][:4]) == (403, "text")
        return NvrBusyError("busy", retry_after=0.05) if b"deviceBusy" in body else None

    async with serving(answer) as port, connected(port, classify=classify) as transport:
        loop = asyncio.get_running_loop()
        start = loop.time()
        for _ in range(2):
            with pytest.raises(NvrBusyError):
                await transport.request("GET", "/")
        assert loop.time() - start >= 0.045


async def test_excerpt_of_an_unknown_refusal_is_redacted() -> None:
    async def answer(_request: web.Request) -> web.StreamResponse:
        return web.Response(status=500, text="<serialNumber>ABC123</serialNumber><x>why</x>")

    async with serving(answer) as port, connected(port) as transport:
        with pytest.raises(NvrResponseError) as caught:
            await transport.request("GET", "/")
    assert "why" in caught.value.excerpt
    assert "ABC123" not in caught.value.excerpt


async def test_get_with_a_body_and_post_with_a_type() -> None:
    async def echo(request: web.Request) -> web.StreamResponse:
        return web.Response(body=await request.read(), headers={"X-Type": request.headers.get("Content-Type", "")})

    async with serving(echo) as port, connected(port) as transport:
        answer = await transport.request("GET", "/", data=b"<a/>", content_type="application/xml")
        assert (answer.body, answer.headers["x-type"]) == (b"<a/>", "application/xml")
        assert (await transport.request("POST", "path", data=b"x")).body == b"x"


async def test_sockets_are_kept_and_lanes_are_narrow() -> None:
    server = DigestServer(delay=0.002)
    async with serving(server) as port, connected(port, widths=GateWidths(control=2)) as transport:
        await asyncio.gather(*(transport.request("GET", f"/{n}") for n in range(20)))
        assert server.most_at_once == 2
        assert len(server.connections) <= 2
        assert transport.gate.most_in_flight("control") == 2
        assert transport.statistics.lanes["control"] == 20
        assert transport.statistics.bytes_received > 80


async def test_silence_is_a_timeout() -> None:
    async def hang(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        await asyncio.sleep(60)

    async with speaking(hang) as port, connected(port) as transport:
        with pytest.raises(NvrTimeoutError):
            await transport.request("GET", "/", timeout=0.05)
        with pytest.raises(NvrTimeoutError):
            async with transport.stream("GET", "/", timeout=0.05):
                pytest.fail("it never answers")


@pytest.mark.parametrize("status", [200, 401])
async def test_a_body_that_drips_for_ever_is_a_timeout(status: int) -> None:
    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(b"HTTP/1.1 %d X\r\nContent-Length: 100000\r\n\r\n" % status)
        while True:
            writer.write(b"x")
            await asyncio.sleep(0.01)

    async with speaking(drip) as port, connected(port) as transport:
        with pytest.raises(NvrTimeoutError):
            await transport.request("GET", "/", timeout=0.1)


async def test_a_long_refusal_is_not_read_to_its_end() -> None:
    async def refuse(_request: web.Request) -> web.StreamResponse:
        return web.Response(status=401, body=b"x" * 1_000_000, headers={"WWW-Authenticate": "Negotiate"})

    async with serving(refuse) as port, connected(port) as transport:
        with pytest.raises(NvrUnsupportedError):
            await transport.request("GET", "/")
        assert transport.statistics.bytes_received < 500_000


async def test_a_body_beyond_the_limit_is_refused() -> None:
    async def much(_request: web.Request) -> web.StreamResponse:
        return web.Response(body=b"x" * 200_000)

    async with serving(much) as port, connected(port) as transport:
        with pytest.raises(NvrResponseError, match="too long"):
            await transport.request("GET", "/", max_body=100_000)
        assert len((await transport.request("GET", "/", max_body=200_000)).body) == 200_000


async def test_truncated_body_is_an_error() -> None:
    async def cut(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort")

    async with speaking(cut) as port, connected(port) as transport:
        with pytest.raises(NvrResponseError, match="cut off"):
            await transport.request("GET", "/")
        async with transport.stream("GET", "/") as stream:
            assert await stream.read() == b"short"
            with pytest.raises(NvrResponseError, match="cut off"):
                await stream.read()


class Closing:
    """Answers once per connection and closes it, or closes without an answer."""

    def __init__(self, *, silent: int) -> None:
        self.silent = silent
        self.requests = 0

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        self.requests += 1
        if self.requests > self.silent:
            writer.write(OK)


async def test_a_connection_closed_under_a_get_is_tried_once_more() -> None:
    for silent, fails in ((0, False), (1, False), (2, True)):
        server = Closing(silent=silent)
        async with speaking(server) as port, connected(port) as transport:
            if fails:
                with pytest.raises(NvrUnreachableError):
                    await transport.request("GET", "/")
                assert server.requests == 2
            else:
                assert (await transport.request("GET", "/")).body == b"fine"
                assert server.requests == silent + 1


@pytest.mark.parametrize(("method", "idempotent"), [("POST", None), ("PUT", None), ("GET", False)])
async def test_what_may_not_be_repeated_is_not(method: str, idempotent: bool | None) -> None:
    server = Closing(silent=1)
    async with speaking(server) as port, connected(port) as transport:
        with pytest.raises(NvrUnreachableError):
            await transport.request(method, "/", data=b"x", idempotent=idempotent)
    assert server.requests == 1


async def test_a_kept_socket_that_the_recorder_closed_is_no_failure() -> None:
    served = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal served
        await read_request(reader)
        served += 1
        writer.write(OK)
        await asyncio.sleep(0.02)

    async with speaking(serve) as port, connected(port) as transport:
        for _ in range(3):
            assert (await transport.request("GET", "/")).body == b"fine"
            await asyncio.sleep(0.04)
    assert served == 3


async def test_nobody_there_is_unreachable() -> None:
    async with speaking(Closing(silent=0)) as port:
        pass
    async with connected(port) as transport:
        with pytest.raises(NvrUnreachableError):
            await transport.request("GET", "/")
    async with connected(80, host="no such host") as transport:
        with pytest.raises(NvrUnreachableError):
            await transport.request("GET", "/")


async def test_what_is_not_http_is_said_so() -> None:
    async def babble(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(b"SSH-2.0-OpenSSH\r\n\r\n")

    async with speaking(babble) as port, connected(port) as transport:
        with pytest.raises(NvrResponseError, match="not HTTP"):
            await transport.request("GET", "/")


async def test_redirects_stay_at_home() -> None:
    elsewhere: list[str] = []

    async def other(request: web.Request) -> web.StreamResponse:
        elsewhere.append(request.path)
        return web.Response()

    async def answer(request: web.Request) -> web.StreamResponse:
        places = {"/old": "/new?a=1", "/away": f"http://localhost:{there}/x", "/round": "/round"}
        if request.path in places:
            return web.Response(status=302, headers={"Location": places[request.path]})
        return web.Response(text=request.raw_path)

    async with serving(other) as there, serving(answer) as port, connected(port) as transport:
        assert (await transport.request("GET", "/old")).body == b"/new?a=1"
        with pytest.raises(NvrResponseError):
            await transport.request("GET", "/away")
        away = await transport.request("GET", "/away", accept_status=(302,))
        assert away.headers["Location"].endswith("/x")
        with pytest.raises(NvrResponseError, match="circles"):
            await transport.request("GET", "/round")
        with pytest.raises(NvrResponseError):
            await transport.request("POST", "/old", data=b"x")
    assert elsewhere == []


@pytest.mark.parametrize("place", ["http://[bad", "http://127.0.0.1:99999/", "mailto:somebody", "/\udce9"])
async def test_redirect_to_what_is_no_address_is_an_error_and_closes(place: str) -> None:
    ended = asyncio.Event()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        head = f"HTTP/1.1 302 Found\r\nLocation: {place}\r\nContent-Length: 9\r\n\r\n"
        writer.write(head.encode("utf-8", "surrogateescape"))
        await reader.read()
        ended.set()

    async with speaking(talk) as port, connected(port) as transport:
        with pytest.raises(NvrResponseError, match="no address"):
            await transport.request("GET", "/")
        async with asyncio.timeout(2):
            await ended.wait()


@pytest.mark.parametrize(("host", "expected"), [("nvr.example", "nvr.example:{}"), ("fe80::1", "[fe80::1]:{}")])
async def test_the_address_dialled_is_apart_from_the_name_shown(host: str, expected: str) -> None:
    async def tell(request: web.Request) -> web.StreamResponse:
        return web.Response(text=request.headers["Host"])

    async with serving(tell) as port, connected(port, host=host, dial="127.0.0.1") as transport:
        assert (await transport.request("GET", "/")).body.decode() == expected.format(port)
