"""RTSP messages: any split, frames between answers, and limits."""

from hypothesis import given, strategies as st
import pytest

from custom_components.nvr.core.errors import NvrResponseError
from custom_components.nvr.media.rtsp.messages import (
    Incoming,
    InterleavedFrame,
    MessageParser,
    Response,
    ServerRequest,
    build_answer,
    build_request,
)

ANSWER = b"RTSP/1.0 200 OK\r\nCSeq: 3\r\nSession: 77;timeout=60\r\nContent-Length: 5\r\n\r\nhello"
FRAME = b"$\x01\x00\x03abc"
ANNOUNCE = b"ANNOUNCE rtsp://10.0.0.9/x RTSP/1.0\nCSeq: 9\n\n"
STREAM = b"\r\n" + ANSWER + FRAME + b"\r\n" + ANNOUNCE + b"$\x00\x00\x00" + b"RTSP/1.0 404\r\n\r\n"


def feed(data: bytes, *cuts: int) -> list[Incoming]:
    parser = MessageParser()
    found: list[Incoming] = []
    for start, end in zip((0, *cuts), (*cuts, len(data)), strict=True):
        found += parser.feed(data[start:end])
    return found


def test_parser_reads_answers_frames_and_requests() -> None:
    answer, frame, announce, empty, missing = feed(STREAM)
    assert isinstance(answer, Response)
    assert (answer.status, answer.reason, answer.body, answer.number("cseq")) == (200, "OK", b"hello", 3)
    assert answer.get("session") == "77;timeout=60"
    assert answer.number("session") is None
    assert answer.get("nothing") is None
    assert frame == InterleavedFrame(1, b"abc")
    assert isinstance(announce, ServerRequest)
    assert announce.method == "ANNOUNCE"
    assert build_answer(announce) == b"RTSP/1.0 200 OK\r\nCSeq: 9\r\n\r\n"
    assert empty == InterleavedFrame(0, b"")
    assert isinstance(missing, Response)
    assert (missing.status, missing.reason) == (404, "")


@given(st.lists(st.integers(0, len(STREAM)), max_size=12))
def test_parser_any_split_reads_the_same(cuts: list[int]) -> None:
    assert feed(STREAM, *sorted(cuts)) == feed(STREAM)


def test_parser_keeps_repeated_and_folded_headers() -> None:
    (answer,) = feed(
        b'RTSP/1.0 401 Unauthorized\r\nWWW-Authenticate: Basic realm="a"\r\nwww-authenticate: Digest\r\n\trealm="b"'
        b'\r\n  , nonce="c"\r\nno colon here\r\n\r\n'
    )  # fmt: skip
    assert isinstance(answer, Response)
    assert answer.all("www-authenticate") == ('Basic realm="a"', 'Digest realm="b" , nonce="c"')


def test_parser_request_with_body() -> None:
    (request,) = feed(b"SET_PARAMETER * RTSP/1.0\r\nContent-Length: 2\r\n\r\nok")
    assert isinstance(request, ServerRequest)
    assert request.body == b"ok"
    assert build_answer(request) == b"RTSP/1.0 200 OK\r\nCSeq: 0\r\n\r\n"


@pytest.mark.parametrize(
    "data",
    [
        b"HTTP/1.1 200 OK\r\n\r\n",
        b"RTSP/1.0\r\n\r\n",
        b"RTSP/1.0 20 OK\r\n\r\n",
        b"RTSP/1.0 abc OK\r\n\r\n",
        b"\x00\x01\x02\x03\r\n\r\n",
        b"describe x RTSP/1.0\r\n\r\n",
        b"RTSP/1.0 200 OK\r\n" + b"a: b\r\n" * 200 + b"\r\n",
        b"RTSP/1.0 200 OK\r\nContent-Length: 999999999\r\n\r\n",
        b"RTSP/1.0 200 OK\r\na: " + b"x" * 20_000,
        b"RTSP/1.0 200 OK\r\na: " + b"x" * 20_000 + b"\r\n\r\n",
    ],
    ids=range(10),
)
def test_parser_refuses_what_is_no_rtsp(data: bytes) -> None:
    with pytest.raises(NvrResponseError):
        feed(data)


def test_request_is_written_as_asked() -> None:
    text = build_request("PLAY", "rtsp://10.0.0.9/x?a=1", 4, {"Session": "77"})
    assert text == b"PLAY rtsp://10.0.0.9/x?a=1 RTSP/1.0\r\nCSeq: 4\r\nSession: 77\r\n\r\n"


@pytest.mark.parametrize("value", ["a\r\nEvil: 1", "a\nb"])
def test_request_that_would_break_out_of_its_line_is_refused(value: str) -> None:
    with pytest.raises(ValueError, match="line break"):
        build_request("PLAY", "rtsp://x", 1, {"Session": value})
