"""One playback as a player sees it: playlists and segments, asked for in any order, by one token (hls-vod 3)."""

import asyncio
from collections.abc import Callable, Iterator, MutableMapping, Sequence
from contextlib import contextmanager
import time

from ..core.errors import NvrBusyError, NvrError, NvrNotFoundError, NvrUnsupportedError
from ..core.models import StreamRole, VideoCodec
from . import hls
from .maker import Footage
from .pace import FloodGuard
from .pool import WorkPool
from .sessions import Lease, LossReason, SessionEndedError, SessionSlots
from .sources.choice import SourceMemory
from .variant import PlaybackLimits, Variant

type KnownVariants = MutableMapping[tuple[str, int, StreamRole], hls.VariantInfo]
"""What the spare streams of a recorder's channels were like when one of them was opened last."""


class Playback:
    """Made by the engine without I/O; the recorder is opened when the master playlist is asked for.

    Where the recording is H.265 and a spare stream is recorded too, the player has the choice. One session is open at
    a time: the stream that is left closes before the other one opens. Methods may be cancelled at any time and run
    side by side.
    """

    def __init__(
        self,
        token: str,
        recorder_id: str,
        owner: str,
        footages: Sequence[Footage],
        *,
        slots: tuple[SessionSlots, int],
        pool: WorkPool,
        known: KnownVariants | None = None,
        limits: PlaybackLimits | None = None,
        memory: SourceMemory | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """`footages`: the stream to play, then the spare one, if any.

        `slots`: the pool of sessions and how many of this recorder may be open. `pool`: the threads for what blocks.
        `memory`: what was learned of the ways to this recorder's footage.
        """
        self.token = token
        self.recorder_id = recorder_id
        self.owner = owner
        self.kind = "playback"
        self.turning = False
        self.channel = footages[0].channel
        self.span = footages[0].span
        self.context: object = None
        self.closed = False
        self.last_used = monotonic()
        self._monotonic = monotonic
        self._slots, self._slot_count = slots
        self._limits = limits or PlaybackLimits()
        self.variants = tuple(
            Variant(number, footage, self._lease, pool, limits=self._limits, monotonic=monotonic, memory=memory)
            for number, footage in enumerate(footages)
        )
        self._known: KnownVariants = {} if known is None else known
        self._master: str | None = None
        self._opening = asyncio.Lock()
        self._flood = FloodGuard(monotonic)
        self._asking = 0
        self._ended: LossReason | None = None

    @property
    def opened(self) -> int:
        """How many sessions it has opened on the recorder so far."""
        return sum(variant.maker.opened for variant in self.variants)

    @property
    def reading(self) -> bool:
        """Whether it holds a session on the recorder now."""
        return any(variant.maker.reading for variant in self.variants)

    def idle_for(self) -> float:
        """Return for how many seconds nobody has asked for anything; 0 while something is asked for."""
        return 0.0 if self._asking else self._monotonic() - self.last_used

    async def master_playlist(self) -> str:
        """Open the recorder, once, and return the master playlist. Raises NvrError subclasses."""
        with self._asked():
            async with self._opening:
                if self._master is None:
                    with self._serving():
                        self._master = hls.master_playlist(await self._describe())
                return self._master

    async def media_playlist(self, variant: int = 0) -> str:
        """Return the media playlist of the whole span. Raises NvrError subclasses."""
        with self._asked(), self._serving():
            return await (await self._turn_to(variant, opening=True)).media_playlist()

    async def init_segment(self, variant: int = 0) -> bytes:
        """Return the init segment. Raises NvrError subclasses."""
        with self._asked(), self._serving():
            return (await (await self._turn_to(variant, opening=True)).prepare()).init_segment

    async def segment(self, k: int, variant: int = 0) -> bytes:
        """Return segment `k`. Raises NvrNotFoundError for a gap or no such number, NvrTimeoutError after the limit."""
        if self._flood.flooded(k * len(self.variants) + variant):
            raise NvrBusyError("the same segment is asked for too often", retry_after=2.0)
        with self._asked(), self._serving():
            return await (await self._turn_to(variant)).segment(k)

    async def yield_slot(self) -> None:
        """Close the session on the recorder; the next request opens it again."""
        for variant in self.variants:
            await variant.worker.stop()

    async def lose_slot(self, reason: LossReason) -> None:
        """Close the session; when somebody ended it, every request from now on is refused with the reason."""
        if not reason.final:
            await self.yield_slot()
            return
        self._ended = reason
        await self._close(SessionEndedError(reason))

    async def close(self) -> None:
        """End the playback: its session on the recorder, and whatever waits, with NvrNotFoundError."""
        self.closed = True
        await self._close(None)

    async def _close(self, problem: NvrError | None) -> None:
        # Whoever is cancelled here is so while the first one ends: the others have nothing to end.
        first, *rest = sorted(self.variants, key=lambda variant: not variant.active)
        try:
            await first.worker.close(problem)
        finally:
            for variant in rest:
                await variant.worker.close(problem)

    async def _describe(self) -> list[tuple[int, hls.VariantInfo]]:
        """Return the variants to list: the recording, and the spare stream where not every player takes the first."""
        found: list[tuple[int, hls.VariantInfo]] = []
        problem: NvrError = NvrNotFoundError("there is nothing to play")
        for variant in self.variants:
            known = self._known.get((self.recorder_id, self.channel, variant.role)) if found else None
            if known is not None:
                found.append((variant.number, known))
                continue
            await self._leave_all_but(variant)
            try:
                prepared = await variant.prepare()
            except NvrUnsupportedError as err:
                problem = err
                continue
            except NvrNotFoundError as err:
                if self.closed or not variant.number:
                    raise
                problem = problem if isinstance(problem, NvrUnsupportedError) else err
                continue
            found.append((variant.number, prepared.info))
            if variant.number:
                self._known[self.recorder_id, self.channel, variant.role] = prepared.info
            if prepared.codec is VideoCodec.H264:
                break
        if not found:
            raise problem
        return found

    async def _turn_to(self, number: int, *, opening: bool = False) -> Variant:
        """Return the variant, and close the session of another one; `opening`: only if this one must be opened."""
        if not 0 <= number < len(self.variants):
            raise NvrNotFoundError("there is no such stream")
        variant = self.variants[number]
        if not opening or variant.maker.prepared is None:
            await self._leave_all_but(variant)
        return variant

    @contextmanager
    def _asked(self) -> Iterator[None]:
        """Note a request for as long as it lasts; raises SessionEndedError where there will be no answer."""
        if self._ended is not None:
            raise SessionEndedError(self._ended)
        self._asking += 1
        try:
            yield
        finally:
            self._asking -= 1
            self.last_used = self._monotonic()

    @contextmanager
    def _serving(self) -> Iterator[None]:
        """Tell who listens to the slots that the viewer got something, or that a turn left him without a session."""
        got = False
        try:
            yield
            got = True
        finally:
            self.turning = False
            if got or not self._slots.holds(self.recorder_id, self):
                self._slots.tell(self.recorder_id, self)

    async def _leave_all_but(self, variant: Variant) -> None:
        for other in self.variants:
            if other is not variant and other.active:
                self.turning = True
                await other.worker.stop(NvrNotFoundError("the player turned to another stream"))

    async def _lease(self) -> Lease:
        lease = await self._slots.acquire(self.recorder_id, self._slot_count, self)
        lease.keep_alive(self._limits.patience)
        return lease
