"""The header of the media socket's messages, byte by byte."""

import pytest

from custom_components.nvr.core.errors import NvrResponseError
from custom_components.nvr.media.streaming.frames import Frame, Kind, pack, unpack
from custom_components.nvr.media.ticks import RATE


def test_header_is_version_kind_stream_and_milliseconds() -> None:
    data = pack(Kind.KEY, 0x1234, 1_795_000_000 * RATE + RATE // 4, b"moof")
    assert data == bytes([1, 2, 0x12, 0x34]) + (1_795_000_000_250).to_bytes(8) + b"moof"
    assert unpack(data) == Frame(Kind.KEY, 0x1234, 1_795_000_000_250, b"moof")


@pytest.mark.parametrize("data", [b"", bytes(11), b"\x02" + bytes(11), b"\x01\x06" + bytes(10)])
def test_what_is_no_message_is_refused(data: bytes) -> None:
    with pytest.raises(NvrResponseError):
        unpack(data)


def test_moment_before_the_epoch_is_none() -> None:
    assert unpack(pack(Kind.INIT, 1, -5)).moment == 0
