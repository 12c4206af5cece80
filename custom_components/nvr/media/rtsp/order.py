"""RTP packets in the order in which they were sent, whatever the order in which they came. Pure."""

from typing import Final

from .rtp import RtpPacket

# Packets that may overtake a missing one before it counts as lost: recorders swap neighbours, they do not shuffle.
PATIENCE: Final = 8
_HALF_RANGE: Final = 0x8000


class PacketOrder:
    """Holds packets back while one before them is missing; sequence numbers are 16 bits and wrap."""

    def __init__(self) -> None:
        """Begin with whatever comes first."""
        self._next: int | None = None
        self._held: dict[int, RtpPacket] = {}

    def push(self, packet: RtpPacket) -> list[RtpPacket]:
        """Take one packet and return those whose turn it is; what is late or came twice is passed on as it is."""
        if self._next is None:
            self._next = packet.sequence
        ahead = (packet.sequence - self._next) & 0xFFFF
        if ahead >= _HALF_RANGE:
            return [packet]
        if ahead:
            self._held[packet.sequence] = packet
            if len(self._held) <= PATIENCE:
                return []
            self._next = min(self._held, key=self._distance)
            return self._take_turns([])
        self._next = (packet.sequence + 1) & 0xFFFF
        return self._take_turns([packet]) if self._held else [packet]

    def flush(self) -> list[RtpPacket]:
        """Return what is still held: nothing more will come."""
        held = [self._held[sequence] for sequence in sorted(self._held, key=self._distance)]
        self._held.clear()
        self._next = None
        return held

    def _distance(self, sequence: int) -> int:
        return (sequence - (self._next or 0)) & 0xFFFF

    def _take_turns(self, ready: list[RtpPacket]) -> list[RtpPacket]:
        while self._next is not None and (packet := self._held.pop(self._next, None)) is not None:
            ready.append(packet)
            self._next = (self._next + 1) & 0xFFFF
        return ready
