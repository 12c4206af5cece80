"""Downloads of any size at the speed of the line, for benchmarks: the packs of real files, without pictures in them."""

from collections.abc import AsyncIterator
from random import Random

from tests.simulators.mpegps import pack_header, padding, pes_packets

_PACK = 64 * 1024
_ROOM = 512
_VIDEO_ID = 0xE0
_TICKS = 3000
_AT_ONCE = 8


async def bulk_program_stream(size: int, head: bytes) -> AsyncIterator[bytes]:
    """Yield exactly `size` bytes of packs with video behind a vendor's own `head`."""
    packet = pes_packets(_VIDEO_ID, Random("bulk").randbytes(_PACK - _ROOM), 0)
    packet += padding(_PACK - len(pack_header(0)) - len(packet))
    yield head
    whole, rest = divmod(size - len(head), _PACK)
    # Some at a time: whoever is measured must not wait for the one who measures.
    for number in range(0, whole, _AT_ONCE):
        some = range(number, min(number + _AT_ONCE, whole))
        yield b"".join(part for each in some for part in (pack_header(each * _TICKS), packet))
    yield (pack_header(whole * _TICKS) + packet)[:rest]
