"""The RTSP client against a peer that follows a script: what no honest server does, and what old firmware does."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
import struct

import pytest

from custom_components.nvr.core.errors import (
    NvrAuthError,
    NvrInsecureLoginError,
    NvrNotFoundError,
    NvrResponseError,
    NvrTimeoutError,
    NvrUnreachableError,
    NvrUnsupportedError,
)
from custom_components.nvr.core.models import PlaybackRequest, RtspAddress, VideoCodec
from custom_components.nvr.media.rtsp.connection import SessionLimits
from custom_components.nvr.media.rtsp.session import RtspSession, bare_url

from .rig import START, Guard

LIMITS = SessionLimits(connect=1, answer=0.5, silence=0.5, teardown=0.3)
SDP = "v=0\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=control:trackID=1\r\n"
SPS = bytes.fromhex("6742c00ad901416084000003000400000300283c489920")
IDR, SLICE = b"\x65picture", b"\x41picture"


def rtp(sequence: int, timestamp: int, payload: bytes, *, channel: int = 0, kind: int = 0xE0) -> bytes:
    data = struct.pack(">BBHII", 0x80, kind, sequence, timestamp, 1) + payload
    return b"$" + bytes([channel]) + len(data).to_bytes(2) + data


def key_frame(sequence: int, timestamp: int, channel: int = 0) -> bytes:
    sets = b"\x78" + b"".join(len(nal).to_bytes(2) + nal for nal in (SPS, b"\x68p", IDR))
    return rtp(sequence, timestamp, sets, channel=channel)


class Peer:
    """Answers each request by its method, from a table of texts or functions; keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.answers: dict[str, str | bytes | Callable[[Peer], Awaitable[str | bytes]]] = {
            "DESCRIBE": f"200 OK\r\nContent-Length: {len(SDP)}\r\n\r\n{SDP}",
            "SETUP": "200 OK\r\nSession: 5;timeout=60\r\nTransport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n\r\n",
            "PLAY": "200 OK\r\n\r\n",
            "TEARDOWN": "200 OK\r\n\r\n",
            "GET_PARAMETER": "200 OK\r\n\r\n",
        }
        self.media = b""
        self.writer: asyncio.StreamWriter | None = None
        self.closed = asyncio.Event()

    def methods(self) -> list[str]:
        return [method for method, _ in self.asked]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writer = writer
        try:
            while True:
                lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
                headers = dict(line.split(": ", 1) for line in lines[1:] if line)
                if lines[0].startswith("RTSP/"):
                    self.asked.append(("ANSWER", headers))
                    continue
                method = lines[0].split()[0]
                self.asked.append((method, headers))
                answer = self.answers.get(method, "")
                if callable(answer):
                    answer = await answer(self)
                if isinstance(answer, str) and answer:
                    status, _, rest = answer.partition("\r\n")
                    answer = f"RTSP/1.0 {status}\r\nCSeq: {headers['CSeq']}\r\n{rest}".encode()
                writer.write(answer or b"")
                if method == "PLAY":
                    writer.write(self.media)
        except asyncio.IncompleteReadError, ConnectionError:
            pass
        finally:
            self.closed.set()
            writer.transport.abort()


