"""HTTP to one recorder over real sockets: limits, lost connections, certificates, streams."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
import ssl
import time

import aiohttp
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
import pytest

from custom_components.nvr.core.capabilities import GateWidths
from custom_components.nvr.core.credentials import LoginGuard
from custom_components.nvr.core.driver import ConnectionConfig, TlsMode
from custom_components.nvr.core.errors import (
    NvrBusyError,
    NvrCertificateError,
    NvrError,
    NvrNotFoundError,
    NvrPermissionError,
    NvrResponseError,
    NvrTimeoutError,
    NvrUnreachableError,
    NvrUnsupportedError,
)
from custom_components.nvr.core.transport.gate import Gate
from custom_components.nvr.core.transport.http import HttpTransport
from custom_components.nvr.core.transport.tls import build_context, peer_fingerprint

from .recorder import DigestServer, connected, read_request, serving, speaking

pytestmark = pytest.mark.usefixtures("socket_enabled")

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfine"


async def _fine(_request: web.Request) -> web.StreamResponse:
    return web.Response(text="fine")


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


@pytest.mark.parametrize(("host", "expected"), [("nvr.example", "nvr.example:{}"), ("fe80::1", "[fe80::1]:{}")])
async def test_the_address_dialled_is_apart_from_the_name_shown(host: str, expected: str) -> None:
    async def tell(request: web.Request) -> web.StreamResponse:
        return web.Response(text=request.headers["Host"])

    async with serving(tell) as port, connected(port, host=host, dial="127.0.0.1") as transport:
        assert (await transport.request("GET", "/")).body.decode() == expected.format(port)


class Certificate:
    """A self-signed certificate for one name, made for this test."""

    def __init__(self, folder: Path, name: str) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        now = datetime.now(UTC)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            # Recorders' certificates ran out long ago.
            .not_valid_before(now - timedelta(days=10))
            .not_valid_after(now - timedelta(days=5))
            .sign(key, hashes.SHA256())
        )
        self.fingerprint = sha256(certificate.public_bytes(serialization.Encoding.DER)).hexdigest()
        file = folder / f"{name}.pem"
        file.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
            + certificate.public_bytes(serialization.Encoding.PEM)
        )
        self.context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self.context.load_cert_chain(file)


@pytest.fixture
def certificate(tmp_path: Path) -> Certificate:
    return Certificate(tmp_path, "recorder")


async def test_tls_pinned_certificate_is_checked_on_every_connection(certificate: Certificate) -> None:
    server = DigestServer(algorithm="SHA-256")
    shown = ":".join(certificate.fingerprint[at : at + 2] for at in range(0, 64, 2)).upper()
    async with (
        serving(server, certificate.context) as port,
        connected(port, tls=TlsMode.PIN, fingerprint=shown) as transport,
    ):
        await asyncio.gather(*(transport.request("GET", f"/{n}") for n in range(5)))
    assert server.refusals == 1


async def test_tls_another_certificate_gets_no_request(certificate: Certificate) -> None:
    server = DigestServer()
    async with (
        serving(server, certificate.context) as port,
        connected(port, tls=TlsMode.PIN, fingerprint="00" * 32) as transport,
    ):
        with pytest.raises(NvrCertificateError) as caught:
            await transport.request("GET", "/")
    assert caught.value.fingerprint == certificate.fingerprint
    assert server.requests == 0


async def test_tls_verification_refuses_and_shows_the_fingerprint(certificate: Certificate) -> None:
    server = DigestServer()
    async with serving(server, certificate.context) as port, connected(port, tls=TlsMode.VERIFY) as transport:
        with pytest.raises(NvrCertificateError) as caught:
            await transport.request("GET", "/")
    assert caught.value.fingerprint == certificate.fingerprint
    assert server.requests == 0


async def test_tls_without_verification_and_basic_inside_it(certificate: Certificate) -> None:
    async def basic(request: web.Request) -> web.StreamResponse:
        if request.headers.get("Authorization", "").startswith("Basic "):
            return web.Response(text="fine")
        return web.Response(status=401, headers={"WWW-Authenticate": "Basic"})

    async with (
        serving(basic, certificate.context) as port,
        connected(port, tls=TlsMode.NO_VERIFY, host="nvr.example", dial="127.0.0.1") as transport,
    ):
        assert (await transport.request("GET", "/")).body == b"fine"


async def test_tls_where_there_is_none() -> None:
    async def silent(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await reader.read(10)
        await asyncio.sleep(60)

    async with serving(_fine) as port, connected(port, tls=TlsMode.NO_VERIFY) as transport:
        with pytest.raises(NvrUnreachableError):
            await transport.request("GET", "/")
        with pytest.raises(NvrUnreachableError):
            await peer_fingerprint("127.0.0.1", port)
    async with speaking(silent) as port:
        with pytest.raises(NvrTimeoutError):
            await peer_fingerprint("127.0.0.1", port, patience=0.05)


async def test_tls_fingerprint_can_be_looked_at(certificate: Certificate) -> None:
    async with serving(_fine, certificate.context) as port:
        assert await peer_fingerprint("127.0.0.1", port) == certificate.fingerprint


def test_tls_pin_without_fingerprint_is_refused() -> None:
    with pytest.raises(ValueError, match="fingerprint"):
        build_context(TlsMode.PIN, None)
