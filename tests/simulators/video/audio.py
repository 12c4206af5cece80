"""Sound that tells the time: a short tone at each full second, higher on each channel and from second to second."""

from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

import av
import numpy as np
from numpy.typing import NDArray

from .profile import TICKS, AudioProfile

_AAC_FRAME = 1024
_PCM_CHUNK_SECONDS = Fraction(1, 25)
_TONE_SECONDS = 0.08
_STEPS = 5
_STEP_HERTZ = 300


@dataclass(frozen=True, slots=True)
class AudioUnit:
    """What one packet carries, and when it sounds (ticks)."""

    pts: int
    samples: int
    data: bytes


def tone_hertz(channel: int, second: int) -> int:
    """Return the pitch of the tone that begins at a full second since 1970; it repeats every five seconds."""
    return 440 + 60 * (channel % 10) + _STEP_HERTZ * (second % _STEPS)


def _samples(channel: int, rate: int, first: int, count: int) -> NDArray[np.int16]:
    """Return samples counted since 1970."""
    index = np.arange(count, dtype=np.int64) + first
    phase = (index % rate).astype(np.float64) / rate
    pitch = tone_hertz(channel, 0) + _STEP_HERTZ * (index // rate % _STEPS)
    tone = np.sin(2 * np.pi * pitch * phase) * 9000
    edge = np.clip(np.minimum(phase, _TONE_SECONDS - phase) * 200, 0, 1)
    samples: NDArray[np.int16] = (tone * edge).astype(np.int16)
    return samples


def _mulaw(samples: NDArray[np.int16]) -> bytes:
    """Return G.711 u-law bytes."""
    value = samples.astype(np.int32)
    sign = np.where(value < 0, 0x80, 0)
    magnitude = np.minimum(np.abs(value), 32635) + 132
    exponent = np.floor(np.log2(magnitude)).astype(np.int32) - 7
    mantissa = (magnitude >> (exponent + 3)) & 0x0F
    return bytes((~(sign | (exponent << 4) | mantissa) & 0xFF).astype(np.uint8))


def _alaw(samples: NDArray[np.int16]) -> bytes:
    """Return G.711 A-law bytes."""
    value = samples.astype(np.int32)
    sign = np.where(value >= 0, 0x80, 0)
    magnitude = np.minimum(np.where(value >= 0, value, -value - 1), 32635)
    exponent = np.maximum(np.floor(np.log2(np.maximum(magnitude, 1))).astype(np.int32) - 7, 0)
    mantissa = np.where(exponent == 0, magnitude >> 4, magnitude >> (exponent + 3)) & 0x0F
    return bytes(((sign | (exponent << 4) | mantissa) ^ 0x55).astype(np.uint8))


def _pcm(codec: str, samples: NDArray[np.int16]) -> bytes:
    if codec == "pcmu":
        return _mulaw(samples)
    if codec == "pcma":
        return _alaw(samples)
    return samples.astype("<i2").tobytes()


def _aac(channel: int, rate: int, first: int, last: int) -> list[bytes]:
    """Return the AAC frames numbered [first, last) since 1970.

    What a decoder gives for a frame is what was put in one frame earlier, so that there is one more at the end; two
    before the first are encoded and dropped.
    """
    context = av.CodecContext.create("aac", "w")
    assert isinstance(context, av.AudioCodecContext)
    context.rate, context.layout, context.format, context.bit_rate = rate, "mono", "fltp", 32_000
    context.time_base = Fraction(1, rate)
    packets = []
    for number in range(first - 2, last + 1):
        samples = _samples(channel, rate, number * _AAC_FRAME, _AAC_FRAME)
        frame = av.AudioFrame.from_ndarray((samples / 32768).astype(np.float32)[None, :], "fltp", "mono")
        frame.rate, frame.pts, frame.time_base = rate, (number - first) * _AAC_FRAME, context.time_base
        packets += context.encode(frame)
    packets += context.encode(None)
    return [bytes(packet) for packet in packets][3 : 3 + last - first]


def aac_config(rate: int) -> bytes:
    """Return the AudioSpecificConfig of AAC-LC mono."""
    rates = (96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000)
    value = (2 << 11) | (rates.index(rate) << 7) | (1 << 3)
    return value.to_bytes(2)


@lru_cache(maxsize=256)
def audio_units(profile: AudioProfile, channel: int, start: int, end: int) -> tuple[AudioUnit, ...]:
    """Return the packets whose sound begins in [start, end) ticks."""
    length = _AAC_FRAME if profile.codec == "aac" else int(profile.rate * _PCM_CHUNK_SECONDS)
    step = Fraction(length * TICKS, profile.rate)
    first, last = -int(-start // step), -int(-end // step)
    times = [int(number * step) for number in range(first, last)]
    if profile.codec == "aac":
        chunks = _aac(channel, profile.rate, first, last)
    else:
        chunks = [
            _pcm(profile.codec, _samples(channel, profile.rate, number * length, length))
            for number in range(first, last)
        ]
    return tuple(AudioUnit(pts, length, data) for pts, data in zip(times, chunks, strict=True))
