"""What a demuxer makes of bytes that come in pieces."""

from itertools import pairwise
from typing import Protocol

from custom_components.nvr.media.cover import Sample
from custom_components.nvr.media.sources.demux import Pieces


class Demuxer(Protocol):
    def feed(self, data: bytes) -> Pieces: ...
    def close(self) -> Pieces: ...


def read_pieces(demuxer: Demuxer, data: bytes, cuts: list[int] | None = None) -> tuple[list[Sample], int]:
    """Return the frames of a stream that is cut at places (of any size), and how many pieces of sound it had."""
    samples: list[Sample] = []
    sound = 0
    edges = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts or [])})
    for begin, end in pairwise(edges):
        pieces = demuxer.feed(data[begin:end])
        samples += pieces.samples
        sound += len(pieces.units)
    pieces = demuxer.close()
    return samples + pieces.samples, sound + len(pieces.units)
