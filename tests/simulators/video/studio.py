"""Where all pictures come from: groups encoded in worker threads when asked for, shared, and kept while they fit."""

import asyncio
from collections import OrderedDict
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import partial
from io import BytesIO
from typing import Self

from PIL import Image

from ..clock import SimClock
from ..footage import Footage
from .audio import AudioUnit, audio_units
from .encoder import Gop, encode_gop
from .painter import ScenePainter
from .profile import TICKS, Camera, VideoProfile, from_ticks, gop_bounds, to_ticks

type _Key = tuple[int, VideoProfile, int, int]


class Studio:
    """The cameras of one simulated recorder. `cameras` may be changed while it runs.

    Use it from one event loop; `close()` ends its threads.
    """

    def __init__(
        self,
        cameras: Iterable[Camera],
        clock: SimClock,
        footage: Footage | None = None,
        *,
        workers: int = 2,
        cache_bytes: int = 64 << 20,
    ) -> None:
        self.cameras = {camera.number: camera for camera in cameras}
        self.clock = clock
        self.encoded_frames = 0
        self._footage = footage
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="studio")
        self._cache: OrderedDict[_Key, asyncio.Future[Gop]] = OrderedDict()
        self._cache_bytes = cache_bytes
        self._held = 0

    async def __aenter__(self) -> Self:
        """Return itself."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close."""
        await self.aclose()

    def close(self) -> None:
        """End the worker threads; what they do now is finished in the background."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    async def aclose(self) -> None:
        """End the worker threads and wait for them."""
        self.close()
        await asyncio.to_thread(self._pool.shutdown)

    def profile(self, channel: int, role: str) -> VideoProfile:
        """Return the stream of a channel. Raises KeyError when there is none."""
        return self.cameras[channel].streams[role]

    async def gop(self, channel: int, profile: VideoProfile, start: int, end: int | None = None) -> Gop:
        """Return the group that holds the picture at `start` (ticks), from that picture on up to `end`.

        A `start` on a group's border gives the group itself, which all viewers share. Raises KeyError for no camera.
        """
        return await asyncio.shield(self._future(channel, profile, start, end))

    def prefetch(self, channel: int, profile: VideoProfile, start: int) -> None:
        """Begin to encode the group at `start`, so that it is there when asked for."""
        self._future(channel, profile, start, None)

    async def forget(self, since: datetime) -> None:
        """Let go of the groups that begin at a moment or later, the present; returns when nothing is encoded."""
        if underway := [future for future in self._cache.values() if not future.done()]:
            await asyncio.wait(underway)
        for key, future in list(self._cache.items()):
            if key[2] >= to_ticks(since) and future.done():
                self._held -= future.result().size
                del self._cache[key]

    def _future(self, channel: int, profile: VideoProfile, start: int, end: int | None) -> asyncio.Future[Gop]:
        start = profile.first_frame(start)
        border = gop_bounds(profile, channel, start)[1]
        key = (channel, profile, start, border if end is None else min(border, end))
        future = self._cache.get(key)
        if future is None:
            return self._begin(key)
        self._cache.move_to_end(key)
        return future

    def _begin(self, key: _Key) -> asyncio.Future[Gop]:
        channel, profile, start, end = key
        camera = self.cameras[channel]
        incidents = []
        if self._footage is not None:
            incidents = self._footage.incidents(channel, from_ticks(start), from_ticks(end))
        painter = ScenePainter(camera, incidents, self.clock.to_device)
        loop = asyncio.get_running_loop()
        future = loop.run_in_executor(self._pool, encode_gop, profile, start, end, painter)
        self._cache[key] = future
        future.add_done_callback(partial(self._done, key))
        return future

    def _done(self, key: _Key, future: asyncio.Future[Gop]) -> None:
        if future.cancelled() or future.exception() is not None:
            self._cache.pop(key, None)
            return
        self._held += future.result().size
        self.encoded_frames += len(future.result().units)
        for old, other in list(self._cache.items()):
            if self._held <= self._cache_bytes:
                break
            if other.done():
                self._held -= other.result().size
                del self._cache[old]

    async def parameter_sets(self, channel: int, profile: VideoProfile, at: int | None = None) -> tuple[bytes, ...]:
        """Return the parameter sets in force at a moment (ticks; now when left out)."""
        ticks = to_ticks(self.clock.now()) if at is None else at
        start = gop_bounds(profile, channel, ticks)[0]
        return (await self.gop(channel, profile, start, start + profile.frame_ticks)).parameter_sets

    async def audio(self, channel: int, profile: VideoProfile, start: int, end: int) -> tuple[AudioUnit, ...]:
        """Return the sound of [start, end) ticks; nothing when the stream has none."""
        if profile.audio is None:
            return ()
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._pool, audio_units, profile.audio, channel, start, end)

    async def jpeg(self, channel: int, at: datetime | None = None, *, width: int = 0, height: int = 0) -> bytes:
        """Return a picture of a channel as JPEG, of now when no time is given, in main stream size by default."""
        profile = self.profile(channel, "main")
        ticks = to_ticks(at or self.clock.now()) // profile.frame_ticks * profile.frame_ticks
        size = (width or profile.width, height or profile.height)
        incidents = []
        if self._footage is not None:
            incidents = self._footage.incidents(channel, from_ticks(ticks), from_ticks(ticks + TICKS))
        painter = ScenePainter(self.cameras[channel], incidents, self.clock.to_device)
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._pool, _jpeg, painter, ticks, size)


def _jpeg(painter: ScenePainter, ticks: int, size: tuple[int, int]) -> bytes:
    """Paint and compress one picture."""
    from av import VideoFrame  # noqa: PLC0415

    frame = VideoFrame(*size, "yuv420p")
    painter(frame, ticks)
    output = BytesIO()
    Image.fromarray(frame.to_ndarray(format="rgb24")).save(output, "JPEG", quality=80)
    return output.getvalue()
