"""Reads the pictures around one moment: a single key picture where the recorder gives one, else by a short playback."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
import time
from typing import Protocol

from ...core.driver import CredentialGuard, KeyFrameSource, PlaybackSource
from ...core.errors import NvrBusyError, NvrNotFoundError, NvrResponseError, NvrUnreachableError, NvrUnsupportedError
from ...core.models import StreamRole, TimeSpan
from ..cover import LOOK_AHEAD, Sample
from ..rtsp.connection import SessionLimits
from ..rtsp.session import RtspSession
from ..sessions import Lease, SessionSlots
from ..ticks import RATE, from_datetime, to_datetime
from .picture import Coded, Pictures, annexb

_LEAD = timedelta(seconds=12)
_PLAYED = timedelta(seconds=20)
_END_SILENCE = 2.0
_VERIFY = 1.0
# Asked for a moment in a gap, recorders jump to where the footage goes on.
_JUMP = 15 * RATE
_MAX_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Wanted:
    """One picture that is wanted. `exact`: the very frame shown at the moment, and not the key picture before it.

    `since` is when the footage that holds the moment begins, if that is known: nothing is read from before it.
    """

    channel: int
    moment: datetime
    exact: bool = False
    since: datetime | None = None
    role: StreamRole = StreamRole.MAIN


class PictureSource(Protocol):
    """Gives the coded pictures around a moment."""

    async def pictures(self, wanted: Wanted) -> Pictures:
        """Return what decodes to the wanted picture. Raises NvrUnsupportedError where it cannot be had this way.

        Otherwise NvrError subclasses; nothing is left on the recorder.
        """


@dataclass(frozen=True, slots=True)
class KeyPictures:
    """Single pictures that the recorder hands out, without a playback session; never exact."""

    source: KeyFrameSource

    async def pictures(self, wanted: Wanted) -> Pictures:
        """Return as PictureSource.pictures does."""
        if wanted.exact:
            raise NvrUnsupportedError("single pictures are of key frames only")
        frame = await self.source.key_frame(wanted.channel, wanted.moment, role=wanted.role)
        return Pictures(frame.codec, [Coded(from_datetime(frame.recorded_at), frame.data)], frame.dated)


@dataclass(eq=False, slots=True)
class ThumbnailHolder:
    """Who holds a slot for a moment, to read one picture; nobody is told of it, and it is over by itself."""

    owner: str
    channel: int
    kind: str = "thumbnail"
    turning: bool = False
    ending: Callable[[], Awaitable[None]] | None = None

    def idle_for(self) -> float:
        """Return 0: something is read all the time."""
        return 0.0

    async def yield_slot(self) -> None:
        """End the session at once."""
        if self.ending is not None:
            await self.ending()


@dataclass(slots=True)
class PlayedPictures:
    """Pictures by a short playback: it takes a slot like everybody else, and is over when the picture has come.

    A picture nobody waits for by name leaves the last free slot to people; one that somebody asked for (`exact`)
    takes it as he would.
    """

    recorder_id: str
    source: PlaybackSource
    guard: CredentialGuard
    slots: SessionSlots
    limit: int
    owner: str = ""
    limits: SessionLimits = field(default_factory=SessionLimits)
    monotonic: Callable[[], float] = time.monotonic

    async def pictures(self, wanted: Wanted) -> Pictures:
        """Return as PictureSource.pictures does."""
        found = await self._play(wanted, wanted.moment)
        early = wanted.moment - _LEAD if wanted.since is None else max(wanted.moment - _LEAD, wanted.since)
        if wanted.exact and _begins_late(found, wanted.moment) and early < wanted.moment:
            # This recorder begins at the key picture behind the moment (hls-vod 3): one before it is wanted.
            found = await self._play(wanted, early)
        return found

    async def _play(self, wanted: Wanted, start: datetime) -> Pictures:
        self.guard.check()
        holder = ThumbnailHolder(self.owner, wanted.channel, "snapshot" if wanted.exact else "thumbnail")
        lease = await self._lease(holder, wanted)
        try:
            span = TimeSpan(start, wanted.moment + _PLAYED)
            request = await self.source.request(wanted.channel, span, role=wanted.role)
            with lease.opening():
                session = await RtspSession.open(request, self.guard, limits=self.limits, monotonic=self.monotonic)
            holder.ending = session.close
            try:
                samples = await self._read(session, wanted)
                codec = session.codec
            finally:
                await session.close()
        finally:
            lease.release()
        return Pictures(codec, [Coded(sample.time, annexb(sample.data)) for sample in samples])

    async def _lease(self, holder: ThumbnailHolder, wanted: Wanted) -> Lease:
        allowed = self.slots.limit(self.recorder_id, self.limit)
        if not wanted.exact and self.slots.used(self.recorder_id) >= allowed - 1:
            raise NvrBusyError("the last playback session is kept for people", retry_after=5.0)
        return await self.slots.acquire(self.recorder_id, self.limit, holder)

    async def _read(self, session: RtspSession, wanted: Wanted) -> list[Sample]:
        """Read the first key picture, or for an exact one what leads to the moment and a little more."""
        moment = from_datetime(wanted.moment)
        kept = Kept(moment)
        verify_until: float | None = None
        while True:
            try:
                fresh = await session.read(_END_SILENCE if kept.samples else None)
            except NvrUnreachableError:
                if not kept.samples:
                    raise
                fresh = []  # it fell silent or hung up at the end of the footage
            shift, session.correction = session.correction, 0
            kept.take(fresh, shift)
            if jumped(kept.samples, moment):
                raise NvrNotFoundError("nothing is recorded at that moment")
            if not fresh or (kept.samples and not wanted.exact):
                break
            if kept.passed and verify_until is None:
                verify_until = self.monotonic() + _VERIFY
            if verify_until is not None and (session.clock.verified or self.monotonic() >= verify_until):
                break
            await asyncio.sleep(0)
        if not kept.samples:
            raise NvrNotFoundError("nothing is recorded at that moment")
        return kept.samples if wanted.exact else kept.samples[:1]


@dataclass(slots=True)
class Kept:
    """Frames from the last key frame that is not behind the moment on; before the first key frame nothing is kept."""

    moment: int
    samples: list[Sample] = field(default_factory=list)
    behind: int = 0

    @property
    def passed(self) -> bool:
        """Whether frames that are shown before the moment can no longer come."""
        return self.behind >= LOOK_AHEAD

    def take(self, fresh: list[Sample], shift: int) -> None:
        """Take the next frames; those of earlier reads are to be moved by `shift`. Raises NvrResponseError."""
        for sample in self.samples:
            sample.time += shift
        for sample in fresh:
            if sample.key and (not self.samples or sample.time <= self.moment):
                self.samples.clear()
            elif not self.samples:
                continue
            self.samples.append(sample)
        if sum(len(sample.data) for sample in self.samples) > _MAX_BYTES:
            raise NvrResponseError("the recorder sends far more than a recording holds")
        self.behind = sum(sample.time > self.moment for sample in self.samples)


def jumped(samples: list[Sample], moment: int) -> bool:
    """Tell whether the recorder went on to the footage behind a gap; pure."""
    return bool(samples) and samples[0].time > moment + _JUMP


def _begins_late(found: Pictures, moment: datetime) -> bool:
    return to_datetime(found.coded[0].time) > moment
