"""Bits and bytes of NAL units, the same in H.264 and H.265 (7.3 of both)."""

from ..core.errors import NvrResponseError


class BitReader:
    """Reads the bits of a NAL unit, emulation prevention taken out. Raises NvrResponseError past the end."""

    def __init__(self, data: bytes) -> None:
        """Start at the first bit."""
        self._value = int.from_bytes(data)
        self._left = 8 * len(data)

    def bits(self, count: int) -> int:
        """Return the next bits as an unsigned number."""
        if count > self._left:
            msg = "a parameter set that ends too early"
            raise NvrResponseError(msg)
        self._left -= count
        return (self._value >> self._left) & ((1 << count) - 1)

    def ue(self) -> int:
        """Return an unsigned Exp-Golomb number."""
        zeros = 0
        while not self.bits(1):
            zeros += 1
            if zeros > 32:
                msg = "a parameter set with a broken number"
                raise NvrResponseError(msg)
        return (1 << zeros) - 1 + self.bits(zeros)

    def se(self) -> int:
        """Return a signed Exp-Golomb number."""
        value = self.ue()
        return (value + 1) // 2 if value % 2 else -(value // 2)


def unescape(nal: bytes) -> bytes:
    """Return a NAL unit without its emulation prevention bytes."""
    parts: list[bytes] = []
    start = 0
    while (found := nal.find(b"\x00\x00\x03", start)) >= 0:
        parts.append(nal[start : found + 2])
        start = found + 3
    return b"".join((*parts, nal[start:]))


def split_annexb(data: bytes) -> list[bytes]:
    """Return the NAL units of a byte stream with start codes of three or four bytes."""
    pieces = data.split(b"\x00\x00\x01")[1:]
    return [nal for nal in (piece.rstrip(b"\x00") for piece in pieces) if nal]


def length_prefixed(nals: list[bytes]) -> bytes:
    """Return a sample: every NAL unit with its length in four bytes before it."""
    return b"".join(part for nal in nals for part in (len(nal).to_bytes(4), nal))
