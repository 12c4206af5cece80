"""One stored key picture in all the forms it is answered in."""

from base64 import b64encode
import json

import pytest

from custom_components.nvr.core.drivers.dahua.wire_picture import codec_of, payload, question

H264 = b"\x00\x00\x00\x01\x67\x42\x00\x1e\x00\x00\x00\x01\x68\xce\x38\x80\x00\x00\x01\x65\x88\x84\x00\x10"
H265 = (
    b"\x00\x00\x00\x01\x40\x01\x0c\x01\x00\x00\x00\x01\x42\x01\x01\x01\x00\x00\x00\x01\x44\x01\xc1\x72"
    b"\x00\x00\x01\x26\x01\xaf\x08\x10"
)
MARK = b"--frontier"


def multipart(*parts: tuple[bytes, bytes]) -> bytes:
    return b"".join(MARK + b"\r\n" + head + b"\r\n\r\n" + body + b"\r\n" for head, body in parts) + MARK + b"--\r\n"


def in_json(data: object) -> bytes:
    return json.dumps({"result": True, "params": {"body": data}}).encode()


@pytest.mark.parametrize(("data", "codec"), [(H264, "h264"), (H265, "h265")])
def test_every_form_holds_the_same(data: bytes, codec: str) -> None:
    text = b64encode(data)
    kind = "multipart/mixed; boundary=frontier"
    told = (b"Content-Type: application/json\r\nContent-Length: 2", b"{}")
    within = data + b"\r\n" + MARK + b" by chance"
    for content_type, body, wanted in (
        ("application/json", in_json(text.decode()), data),
        ("text/plain", text + b"\r\n", data),
        ("application/octet-stream", data, data),
        (kind, multipart(told, (b"Content-Type: application/http", data)), data),
        (kind, multipart((b"Content-Type: application/http", text)), data),
        (
            'multipart/mixed; boundary="frontier"',
            multipart(told, (b"Content-Length: %d" % len(within), within)),
            within,
        ),
    ):
        found = payload(content_type, body)
        assert found == wanted, (content_type, body)
        assert codec_of(found) == codec


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"{}",
        in_json(None),
        in_json("@@@"),
        b'{"params": []}',
        b"[" * 100_000,
        b"AAAAA",
        b"\xff\xd8\xff\xd9",
        H264[:12],
        H265[:8],
        # Parameter sets and a picture that depends on others.
        H264.replace(b"\x65", b"\x61"),
        MARK,
        MARK + b"\r\nContent-Length: 5",
    ],
)
def test_what_holds_no_picture_is_none(body: bytes) -> None:
    for content_type in ("application/json", "multipart/mixed; boundary=frontier", ""):
        assert codec_of(payload(content_type, body)) == ""


def test_a_question_counts_channels_from_zero() -> None:
    infos = question(4, "2026-04-29 03:00:00", "Main")["Infos"]
    assert infos == {"Channel": 4, "Time": "2026-04-29 03:00:00", "VideoStream": "Main"}
