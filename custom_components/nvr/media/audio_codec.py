"""Decode and encode sound with PyAV. Everything here blocks: it runs in the worker pool."""

from collections.abc import Sequence
from fractions import Fraction

import av

from .aac import FRAME, AacConfig, make_config
from .audio import AudioFormat, AudioGrid, AudioUnit, lay_samples

_LAYOUTS = {1: "mono", 2: "stereo"}
_WIDTH = 2
# The encoder begins this many frames early: its first ones lack what was heard before.
_RUN_UP = 3
_BIT_RATE = 32_000
_BIT_RATE_WIDE = 64_000


def _decoder(source: AudioFormat) -> av.AudioCodecContext:
    context = av.CodecContext.create(source.decoder, "r")
    if not isinstance(context, av.AudioCodecContext):
        raise TypeError(source.decoder)
    context.sample_rate = source.rate
    context.layout = _LAYOUTS.get(source.channels, "mono")
    if source.config is not None:
        context.extradata = source.config.data
    elif source.bits < 8:
        context.options = {"bits_per_coded_sample": str(source.bits)}
    return context


def _decode(units: Sequence[AudioUnit], source: AudioFormat, grid: AudioGrid, channels: int) -> list[tuple[int, bytes]]:
    """Return samples as s16 with their places in media time; what cannot be decoded is left out."""
    context = _decoder(source)
    resampler = av.AudioResampler(format="s16", layout=_LAYOUTS[channels], rate=grid.rate)
    pieces: list[tuple[int, bytes]] = []
    for unit in units:
        try:
            decoded = context.decode(av.Packet(unit.data))
        except av.FFmpegError:
            continue
        for frame in decoded:
            rate = frame.sample_rate
            frame.pts, frame.time_base = round(grid.sample(unit.time) * rate / grid.rate), Fraction(1, rate)
            pieces += [
                (made.pts or 0, bytes(made.planes[0])[: made.samples * _WIDTH * channels])
                for made in resampler.resample(frame)
            ]
    return pieces


def _encode(samples: bytes, config: AacConfig) -> dict[int, bytes]:
    """Return the AAC frames of a run of samples, by the number of the frame in it."""
    context = av.CodecContext.create("aac", "w")
    if not isinstance(context, av.AudioCodecContext):
        raise TypeError("aac")
    context.sample_rate, context.layout, context.format = config.rate, _LAYOUTS[config.channels], "fltp"
    context.bit_rate = _BIT_RATE * config.channels if config.rate <= 16_000 else _BIT_RATE_WIDE * config.channels
    context.time_base = Fraction(1, config.rate)
    count = len(samples) // (_WIDTH * config.channels)
    frame = av.AudioFrame(format="s16", layout=_LAYOUTS[config.channels], samples=count)
    plane = frame.planes[0]
    plane.update(samples + bytes(plane.buffer_size - len(samples)))
    frame.sample_rate, frame.pts, frame.time_base = config.rate, 0, context.time_base
    packets = [*context.encode(frame), *context.encode(None)]
    return {packet.pts // FRAME: bytes(packet) for packet in packets if packet.pts is not None}


def silence(config: AacConfig) -> bytes:
    """Return one AAC frame of silence, good for any place. Raises FFmpegError when AAC cannot be made here."""
    return _encode(bytes(4 * FRAME * _WIDTH * config.channels), make_config(config.rate, config.channels))[2]


def transcode(
    units: Sequence[AudioUnit], source: AudioFormat, grid: AudioGrid, config: AacConfig, slots: range
) -> list[bytes]:
    """Return the frames of these places, made of what was heard; silence where nothing was.

    `units` should begin half a second before the first place and reach two frames behind the last: a frame overlaps
    with its neighbours, and frames that were made apart sound as one only when they saw the same samples.
    """
    first = slots.start - _RUN_UP
    count = (len(slots) + _RUN_UP + 2) * FRAME
    width = _WIDTH * config.channels
    pieces = _decode(units, source, grid, config.channels)
    made = _encode(lay_samples(pieces, grid.begin(first), count, width, grid.rate), config)
    return [made[slot - first] for slot in slots]
