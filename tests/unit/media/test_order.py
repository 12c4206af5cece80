"""Packets that overtake one another are put back into their order; those that never come hold nobody up for long."""

from random import Random

from hypothesis import given, strategies as st

from custom_components.nvr.media.rtsp.order import PATIENCE, PacketOrder
from custom_components.nvr.media.rtsp.rtp import RtpPacket


def packet(sequence: int) -> RtpPacket:
    return RtpPacket(96, False, sequence & 0xFFFF, 0, 1, b"")


def through(order: PacketOrder, sequences: list[int]) -> list[int]:
    given_out = [item.sequence for sequence in sequences for item in order.push(packet(sequence))]
    return given_out + [item.sequence for item in order.flush()]


def test_order_in_order_holds_nothing() -> None:
    order = PacketOrder()
    for sequence in (65_534, 65_535, 0, 1):
        assert [item.sequence for item in order.push(packet(sequence))] == [sequence]
    assert order.flush() == []


@given(first=st.integers(0, 0xFFFF), seed=st.integers(0, 1000))
def test_order_is_restored_over_the_wrap(first: int, seed: int) -> None:
    wanted = [(first + n) & 0xFFFF for n in range(200)]
    shaken = [wanted[0]]
    for start in range(1, 200, PATIENCE):
        block = wanted[start : start + PATIENCE]
        Random(seed + start).shuffle(block)
        shaken += block
    assert through(PacketOrder(), shaken) == wanted


def test_order_gives_up_what_never_comes() -> None:
    order = PacketOrder()
    given_out = [len(order.push(packet(sequence))) for sequence in (5, *range(7, 7 + PATIENCE + 1))]
    assert given_out == [1, *[0] * PATIENCE, PATIENCE + 1]
    assert [item.sequence for item in order.push(packet(16))] == [16]


def test_order_passes_on_what_comes_too_late_or_twice() -> None:
    order = PacketOrder()
    assert through(order, [5, 6, 5, 4]) == [5, 6, 5, 4]


def test_order_begins_anew_after_a_flush() -> None:
    order = PacketOrder()
    assert through(order, [5, 7]) == [5, 7]
    assert through(order, [900]) == [900]
