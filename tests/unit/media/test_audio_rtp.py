"""Packets of sound."""

from hypothesis import given, strategies as st

from custom_components.nvr.media.rtsp import audio_rtp
from custom_components.nvr.media.rtsp.audio_rtp import (
    AacDepacketizer,
    AudioDepacketizer,
    AudioPacket,
    LatmDepacketizer,
    SampleDepacketizer,
)
from custom_components.nvr.media.rtsp.rtp import RtpPacket


def packet(sequence: int, payload: bytes, timestamp: int = 0, *, marker: bool = True) -> RtpPacket:
    return RtpPacket(104, marker, sequence & 0xFFFF, timestamp, 1, payload)


def hbr(*frames: bytes, announced: int | None = None) -> bytes:
    """Return frames behind their table, as AAC-hbr has it."""
    sizes = [len(frame) for frame in frames] if announced is None else [announced]
    table = b"".join((size << 3).to_bytes(2) for size in sizes)
    return (16 * len(sizes)).to_bytes(2) + table + b"".join(frames)


def test_samples_are_the_payload_and_twins_are_left_out() -> None:
    found = SampleDepacketizer()
    assert found.push(packet(65_535, b"ab", 5)) == [AudioPacket(5, b"ab")]
    assert found.push(packet(0, b"", 7)) == []
    assert found.push(packet(65_535, b"ab", 5)) == []
    assert found.push(packet(3, b"cd", 9)) == [AudioPacket(9, b"cd")]
    assert found.lost == 1


def test_aac_several_frames_in_a_packet_count_on() -> None:
    assert AacDepacketizer().push(packet(1, hbr(b"one", b"four", b"x"), 1000)) == [
        AudioPacket(1000, b"one"), AudioPacket(2024, b"four"), AudioPacket(3048, b"x"),
    ]  # fmt: skip


def test_aac_other_widths_and_none() -> None:
    # Six bits of length and two of index, as AAC-lbr has it.
    lbr = AacDepacketizer(6, 2, 2, 2048)
    assert lbr.push(packet(1, b"\x00\x10" + bytes([3 << 2, 2 << 2]) + b"abcde", 10)) == [
        AudioPacket(10, b"abc"), AudioPacket(2058, b"de"),
    ]  # fmt: skip
    bare = AacDepacketizer(0, 0, 0)
    assert bare.push(packet(1, b"abc", 4)) == [AudioPacket(4, b"abc")]
    assert bare.push(packet(2, b"", 4)) == []


def test_aac_frame_in_several_packets_is_joined() -> None:
    found = AacDepacketizer()
    assert found.push(packet(1, hbr(b"abc", announced=8), 9, marker=False)) == []
    assert found.push(packet(2, hbr(b"de", announced=8), 9, marker=False)) == []
    assert found.push(packet(3, hbr(b"fgh", announced=8), 9)) == [AudioPacket(9, b"abcdefgh")]
    assert found.push(packet(4, hbr(b"whole"), 10)) == [AudioPacket(10, b"whole")]


def test_aac_frame_with_a_piece_missing_is_left_out() -> None:
    found = AacDepacketizer()
    assert found.push(packet(1, hbr(b"abc", announced=8), marker=False)) == []
    assert found.push(packet(3, hbr(b"fgh", announced=8))) == []
    assert found.push(packet(4, hbr(b"next"), 5)) == [AudioPacket(5, b"next")]


def test_aac_table_that_lies_is_not_believed() -> None:
    found = AacDepacketizer()
    assert found.push(packet(1, hbr(b"abc", b"") + b"rest")) == [AudioPacket(0, b"abc")]
    assert found.push(packet(2, b"\x00\x20\x00\x18\xff\xf8abc", 3)) == [AudioPacket(3, b"abc")]
    assert found.push(packet(3, b"\xff\xff\x00")) == []


def test_latm_frames_behind_their_lengths() -> None:
    found = LatmDepacketizer()
    long = bytes(300)
    assert found.push(packet(1, b"\x03abc", 5)) == [AudioPacket(5, b"abc")]
    assert found.push(packet(2, b"\xff\x2d" + long[:100], 7, marker=False)) == []
    assert found.push(packet(3, long[100:] + b"\x02xy", 7)) == [AudioPacket(7, long), AudioPacket(1031, b"xy")]
    assert found.push(packet(4, b"\x05ab", 8)) == []
    assert found.push(packet(5, b"\xff", 8)) == []
    assert found.push(packet(6, b"\x09abc", 9, marker=False)) == []
    assert found.push(packet(8, b"\x01z", 10)) == [AudioPacket(10, b"z")]


def test_frames_without_an_end_are_dropped() -> None:
    big = bytes(audio_rtp._MAX_FRAME)
    for found, first in ((AacDepacketizer(), hbr(big[:8000], announced=8191)), (LatmDepacketizer(), big)):
        assert found.push(packet(0, first, marker=False)) == []
        for sequence in range(1, 10):
            assert found.push(packet(sequence, first, marker=False)) == []
        assert len(found._partial) <= audio_rtp._MAX_FRAME


@given(st.lists(st.tuples(st.binary(max_size=40), st.booleans()), max_size=8))
def test_any_bytes_are_survived(payloads: list[tuple[bytes, bool]]) -> None:
    kinds: tuple[AudioDepacketizer, ...] = (AacDepacketizer(), AacDepacketizer(6, 2, 2), LatmDepacketizer())
    for found in kinds:
        for sequence, (payload, marker) in enumerate(payloads):
            for unit in found.push(packet(sequence, payload, marker=marker)):
                assert unit.data
