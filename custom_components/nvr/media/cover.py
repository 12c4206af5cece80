"""Exact cover (hls-vod 3, rules 9-11): what a segment holds, so that it lasts from its start to its end, to the tick.

Segments are cut between frames wherever the boundary falls. One that does not follow what the player already has
starts with the frames since the last key frame, squeezed into one tick each right before its first own frame.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from .fmp4 import TrackSample

MOST_BYTES = 64 * 1024 * 1024
"""More than a group of pictures holds."""
LOOK_AHEAD = 8
"""How many frames are looked at behind a cut once frames were seen out of order."""


@dataclass(slots=True)
class Sample:
    """One coded picture in decode order; `time` is when it is shown, in ticks since the epoch."""

    time: int
    key: bool
    data: bytes


def find_cut(samples: Sequence[Sample], begin: int, end: int, *, reordered: bool, complete: bool = False) -> int | None:
    """Return the index of the first sample of the next segment, at or behind `begin`; None when more must be read.

    With reordered frames a cut is where every frame before is shown before every frame behind. `complete` says that
    nothing more will come.
    """
    if not reordered:
        for index in range(begin, len(samples)):
            if samples[index].time >= end:
                return index
        return len(samples) if complete else None
    newest = None
    for index in range(begin, len(samples)):
        following = samples[index : index + LOOK_AHEAD]
        if len(following) < LOOK_AHEAD and not complete:
            return None
        earliest = min(sample.time for sample in following)
        if earliest >= end and (newest is None or earliest > newest):
            return index
        newest = max(samples[index].time, newest if newest is not None else samples[index].time)
    return len(samples) if complete else None


def head_of(samples: Sequence[Sample], begin: int) -> int | None:
    """Return the index of the last key frame before `begin`, or None; what lies between is the head."""
    return next((index for index in range(begin - 1, -1, -1) if samples[index].key), None)


def _times(body: Sequence[Sample], start: int, end: int, origin: int) -> tuple[list[int], list[int]]:
    """Return presentation and decode times from the origin on: decode times grow, and none is behind its frame."""
    shown = [min(max(sample.time, start), end - 1) - origin for sample in body]
    earliest = shown.index(min(shown))
    shown[earliest] = start - origin
    decode = list(shown)
    limit = end - origin
    for index in range(len(decode) - 1, -1, -1):
        limit = decode[index] = min(decode[index], limit - 1)
    decode[0] = start - origin
    for index in range(1, len(decode)):
        decode[index] = max(decode[index], decode[index - 1] + 1)
    return [max(pair) for pair in zip(shown, decode, strict=True)], decode


def cover(head: Sequence[Sample], body: Sequence[Sample], start: int, end: int, origin: int) -> list[TrackSample]:
    """Return the samples of the segment `[start, end)`; decode times count from `origin`.

    Without a body the last frame of the head is shown for the whole segment. Raises ValueError when both are empty.
    """
    if not body:
        head, body = head[:-1], head[-1:]
    if not body:
        msg = "a segment needs at least one frame"
        raise ValueError(msg)
    lead = max(start - len(head), origin)
    first = lead + len(head)
    shown, decode = _times(body, first, end, origin)
    done = [TrackSample(lead - origin + index, 1, sample.key, sample.data) for index, sample in enumerate(head)]
    ends = [*decode[1:], end - origin]
    done += [
        TrackSample(dts, stop - dts, sample.key, sample.data, pts - dts)
        for sample, dts, pts, stop in zip(body, decode, shown, ends, strict=True)
    ]
    return done
