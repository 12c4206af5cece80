"""RTP, RTCP, and pictures out of packets."""

from hypothesis import given, strategies as st
import pytest

from custom_components.nvr.media.rtsp import rtp
from custom_components.nvr.media.rtsp.rtp import (
    AccessUnit,
    Depacketizer,
    Goodbye,
    H264Depacketizer,
    H265Depacketizer,
    RtpPacket,
    SenderReport,
    parse_rtcp,
    parse_rtp,
)

SPS, PPS, SEI = b"\x67sps", b"\x68pps", b"\x06sei"
IDR, SLICE = b"\x65" + bytes(range(200)), b"\x41" + bytes(range(100))


def packet(sequence: int, timestamp: int, payload: bytes, *, marker: bool = False) -> RtpPacket:
    return RtpPacket(96, marker, sequence & 0xFFFF, timestamp, 1, payload)


def fu(nal: bytes, size: int) -> list[bytes]:
    head = bytes([(nal[0] & 0xE0) | 28])
    parts = [nal[1:][i : i + size] for i in range(0, len(nal) - 1, size)]
    last = len(parts) - 1
    return [
        head + bytes([(0x80 if i == 0 else 0) | (0x40 if i == last else 0) | (nal[0] & 0x1F)]) + part
        for i, part in enumerate(parts)
    ]


def aggregate(*nals: bytes) -> bytes:
    return b"\x78" + b"".join(len(nal).to_bytes(2) + nal for nal in nals)


def picture(payloads: list[bytes], timestamp: int, sequence: int) -> list[RtpPacket]:
    last = len(payloads) - 1
    return [packet(sequence + i, timestamp, part, marker=i == last) for i, part in enumerate(payloads)]


def push(depacketizer: Depacketizer, packets: list[RtpPacket]) -> list[AccessUnit]:
    return [unit for item in packets for unit in depacketizer.push(item)]


def test_rtp_header_with_everything() -> None:
    plain = bytes([0x80, 0xE0, 0x12, 0x34]) + (5).to_bytes(4) + (6).to_bytes(4) + b"data"
    assert parse_rtp(plain) == RtpPacket(96, True, 0x1234, 5, 6, b"data")
    full = bytes([0xB1, 0x60, 0, 1]) + bytes(8) + b"CSRC" + b"\xab\xac\x00\x01" + b"EXT4" + b"data" + b"\x00\x02"
    parsed = parse_rtp(full)
    assert parsed is not None
    assert parsed.payload == b"data"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        bytes(12),
        bytes([0x90, 0x60]) + bytes(10),
        bytes([0x80 | 15, 96]) + bytes(10),
        bytes([0xA0, 96]) + bytes(9) + b"\xff",
    ],
    ids=range(5),
)
def test_rtp_that_is_none(data: bytes) -> None:
    assert parse_rtp(data) is None


@given(st.binary(max_size=80))
def test_rtp_and_rtcp_any_bytes_are_harmless(data: bytes) -> None:
    parse_rtp(data)
    parse_rtcp(data)
    for depacketizer in (H264Depacketizer(), H265Depacketizer()):
        depacketizer.push(packet(1, 1, data, marker=True))


def test_rtcp_compound() -> None:
    report = bytes([0x80, 200, 0, 6]) + (9).to_bytes(4) + (77 << 32 | 5).to_bytes(8) + (1234).to_bytes(4) + bytes(8)
    names = bytes([0x81, 202, 0, 1]) + bytes(4)
    bye = bytes([0x81, 203, 0, 1]) + (9).to_bytes(4)
    assert parse_rtcp(report + names + bye) == [SenderReport(9, 77 << 32 | 5, 1234), Goodbye(9)]
    assert parse_rtcp(report + bye[:6]) == [SenderReport(9, 77 << 32 | 5, 1234)]
    assert parse_rtcp(bytes([0x80, 200, 0, 1]) + bytes(4)) == []
    assert parse_rtcp(bytes([0x80, 203, 0, 0]) + bytes(4)) == []
    assert parse_rtcp(bytes([0x80, 200, 0, 9]) + bytes(4)) == []


def test_h264_single_aggregate_and_fragments() -> None:
    depacketizer = H264Depacketizer()
    packets = picture([aggregate(SPS, PPS), SEI, *fu(IDR, 40)], 1000, 65_533)
    packets += picture([SLICE], 4600, 65_533 + len(packets))
    first, second = push(depacketizer, packets)
    assert (first.nals, first.key, first.timestamp) == ([SPS, PPS, SEI, IDR], True, 1000)
    assert (second.nals, second.key) == ([SLICE], False)
    assert depacketizer.lost == 0


