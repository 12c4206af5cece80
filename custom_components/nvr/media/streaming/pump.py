"""One run of a stream: reads what is wanted, makes fragments of it, and sends them when their turn has come."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
import json
from typing import Final

from ...core.errors import NvrNotFoundError
from ...core.models import VideoCodec
from ..cover import Sample
from ..fmp4 import AudioTrack, VideoSets, VideoTrack, init_segment
from ..ticks import to_seconds
from .feed import Batch, Feed
from .fragmenter import Fragment, Fragmenter, MediaTime
from .frames import Kind, pack
from .outbox import Message, Outbox
from .pacer import Pacer

KEYS_ABOVE: Final = 4.0
"""Faster than this only key frames are shown: no browser decodes all of them."""
ENTRIES: Final = {VideoCodec.H264: "avc1", VideoCodec.H265: "hvc1"}
_HOLD: Final = 2.0


@dataclass(frozen=True, slots=True)
class Run:
    """What is played from a moment (ticks) on. `epoch`: the moment of media time zero."""

    start: int
    speed: float = 1.0
    keys: bool = False
    epoch: int = 0

    @property
    def only_keys(self) -> bool:
        """Whether what lies between key frames is left out."""
        return self.keys or self.speed > KEYS_ABOVE

    @property
    def time(self) -> MediaTime:
        """Where in media time a moment is."""
        return MediaTime(self.epoch, self.start, self.speed if self.speed > KEYS_ABOVE else 1.0)


@dataclass(frozen=True, slots=True)
class Begun:
    """What a run turned out to be; `first` is the moment (ticks) of its first picture."""

    codec: str
    mime: str
    first: int


@dataclass(slots=True)
class Way:
    """How what is made gets to the viewer."""

    stream_id: int
    live: bool
    outbox: Outbox = field(default_factory=Outbox)
    pacer: Pacer = field(default_factory=Pacer)
    at: int = 0

    def put(self, kind: Kind, ticks: int, payload: bytes, duration: int = 0) -> None:
        """Let a message go; when the viewer cannot follow what is live, pictures are left out."""
        message = Message(kind, pack(kind, self.stream_id, ticks, payload), duration)
        if self.live:
            self.outbox.put_live(message)
        else:
            self.outbox.put(message)


class Pump:
    """Runs until the footage ends, or until it is cancelled."""

    def __init__(self, run: Run, feed: Feed, way: Way, begun: Callable[[Begun], None]) -> None:
        """`begun` is called when the first picture is there."""
        self._run = run
        self._feed = feed
        self._way = way
        self._begun: Callable[[Begun], None] | None = begun
        self._fragmenter: Fragmenter | None = None
        self._sets: VideoSets | None = None

    async def run(self) -> None:
        """Pump to the end of the footage. Raises NvrError subclasses."""
        only_keys = self._run.only_keys
        while True:
            batch = await self._feed.read()
            for sample in batch.samples:
                if sample.key or not only_keys:
                    await self._take(sample)
            if batch.gap is not None or batch.ended:
                await self._flush()
                if self._ends(batch):
                    return

    async def _take(self, sample: Sample) -> None:
        sets = self._feed.sets
        if sample.key and sets is not None and sets is not self._sets:
            await self._flush()
            self._sets = sets
            self._fragmenter = self._start(sets, sample)
        if self._fragmenter is not None:
            for fragment in self._fragmenter.push(sample):
                await self._send(fragment)

    async def _flush(self) -> None:
        for fragment in self._fragmenter.flush() if self._fragmenter is not None else ():
            await self._send(fragment)

    def _ends(self, batch: Batch) -> bool:
        """Tell of a gap or of the end; True when that is all."""
        if batch.gap is not None:
            start, end = batch.gap
            payload = json.dumps({"start": to_seconds(start), "end": to_seconds(end)}).encode()
            self._way.put(Kind.GAP, start, payload)
            self._way.pacer.skip()
            return False
        if self._begun is not None:
            raise NvrNotFoundError("there is no picture there")
        return True

    def _start(self, sets: VideoSets, first: Sample) -> Fragmenter:
        """Send INIT, and tell whoever waits what it is."""
        tracks: list[VideoTrack | AudioTrack] = [VideoTrack(sets)]
        codecs = sets.info.codec
        self._way.put(Kind.INIT, first.time, init_segment(tracks))
        if self._begun is not None:
            self._way.pacer.begin(1.0 if self._run.speed > KEYS_ABOVE else self._run.speed)
            self._begun(Begun(codecs, f'video/mp4; codecs="{codecs}"', first.time))
            self._begun = None
        return Fragmenter(self._run.time)

    async def _send(self, fragment: Fragment) -> None:
        """Send a fragment when its turn has come; the recorder is told to wait when that takes long."""
        way = self._way
        if way.live:
            if way.pacer.paused:
                await self._wait(fragment)
        elif way.outbox.full or not way.pacer.may_send(fragment.media):
            try:
                async with asyncio.timeout(_HOLD):
                    await self._room(fragment)
            except TimeoutError:
                await self._wait(fragment)
        way.at = fragment.moment
        way.put(Kind.KEY if fragment.key else Kind.FRAGMENT, fragment.moment, fragment.data, fragment.duration)

    async def _room(self, fragment: Fragment, *, settled: bool = False) -> None:
        way = self._way
        while way.outbox.full or not way.pacer.may_send(fragment.media, settled=settled):
            await way.outbox.room()
            await way.pacer.wait(fragment.media, settled=settled)

    async def _wait(self, fragment: Fragment) -> None:
        """Let the recorder wait until there is room, and keep its session alive."""
        await self._feed.pause()
        room = self._way.pacer.unpaused() if self._way.live else self._room(fragment, settled=True)
        waiting, resting = asyncio.create_task(room), asyncio.create_task(self._feed.rest())
        try:
            await asyncio.wait({waiting})
        finally:
            waiting.cancel()
            resting.cancel()
            await asyncio.wait({waiting, resting})
        await self._feed.resume()
