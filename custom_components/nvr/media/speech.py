"""What is said through a loudspeaker: any sound made G.711, and sent as fast as it sounds."""

import asyncio
from collections.abc import Callable
from io import BytesIO
import time
from typing import Final

import av

from ..core.driver import TalkLine
from ..core.errors import NvrUnsupportedError
from ..core.models import AudioCodec

RATE: Final = 8000
# What one packet holds (s): what RFC 3551 takes for granted.
PACKET: Final = 0.02
# Cameras begin late and stop early: silence (s) before and behind keeps the first and the last word whole.
BEFORE: Final = 0.2
BEHIND: Final = 0.4
LONGEST: Final = 120.0
# Sent ahead of its time (s), so that a moment without processor makes no hole.
_AHEAD: Final = 0.1
_SILENCE: Final = {AudioCodec.G711_ULAW: b"\xff", AudioCodec.G711_ALAW: b"\xd5"}
_ENCODERS: Final = {AudioCodec.G711_ULAW: "pcm_mulaw", AudioCodec.G711_ALAW: "pcm_alaw"}


class NoSoundError(ValueError):
    """Bytes that hold no sound that can be decoded."""


def encode_speech(data: bytes, codec: AudioCodec, longest: float = LONGEST) -> bytes:
    """Return the sound of a file as G.711, mono, 8000 samples a second, cut after `longest` seconds. Blocks.

    Raises NoSoundError for what holds none, NvrUnsupportedError for another codec.
    """
    if codec not in _ENCODERS:
        raise NvrUnsupportedError(f"nothing is said as {codec}")
    most = int(longest * RATE)
    try:
        made = _transcode(data, _ENCODERS[codec], most)
    except (av.FFmpegError, ValueError) as err:
        raise NoSoundError("no sound that can be decoded") from err
    if not made:
        raise NoSoundError("no sound in it")
    silence = _SILENCE[codec]
    return silence * int(BEFORE * RATE) + made[:most] + silence * int(BEHIND * RATE)


def _transcode(data: bytes, encoder: str, most: int) -> bytes:
    context = av.CodecContext.create(encoder, "w")
    if not isinstance(context, av.AudioCodecContext):
        raise TypeError(encoder)
    context.sample_rate, context.layout, context.format = RATE, "mono", "s16"
    resampler = av.AudioResampler(format="s16", layout="mono", rate=RATE)
    made = bytearray()
    # By bytes, not by name: nothing that is written in them makes FFmpeg open anything else.
    with av.open(BytesIO(data), mode="r", options={"protocol_whitelist": "pipe"}) as container:
        if not container.streams.audio:
            return b""
        for frame in container.decode(audio=0):
            for piece in resampler.resample(frame):
                made += b"".join(bytes(packet) for packet in context.encode(piece))
            if len(made) >= most:
                return bytes(made)
    for piece in resampler.resample(None):
        made += b"".join(bytes(packet) for packet in context.encode(piece))
    return bytes(made)


async def speak(line: TalkLine, sound: bytes, *, monotonic: Callable[[], float] = time.monotonic) -> None:
    """Send G.711 as fast as it sounds, and return when it has sounded. Raises core errors.

    Faster than real time it is garbled, and what comes late is better left out than said later and later.
    """
    size = int(PACKET * RATE)
    begun = monotonic()
    for place in range(0, len(sound), size):
        await line.send(sound[place : place + size])
        ahead = place / RATE - _AHEAD - (monotonic() - begun)
        if ahead > 0:
            await asyncio.sleep(ahead)
    left = len(sound) / RATE - (monotonic() - begun)
    if left > 0:
        await asyncio.sleep(left)
