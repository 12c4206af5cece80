"""The pictures of the simulated unit: what an encoder setting means to the studio."""

from typing import Protocol

from tests.simulators.video.profile import AudioProfile, Camera, GopRule, VideoProfile
from tests.simulators.video.scenes import scene_named

ROLES = {0: "main", 1: "sub"}
_AUDIO = {
    "G.711A": AudioProfile("pcma"),
    "G.711Mu": AudioProfile("pcmu"),
    "AAC": AudioProfile("aac", 16_000),
}


class Encoder(Protocol):
    """What is set for one stream."""

    codec: str
    width: int
    height: int
    fps: int
    kbps: int
    gop_seconds: float
    audio: str | None


class Slotted[E: Encoder](Protocol):
    """A channel with its streams by subtype."""

    number: int
    title: str
    streams: dict[int, E]


def video_profile(settings: Encoder) -> VideoProfile:
    """Return how the studio makes what an encoder is set to."""
    return VideoProfile(
        codec="h265" if settings.codec == "H.265" else "h264",
        width=settings.width,
        height=settings.height,
        fps=settings.fps,
        gop=GopRule(settings.gop_seconds),
        bit_rate=min(settings.kbps, 1024) * 1000,
        audio=_AUDIO.get(settings.audio or ""),
    )


def camera_of[E: Encoder](channel: Slotted[E]) -> Camera:
    """Return the studio's camera for a channel."""
    streams = {ROLES[subtype]: video_profile(settings) for subtype, settings in channel.streams.items()}
    return Camera(channel.number, channel.title, streams, scene=scene_named(channel.title))