@asynccontextmanager
async def serving(peer: Peer) -> AsyncIterator[PlaybackRequest]:
    server = await asyncio.start_server(peer.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    address = RtspAddress(f"rtsp://127.0.0.1:{port}/Streaming/tracks/101?a=1", "admin", "nvr-test-pass")
    try:
        yield PlaybackRequest(address, START, START + timedelta(hours=1))
    finally:
        server.close()
        if peer.writer is not None:
            peer.writer.transport.abort()
            await peer.closed.wait()


async def opened(request: PlaybackRequest, **kwargs: object) -> RtspSession:
    return await RtspSession.open(request, Guard(), limits=LIMITS, **kwargs)  # type: ignore[arg-type]


async def test_session_reads_frames_and_ends_with_teardown() -> None:
    peer = Peer()
    peer.media = key_frame(1, 9000) + rtp(2, 12_600, SLICE) + rtp(9, 0, b"x", channel=4) + rtp(3, 1, b"y", kind=0x61)
    async with serving(peer) as request:
        session = await opened(request)
        samples = await session.read()
        while len(samples) < 2:
            samples += await session.read()
        assert [(s.key, s.time - samples[0].time) for s in samples] == [(True, 0), (False, 3600)]
        assert session.codec is VideoCodec.H264
        assert session.sets is not None
        assert session.received > 0
        await session.close()
        await session.close()
        assert peer.methods() == ["DESCRIBE", "SETUP", "PLAY", "TEARDOWN"]
        assert peer.asked[-1][1]["Session"] == "5"


async def test_session_other_channel_numbers_are_believed() -> None:
    peer = Peer()
    peer.answers["SETUP"] = "200 OK\r\nSession: 5\r\nTransport: RTP/AVP/TCP;interleaved=6\r\n\r\n"
    report = bytes([0x81, 203, 0, 1]) + bytes(4)
    peer.media = key_frame(1, 9000, channel=6) + b"$\x07\x00\x08" + report
    async with serving(peer) as request:
        session = await opened(request)
        assert len(await session.read()) == 1
        assert await session.read() == []
        await session.close()


@pytest.mark.parametrize("method", ["ANNOUNCE", "TEARDOWN"])
async def test_session_recorder_that_announces_the_end(method: str) -> None:
    peer = Peer()
    peer.media = (
        key_frame(1, 9000) + rtp(2, 12_600, SLICE, kind=0x60) + f"{method} * RTSP/1.0\r\nCSeq: 8\r\n\r\n".encode()
    )
    async with serving(peer) as request:
        session = await opened(request)
        found = []
        while samples := await session.read():
            found += samples
        assert len(found) == 2
        await session.close()
        assert "ANSWER" in peer.methods()


async def test_session_is_kept_alive_and_falls_back_to_options() -> None:
    peer = Peer()
    peer.answers["SETUP"] = "200 OK\r\nSession: 5;timeout=2\r\n\r\n"
    peer.answers["GET_PARAMETER"] = "501 Not Implemented\r\n\r\n"
    peer.media = key_frame(1, 9000)
    async with serving(peer) as request:
        session = await opened(request)
        await session.read()
        with pytest.raises(NvrTimeoutError):
            await session.read(3.2)
        assert peer.methods()[3:] == ["GET_PARAMETER", "OPTIONS", "OPTIONS"]
        assert all(headers["Session"] == "5" for _, headers in peer.asked[3:])
        await session.close()


@pytest.mark.parametrize(("status", "error"), [("454 Session Not Found", NvrUnreachableError), ("401 No", None)])
async def test_session_keep_alive_that_is_refused(status: str, error: type[Exception] | None) -> None:
    peer = Peer()
    peer.answers["SETUP"] = "200 OK\r\nSession: 5;timeout=2\r\n\r\n"
    challenge = 'WWW-Authenticate: Digest realm="r", nonce="n", stale="true"\r\n' if error is None else ""
    peer.answers["GET_PARAMETER"] = f"{status}\r\n{challenge}\r\n"
    async with serving(peer) as request:
        session = await opened(request)
        with pytest.raises(error or NvrTimeoutError):
            await session.read(2.3)
        if error is None:
            assert "Authorization" in peer.asked[-1][1]
        await session.close()


@pytest.mark.parametrize("seen", [False, True])
async def test_session_times_out_without_media(seen: bool) -> None:
    peer = Peer()
    peer.media = key_frame(1, 9000) if seen else b""
    async with serving(peer) as request:
        session = await opened(request)
        if seen:
            await session.read()
        with pytest.raises(NvrTimeoutError, match="sends nothing"):
            await session.read()
        await session.close()
        assert peer.methods()[-1] == "TEARDOWN"


@pytest.mark.parametrize(
    ("method", "answer", "error"),
    [
        ("DESCRIBE", b"HTTP/1.1 200 OK\r\n\r\n", NvrResponseError),
        ("DESCRIBE", "200 OK\r\n\r\n", NvrResponseError),
        ("DESCRIBE", "404 Not Found\r\n\r\n", NvrNotFoundError),
        ("DESCRIBE", "200 OK\r\nContent-Length: 19\r\n\r\nm=audio 0 RTP/AVP 8", NvrUnsupportedError),
        ("DESCRIBE", "200 OK\r\nContent-Length: 20\r\n\r\nm=video 0 RTP/AVP 26", NvrUnsupportedError),
        ("DESCRIBE", "401 No\r\nWWW-Authenticate: Negotiate\r\n\r\n", NvrUnsupportedError),
        ("DESCRIBE", '401 No\r\nWWW-Authenticate: Basic realm="r"\r\n\r\n', NvrInsecureLoginError),
        ("DESCRIBE", f"200 OK\r\nContent-Base: rtsp://[x\r\nContent-Length: {len(SDP)}\r\n\r\n{SDP}", NvrResponseError),
        ("SETUP", "200 OK\r\n\r\n", NvrResponseError),
        ("SETUP", "461 Unsupported Transport\r\n\r\n", NvrUnsupportedError),
        ("PLAY", "", NvrTimeoutError),
        ("PLAY", "500 Internal\r\n\r\n", NvrResponseError),
    ],
)  # fmt: skip
async def test_session_that_does_not_open(method: str, answer: str | bytes, error: type[Exception]) -> None:
    peer = Peer()
    peer.answers[method] = answer
    async with serving(peer) as request:
        with pytest.raises(error):
            await opened(request)
        assert ("TEARDOWN" in peer.methods()) == (method == "PLAY")


async def test_session_endless_stale_challenges_end() -> None:
    peer = Peer()
    peer.answers["DESCRIBE"] = '401 No\r\nWWW-Authenticate: Digest realm="r", nonce="n", stale=true\r\n\r\n'
    async with serving(peer) as request:
        with pytest.raises(NvrResponseError, match="stop asking"):
            await opened(request)
        assert peer.methods() == ["DESCRIBE"] * 3


async def test_session_without_a_user_is_no_counted_refusal() -> None:
    peer = Peer()
    peer.answers["DESCRIBE"] = '401 No\r\nWWW-Authenticate: Digest realm="r", nonce="n"\r\n\r\n'
    async with serving(peer) as request:
        guard = Guard()
        bare = PlaybackRequest(RtspAddress(request.address.url), request.start, request.end)
        with pytest.raises(NvrAuthError, match="none is set"):
            await RtspSession.open(bare, guard, limits=LIMITS)
        assert guard.refusals == 0


async def test_session_cancelled_while_it_is_set_up_is_torn_down() -> None:
    peer = Peer()

    async def slow(_: Peer) -> str:
        await asyncio.sleep(0.15)
        return "200 OK\r\nSession: 5\r\n\r\n"

    peer.answers["SETUP"] = slow
    async with serving(peer) as request:
        opening = asyncio.create_task(opened(request))
        async with asyncio.timeout(2):
            while "SETUP" not in peer.methods():
                await asyncio.sleep(0.01)
        opening.cancel()
        with pytest.raises(asyncio.CancelledError):
            await opening
        assert peer.methods() == ["DESCRIBE", "SETUP", "TEARDOWN"]


async def test_session_recorder_that_hangs_at_the_end_delays_nobody() -> None:
    peer = Peer()
    peer.answers["TEARDOWN"] = ""
    async with serving(peer) as request:
        session = await opened(request)
        # The limit is 0.3 s; without one it would wait for ever.
        async with asyncio.timeout(60):
            await session.close()


async def test_session_answer_without_cseq_is_taken() -> None:
    peer = Peer()
    peer.answers["PLAY"] = b"RTSP/1.0 453 Not Enough Bandwidth\r\n\r\n"
    async with serving(peer) as request:
        with pytest.raises(Exception, match="453"):
            await opened(request)


async def test_session_flood_before_an_answer_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("custom_components.nvr.media.rtsp.connection._MAX_EARLY_FRAMES", 50)
    peer = Peer()
    peer.answers["PLAY"] = b"$\x00\x00\x00" * 100
    async with serving(peer) as request:
        with pytest.raises(NvrResponseError, match="no answer"):
            await opened(request)


async def test_session_connection_that_is_cut_is_unreachable() -> None:
    peer = Peer()
    async with serving(peer) as request:
        session = await opened(request)
        assert peer.writer is not None
        peer.writer.close()
        with pytest.raises(NvrUnreachableError):
            await session.read()
        await session.close()


@pytest.mark.parametrize("url", ["rtsps://127.0.0.1/x", "rtsp:///x"])
async def test_session_addresses_it_cannot_use(url: str) -> None:
    request = PlaybackRequest(RtspAddress(url), START, START + timedelta(hours=1))
    with pytest.raises(NvrUnsupportedError):
        await opened(request)


async def test_session_key_frame_without_sets_is_an_error() -> None:
    peer = Peer()
    peer.media = rtp(1, 9000, IDR)
    async with serving(peer) as request:
        session = await opened(request)
        with pytest.raises(NvrResponseError, match="parameter set"):
            await session.read()
        await session.close()


async def test_session_frames_dated_before_the_first_report_are_corrected() -> None:
    peer = Peer()
    seconds = 2_208_988_800 + int(START.timestamp()) - 3
    report = struct.pack(">BBHIIIIII", 0x80, 200, 6, 1, seconds, 0, 9000, 0, 0)
    peer.media = key_frame(1, 9000) + b"$\x01" + len(report).to_bytes(2) + report + rtp(2, 12_600, SLICE)
    async with serving(peer) as request:
        session = await opened(request)
        samples = await session.read()
        while len(samples) < 2:
            samples += await session.read()
        start = int(START.timestamp()) * 90_000
        first = samples[0].time + (session.correction if samples[0].time == start else 0)
        assert (first - start, samples[1].time - start) == (-270_000, -266_400)
        await session.close()


def test_credentials_never_reach_a_request_line() -> None:
    assert bare_url(" rtsp://user:p%40ss@10.0.0.9:554/x?a=1\n") == "rtsp://10.0.0.9:554/x?a=1"
