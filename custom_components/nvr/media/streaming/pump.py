"""One run of a stream: reads what is wanted, makes fragments of it, and sends them when their turn has come."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
import json
import time
from typing import Final

from ...core.errors import NvrNotFoundError
from ..cover import Sample
from ..fmp4 import AudioTrack, VideoSets, VideoTrack, init_segment
from ..pool import WorkPool
from ..ticks import RATE, to_seconds
from .feed import Batch, Feed
from .fragmenter import Fragment, Fragmenter, MediaTime
from .frames import Kind, pack
from .ladder import STILLS
from .outbox import Message, Outbox
from .pacer import Pacer
from .sound import StreamSound
from .stills import StillMaker
from .trick import Run

_HOLD: Final = 2.0
_FAST: Final = 3.0


@dataclass(frozen=True, slots=True)
class Begun:
    """What a run turned out to be; `first` is the moment (ticks) of its first picture."""

    codec: str
    mime: str
    first: int


@dataclass(slots=True)
class Way:
    """How what is made gets to the viewer; `at` is how far it got, `fast` that the recorder need not be waited for."""

    stream_id: int
    live: bool
    outbox: Outbox = field(default_factory=Outbox)
    pacer: Pacer = field(default_factory=Pacer)
    at: int = 0
    fast: bool = False

    def put(self, kind: Kind, ticks: int, payload: bytes, duration: int = 0) -> None:
        """Let a message go; when the viewer cannot follow what is live, pictures are left out."""
        message = Message(kind, pack(kind, self.stream_id, ticks, payload), duration)
        if self.live:
            self.outbox.put_live(message)
        else:
            self.outbox.put(message)


class Pump:
    """Runs until the footage ends, or until it is cancelled."""

    def __init__(self, run: Run, feed: Feed, way: Way, pool: WorkPool, begun: Callable[[Begun], None]) -> None:
        """`begun` is called when the first picture is there; `pool`: the threads for what blocks."""
        self._pool = pool
        self._sound: StreamSound | None = None
        self._run = run
        self._feed = feed
        self._way = way
        self._begun: Callable[[Begun], None] | None = begun
        self._fragmenter: Fragmenter | None = None
        self._sets: VideoSets | None = None
        factor = run.speed if run.squeezed else 1.0
        self._time = MediaTime(run.epoch, run.start, factor)
        self._since = 0.0
        self._stills = StillMaker(pool, run.speed)
        self._gap: tuple[int, int] | None = None
        self._shown = False

    async def run(self) -> None:
        """Pump to the end of the footage. Raises NvrError subclasses."""
        if self._feed.audio is not None and not self._run.stills:
            self._sound = await StreamSound.open(self._feed.audio, self._run.epoch, self._pool)
        while True:
            batch = await self._feed.read()
            shift, units = self._feed.take_audio()  # what nobody hears is not kept either
            if self._sound is not None:
                await self._sound.hear(shift, units)
            if self._run.stills:
                await self._take_stills(batch.samples)
            else:
                await self._take_all(batch.samples)
            if self._run.step:
                self._way.at = batch.samples[-1].time if batch.samples else self._way.at
                return
            if batch.gap is not None or batch.ended:
                await self._flush()
                if self._ends(batch):
                    return

    async def _take_all(self, samples: list[Sample]) -> None:
        """Take what came, as far as it is wanted."""
        for sample in samples:
            if sample.key or not self._run.only_keys:
                await self._take(sample, samples[-1] if self._run.in_groups else sample)
        if self._run.in_groups:
            await self._flush()

    async def _take_stills(self, samples: list[Sample]) -> None:
        """Make pictures of the key frames; of all that came where it is one step."""
        if self._run.step and samples:
            await self._still(samples)
            return
        for sample in samples:
            if self._stills.wants(sample):
                await self._still([sample])

    async def _still(self, group: list[Sample]) -> None:
        jpeg = await self._stills.make(self._feed.codec, group)
        if jpeg is None:
            return
        if self._begun is not None:
            self._begin(Begun(STILLS, "image/jpeg", jpeg.time), b"")
        await self._send(Fragment(True, jpeg.time, jpeg.time, 0, jpeg.data))

    async def _take(self, sample: Sample, shown: Sample) -> None:
        """Take a frame; `shown` is the one the viewer begins with, should this be the first."""
        sets = self._feed.sets
        # A session that was opened anew repeats what it was.
        if sample.key and sets is not None and sets != self._sets:
            await self._flush()
            self._sets = sets
            self._start(sets, shown)
        if self._run.in_groups and sample.key:
            await self._flush()
            self._fragmenter = Fragmenter(self._time, whole=True)
        if self._fragmenter is not None:
            for fragment in self._fragmenter.push(sample):
                await self._send(fragment)

    async def _flush(self) -> None:
        for fragment in self._fragmenter.flush() if self._fragmenter is not None else ():
            await self._send(fragment)

    def _ends(self, batch: Batch) -> bool:
        """Tell of a gap or of the end; True when that is all."""
        if batch.gap is not None and self._begun is not None:
            self._gap = batch.gap  # INIT comes first: nothing before belongs to this run
            return False
        if batch.gap is not None:
            self._tell_gap(batch.gap)
            return False
        if self._begun is not None:
            raise NvrNotFoundError("there is no picture there")
        return True

    def _tell_gap(self, gap: tuple[int, int]) -> None:
        start, end = gap
        payload = json.dumps({"start": to_seconds(start), "end": to_seconds(end)}).encode()
        self._way.put(Kind.GAP, start, payload)
        self._way.pacer.skip()

    def _start(self, sets: VideoSets, first: Sample) -> None:
        """Begin with a set of parameters."""
        tracks: list[VideoTrack | AudioTrack] = [VideoTrack(sets)]
        codecs = sets.info.codec
        if self._sound is not None:
            tracks.append(self._sound.track)
            codecs += f",{self._sound.track.config.codec}"
            if self._begun is not None:
                self._sound.begin(first.time)
        self._begin(Begun(codecs, f'video/mp4; codecs="{codecs}"', first.time), init_segment(tracks))
        self._fragmenter = Fragmenter(self._time, self._sound)

    def _begin(self, found: Begun, init: bytes) -> None:
        """Send INIT, and tell whoever waits what it is."""
        self._way.put(Kind.INIT, found.first, init)
        if self._begun is not None:
            self._way.pacer.begin(abs(self._run.speed))
            self._since = time.monotonic()
            self._begun(found)
            self._begun = None
        if self._gap is not None:
            gap, self._gap = self._gap, None
            self._tell_gap(gap)

    async def _send(self, fragment: Fragment) -> None:
        """Send a fragment when its turn has come; the recorder is told to wait when that takes long."""
        way = self._way
        due = self._due(fragment)
        if not self._shown:
            # What shows the asked moment goes at once, paused or not: a viewer sees where he jumped to.
            self._shown = self._shows(fragment)
        elif way.live:
            if way.pacer.paused:
                await self._wait(due)
        elif way.outbox.full or not way.pacer.may_send(due):
            way.fast = way.fast or due > _FAST * RATE * (time.monotonic() - self._since)
            try:
                async with asyncio.timeout(_HOLD):
                    await self._room(due)
            except TimeoutError:
                await self._wait(due)
        way.at = fragment.moment if self._run.speed < 0 else fragment.last
        kind = Kind.JPEG if self._run.stills else Kind.KEY if fragment.key else Kind.FRAGMENT
        way.put(kind, fragment.moment, fragment.data, fragment.duration)

    def _shows(self, fragment: Fragment) -> bool:
        """Tell whether the picture of the asked moment is in it, or comes before it."""
        whole = self._way.live or self._run.in_groups or self._run.only_keys
        return whole or fragment.last + fragment.duration > self._run.start

    def _due(self, fragment: Fragment) -> int:
        """Return how far behind the beginning of the run it is wanted, in ticks of footage, whatever its direction."""
        away = fragment.moment - self._run.start
        return -away if self._run.speed < 0 else away

    async def _room(self, due: int, *, settled: bool = False) -> None:
        way = self._way
        while way.outbox.full or not way.pacer.may_send(due, settled=settled):
            await way.outbox.room()
            await way.pacer.wait(due, settled=settled)

    async def _wait(self, due: int) -> None:
        """Let the recorder wait until there is room, and keep its session alive."""
        await self._feed.pause()
        room = self._way.pacer.unpaused() if self._way.live else self._room(due, settled=True)
        waiting, resting = asyncio.create_task(room), asyncio.create_task(self._feed.rest())
        try:
            await asyncio.wait({waiting})
        finally:
            waiting.cancel()
            resting.cancel()
            await asyncio.wait({waiting, resting})
        await self._feed.resume()