def test_h264_new_timestamp_ends_a_picture_without_marker() -> None:
    depacketizer = H264Depacketizer()
    assert push(depacketizer, [packet(1, 10, IDR)]) == []
    assert [unit.timestamp for unit in push(depacketizer, [packet(2, 20, SLICE)])] == [10]
    assert [unit.timestamp for unit in depacketizer.flush()] == [20]
    assert depacketizer.flush() == []


def test_h264_marker_on_parameter_sets_ends_nothing() -> None:
    depacketizer = H264Depacketizer()
    packets = [packet(1, 10, SPS, marker=True), packet(2, 10, PPS, marker=True), packet(3, 10, IDR, marker=True)]
    (unit,) = push(depacketizer, packets)
    assert unit.nals == [SPS, PPS, IDR]


def test_h264_nothing_before_the_first_key_frame() -> None:
    depacketizer = H264Depacketizer()
    assert push(depacketizer, picture([SLICE], 10, 1)) == []
    assert len(push(depacketizer, picture([IDR], 20, 2))) == 1


@pytest.mark.parametrize("lost", range(1, 6))
def test_h264_after_a_loss_waits_for_a_key_frame(lost: int) -> None:
    depacketizer = H264Depacketizer()
    packets = picture([IDR], 10, 0)
    packets += picture(fu(SLICE, 20), 20, 1)
    packets += picture([SLICE], 30, 6)
    packets += picture([IDR], 40, 7)
    del packets[lost]
    units = push(depacketizer, packets)
    assert [unit.timestamp for unit in units] == [10, 40]
    assert depacketizer.lost == 1


def test_h264_copies_and_late_packets_are_ignored() -> None:
    depacketizer = H264Depacketizer()
    packets = picture([IDR], 10, 5) + picture([IDR], 10, 5) + picture([SLICE], 20, 6) + picture([SLICE], 10, 4)
    assert [unit.timestamp for unit in push(depacketizer, packets)] == [10, 20]


def test_h264_broken_payloads_spoil_only_their_picture() -> None:
    short = aggregate(SPS) + b"\x00\xffabc"
    for bad in (short, fu(SLICE, 20)[1], fu(SLICE, 20)[0]):
        depacketizer = H264Depacketizer()
        packets = picture([IDR], 10, 1) + picture([bad], 20, 2) + picture([SLICE], 30, 3) + picture([IDR], 40, 4)
        assert [unit.timestamp for unit in push(depacketizer, packets)] == [10, 40], bad


def test_h264_fragment_begun_twice_is_broken() -> None:
    depacketizer = H264Depacketizer()
    parts = fu(SLICE, 30)
    packets = picture([IDR], 10, 1) + picture([parts[0], *parts], 20, 2)
    assert [unit.timestamp for unit in push(depacketizer, packets)] == [10]


def test_h264_unknown_kinds_and_empty_units_are_left_out() -> None:
    depacketizer = H264Depacketizer()
    (unit,) = push(depacketizer, picture([b"", b"\x7f?", b"\x7c", aggregate(b"", SPS), IDR], 10, 1))
    assert unit.nals == [SPS, IDR]


def test_h264_pictures_too_large_are_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rtp, "_MAX_UNIT", 150)
    depacketizer = H264Depacketizer()
    assert push(depacketizer, picture([IDR], 10, 1)) == []
    assert push(depacketizer, picture(fu(IDR, 40), 20, 2)) == []
    small = b"\x65ok"
    assert len(push(depacketizer, picture([small], 30, 7))) == 1


def test_h265_single_aggregate_and_fragments() -> None:
    vps, sps, pps = b"\x40\x01v", b"\x42\x01s", b"\x44\x01p"
    idr, trail = b"\x26\x01" + bytes(range(100)), b"\x02\x01" + bytes(50)
    head = bytes([(idr[0] & 0x81) | (49 << 1), idr[1]])
    fragments = [head + b"\x93" + idr[2:40], head + b"\x13" + idr[40:80], head + b"\x53" + idr[80:]]
    aggregate = b"\x60\x01" + b"".join(len(nal).to_bytes(2) + nal for nal in (vps, sps, pps))
    depacketizer = H265Depacketizer()
    packets = picture([aggregate, *fragments], 10, 1) + picture([trail, b"\x64\x01paci", b"\x02"], 20, 5)
    first, second = push(depacketizer, packets)
    assert (first.nals, first.key) == ([vps, sps, pps, idr], True)
    assert (second.nals, second.key) == ([trail], False)
