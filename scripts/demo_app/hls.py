"""Just enough of an HLS client to see what a viewer would see."""

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta
import io
import re
from urllib.parse import urljoin

import av
import numpy as np

from tests.simulators.video.timecode import TimeCode, read_timecode

from .client import HaClient
from .processes import DemoError


@dataclass(frozen=True)
class MediaPlaylist:
    """One media playlist: where its init segment is and when each segment starts, from the playlist's start."""

    url: str
    init: str
    segments: tuple[tuple[timedelta, timedelta, str], ...]
    starts_at: datetime | None

    @property
    def duration(self) -> timedelta:
        """The length of all segments."""
        return sum((length for _, length, _ in self.segments), timedelta())

    def segment_at(self, offset: timedelta) -> tuple[timedelta, str]:
        """Return start and address of the segment that covers the offset."""
        for start, length, uri in self.segments:
            if start <= offset < start + length:
                return start, uri
        message = f"the playlist has nothing at {offset}"
        raise DemoError(message)


def parse_master(text: str) -> list[str]:
    """Return the variants' addresses in order."""
    lines = text.splitlines()
    return [lines[number + 1] for number, line in enumerate(lines) if line.startswith("#EXT-X-STREAM-INF")]


def parse_media(url: str, text: str) -> MediaPlaylist:
    """Read a media playlist; segments marked as gaps are kept out but counted in time."""
    init, starts_at, gap = "", None, False
    length, offset = timedelta(), timedelta()
    segments = []
    for line in text.splitlines():
        if match := re.match(r'#EXT-X-MAP:URI="([^"]+)"', line):
            init = match.group(1)
        elif line.startswith("#EXTINF:"):
            length = timedelta(seconds=float(line[8:].split(",")[0]))
        elif line.startswith("#EXT-X-PROGRAM-DATE-TIME:") and starts_at is None:
            starts_at = datetime.fromisoformat(line.split(":", 1)[1])
        elif line == "#EXT-X-GAP":
            gap = True
        elif line and not line.startswith("#"):
            if not gap:
                segments.append((offset, length, line))
            offset += length
            gap = False
    return MediaPlaylist(url, init, tuple(segments), starts_at)


async def fetch(client: HaClient, path: str) -> bytes:
    """Fetch without a token, as a player does."""
    return await client.get(path, signed_in=False)


async def open_playlist(client: HaClient, path: str) -> MediaPlaylist:
    """Fetch a master playlist and the first media playlist it names."""
    variants = parse_master((await fetch(client, path)).decode())
    if not variants:
        message = "the master playlist names no stream"
        raise DemoError(message)
    url = urljoin(path, variants[0])
    return parse_media(url, (await fetch(client, url)).decode())


async def decode_segment(client: HaClient, playlist: MediaPlaylist, uri: str) -> list[tuple[float, TimeCode]]:
    """Fetch one segment and return (presentation second, painted time code) of each frame."""
    init = await fetch(client, urljoin(playlist.url, playlist.init))
    body = await fetch(client, urljoin(playlist.url, uri))
    return await asyncio.to_thread(decode, init + body)


def decode(data: bytes) -> list[tuple[float, TimeCode]]:
    """Decode video and read what is painted into every frame."""
    frames = []
    with av.open(io.BytesIO(data), "r") as container:
        stream = container.streams.video[0]
        for frame in container.decode(stream):
            code = read_timecode(np.asarray(frame.to_ndarray(format="gray"), dtype=np.uint8))
            if code is not None:
                frames.append((float(frame.time or 0), code))
    if not frames:
        message = "no frame with a readable time code"
        raise DemoError(message)
    return frames
