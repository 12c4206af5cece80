"""The media engine: every playback of every recorder, found by an unguessable token."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from secrets import token_urlsafe
import time

from ..core.driver import CredentialGuard, DownloadSource, PlaybackSource
from ..core.models import RecordingSegment, StreamRole, TimeSpan
from .maker import Footage
from .pool import WorkPool
from .sessions import HeldSlot, SessionSlots
from .sources.choice import SourceMemory
from .variant import PlaybackLimits
from .vod import KnownVariants, Playback

__all__ = ["DEFAULT_SLOTS", "MediaEngine", "Playback", "PlaybackLimits"]

_LIFETIME = 2 * 3600.0
_MOST = 256
DEFAULT_SLOTS = 4
"""Sessions per recorder when nobody says otherwise (frontend 2.6)."""


class MediaEngine:
    """Lives as long as Home Assistant runs; a recorder's playbacks are closed with it."""

    def __init__(
        self,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        limits: PlaybackLimits | None = None,
        lifetime: float = _LIFETIME,
    ) -> None:
        """`lifetime`: seconds without a request after which a token is worth nothing."""
        self._monotonic = monotonic
        self._limits = limits
        self._lifetime = lifetime
        self.slots = SessionSlots()
        self.pool = WorkPool()
        self._known: KnownVariants = {}
        self._memories: dict[str, SourceMemory] = {}
        self._playbacks: dict[str, Playback] = {}
        self._ending: set[asyncio.Task[None]] = set()

    def create(  # noqa: PLR0917 - the contract with the layer above
        self,
        recorder_id: str,
        slots: int,
        source: PlaybackSource,
        guard: CredentialGuard,
        channel: int,
        span: TimeSpan,
        recorded: Sequence[TimeSpan],
        owner: str,
        role: StreamRole,
        refresh: Callable[[], Awaitable[Sequence[TimeSpan]]] | None = None,
        *,
        fallback: StreamRole | None = None,
        fallback_recorded: Sequence[TimeSpan] | None = None,
        downloads: DownloadSource | None = None,
        segments: Sequence[RecordingSegment] = (),
        sounds: bool = False,
    ) -> Playback:
        """Return a new playback without touching the recorder.

        `recorded`: where there is footage, in any order; what lies between is a gap. `refresh` may say it anew when
        the playback is opened, for a span that is still growing. `fallback`: the role for players that cannot decode
        the recording of `role`, and `fallback_recorded` where there is footage of that, if not in the same parts.
        `downloads` and the `segments` of both roles: what is had from there where that is faster, or playback fails.
        `sounds`: sound may come, also where the beginning has none.
        """
        self._forget_old()
        files = tuple(segments)
        footages = [Footage(source, guard, channel, span, tuple(recorded), role, refresh, downloads, files, sounds)]
        if fallback is not None and fallback is not role:
            parts = tuple(recorded if fallback_recorded is None else fallback_recorded)
            footages.append(Footage(source, guard, channel, span, parts, fallback, refresh, downloads, files, sounds))
        playback = Playback(
            token_urlsafe(24),
            recorder_id,
            owner,
            footages,
            slots=(self.slots, slots),
            pool=self.pool,
            known=self._known,
            limits=self._limits,
            memory=self.memory(recorder_id),
            monotonic=self._monotonic,
        )
        self._playbacks[playback.token] = playback
        return playback

    def memory(self, recorder_id: str) -> SourceMemory:
        """Return what was learned of the ways to a recorder's footage."""
        if recorder_id not in self._memories:
            self._memories[recorder_id] = SourceMemory(recorder_id, self._monotonic)
        return self._memories[recorder_id]

    def sources(self, recorder_id: str) -> Mapping[str, object]:
        """Return the same for diagnostics."""
        return self.memory(recorder_id).as_dict()

    def get(self, token: str) -> Playback | None:
        """Return the playback, or None when the token is unknown or expired."""
        playback = self._playbacks.get(token)
        if playback is None or playback.closed or playback.idle_for() > self._lifetime:
            return None
        return playback

    def playbacks(self, recorder_id: str) -> tuple[Playback, ...]:
        """Return the playbacks of a recorder, oldest first."""
        return tuple(item for item in self._playbacks.values() if item.recorder_id == recorder_id and not item.closed)

    def holders(self, recorder_id: str) -> tuple[HeldSlot, ...]:
        """Return who holds a session on the recorder now."""
        return self.slots.holders(recorder_id)

    async def close_recorder(self, recorder_id: str) -> None:
        """End all playbacks of a recorder, and forget what its streams were like."""
        for key in [key for key in self._known if key[0] == recorder_id]:
            del self._known[key]
        self._memories.pop(recorder_id, None)
        await self._close([item for item in self._playbacks.values() if item.recorder_id == recorder_id])

    async def close_owner(self, owner: str) -> None:
        """End all playbacks of an owner."""
        await self._close([item for item in self._playbacks.values() if item.owner == owner])

    async def aclose(self) -> None:
        """End everything; nothing is left on any recorder."""
        await self._close(list(self._playbacks.values()))
        while self._ending:
            await asyncio.wait(set(self._ending))
        await self.slots.aclose()
        await self.pool.aclose()

    async def _close(self, playbacks: Sequence[Playback]) -> None:
        for playback in playbacks:
            self._playbacks.pop(playback.token, None)
        await asyncio.gather(*(playback.close() for playback in playbacks))

    def _forget_old(self) -> None:
        old = [item for item in self._playbacks.values() if item.closed or item.idle_for() > self._lifetime]
        if len(self._playbacks) - len(old) >= _MOST:
            rest = [item for item in self._playbacks.values() if item not in old and not item.reading]
            old += sorted(rest, key=lambda item: item.last_used)[:1]
        for playback in old:
            self._playbacks.pop(playback.token, None)
            if playback.reading:
                task = asyncio.create_task(playback.close())
                self._ending.add(task)
                task.add_done_callback(self._ending.discard)
