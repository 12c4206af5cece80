"""Pictures and sound in the order they are sent: the present of a channel, or its footage from a moment on."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from ..footage import Footage
from ..video.audio import AudioUnit
from ..video.encoder import AccessUnit, Gop
from ..video.profile import TICKS, from_ticks, gop_bounds, to_ticks
from ..video.studio import Studio
from .options import LiveTarget, PlaybackTarget, RtspFaults, RtspOptions

_LATE_TICKS = 3 * TICKS


@dataclass(frozen=True, slots=True)
class Item:
    """One picture or sound packet. `due` orders and paces (ticks); `skipped` are the ticks of gaps jumped so far."""

    unit: AccessUnit | AudioUnit
    due: int
    skipped: int

    @property
    def is_video(self) -> bool:
        """Tell pictures from sound."""
        return isinstance(self.unit, AccessUnit)


class Source(Protocol):
    """What a session sends."""

    first: int
    skipped: int

    async def locate(self) -> bool:
        """Find the first picture and set `first` (ticks); false when there is none."""

    def items(self) -> AsyncIterator[Item]:
        """Yield everything from `first` on."""


def interleave(gop: Gop, audio: tuple[AudioUnit, ...], step: int, skipped: int) -> list[Item]:
    """Return a group and its sound in sending order: nothing is due before it was captured."""
    items = []
    latest = gop.start
    for unit in gop.units:
        latest = max(latest, unit.pts)
        # A picture that is reordered leaves the encoder when the last one it waits for was captured.
        items.append(Item(unit, latest, skipped))
    items += [Item(unit, unit.pts + step, skipped) for unit in audio]
    return sorted(items, key=lambda item: item.due)


class LiveSource:
    """The present. A viewer who cannot follow loses pictures, not time."""

    def __init__(self, studio: Studio, target: LiveTarget, options: RtspOptions) -> None:
        self.first = 0
        self.skipped = 0
        self._studio = studio
        self._target = target
        self._options = options

    async def locate(self) -> bool:
        """Find the first picture."""
        profile, channel = self._target.profile, self._target.channel
        now = to_ticks(self._studio.clock.now())
        if channel not in self._studio.cameras:
            return False
        match self._options.live_start:
            case "instant":
                self.first = profile.first_frame(now)
            case "burst":
                self.first = gop_bounds(profile, channel, now)[0]
            case "next":
                self.first = gop_bounds(profile, channel, now)[1]
        return True

    async def items(self) -> AsyncIterator[Item]:
        """Yield what the camera sees, for ever."""
        profile, channel, studio = self._target.profile, self._target.channel, self._studio
        position = self.first
        while channel in studio.cameras:
            gop = await studio.gop(channel, profile, position)
            studio.prefetch(channel, profile, gop.end)
            audio = await studio.audio(channel, profile, position, gop.end)
            for item in interleave(gop, audio, profile.frame_ticks, 0):
                yield item
            position = gop.end
            now = to_ticks(studio.clock.now())
            if now - position > _LATE_TICKS:
                position = gop_bounds(profile, channel, now)[0]


class PlaybackSource:
    """Footage from `start` (true time) on; gaps are jumped over or end it."""

    def __init__(
        self,
        studio: Studio,
        footage: Footage,
        target: PlaybackTarget,
        faults: RtspFaults,
        *,
        start: int,
        end: int | None,
        keys_only: bool = False,
    ) -> None:
        self.first = start
        self.skipped = 0
        self._studio = studio
        self._footage = footage
        self._target = target
        self._faults = faults
        self._end = end
        self._keys_only = keys_only

    def _next(self, ticks: int, end: int) -> tuple[int, int] | None:
        """Return the first playable span at or after a moment, cut at it."""
        span = self._footage.next_recorded(self._target.channel, from_ticks(ticks), from_ticks(end))
        return None if span is None else (to_ticks(span[0]), to_ticks(span[1]))

    async def locate(self) -> bool:
        """Find the key frame to begin with: before the asked moment, or after it when the firmware does so."""
        profile, channel = self._target.profile, self._target.channel
        asked = self.first
        end = self._end if self._end is not None else to_ticks(self._studio.clock.now())
        span = self._next(asked, end)
        if span is None:
            return False
        border, following = gop_bounds(profile, channel, span[0])
        if self._target.ranges == "npt":
            border = max(border, to_ticks(self._target.start))  # a file holds nothing from before itself
        if span[0] > asked + profile.frame_ticks:
            self.first = profile.first_frame(span[0])
        elif self._faults.key_frame == "before":
            before = self._next(border, span[0] + profile.frame_ticks)
            while before is not None and before[1] < span[0]:
                before = self._next(before[1] + 1, span[0] + profile.frame_ticks)
            self.first = profile.first_frame(before[0] if before else span[0])
        elif border != span[0]:
            span = self._next(following, end)
            if span is None:
                return False
            self.first = profile.first_frame(span[0])
        return True

    async def items(self) -> AsyncIterator[Item]:
        """Yield footage up to the end asked for, or to where recording stopped."""
        profile, channel, studio = self._target.profile, self._target.channel, self._studio
        position = self.first
        while self._end is None or position < self._end:
            border = gop_bounds(profile, channel, position)[1]
            span = await self._span(position, border)
            if span is None:
                return
            if span[0] - position >= profile.frame_ticks:
                if self._faults.gap == "stop":
                    return
                start = profile.first_frame(span[0])
                self.skipped += start - position
                position = start
                continue
            until = min(span[1], border, self._end or border)
            if self._keys_only:
                until = min(until, position + profile.frame_ticks)
            gop = await studio.gop(channel, profile, position, until)
            if border <= span[1] and not self._keys_only:
                self._prefetch(border, span[1])
            audio = () if self._keys_only else await studio.audio(channel, profile, position, until)
            for item in interleave(gop, audio, profile.frame_ticks, self.skipped):
                yield item
            position = profile.first_frame(border if self._keys_only else until)

    def _prefetch(self, border: int, limit: int) -> None:
        """Have what follows encoded meanwhile: one group ahead, two when sending faster than real time."""
        profile, channel = self._target.profile, self._target.channel
        following = gop_bounds(profile, channel, border)[1]
        self._studio.prefetch(channel, profile, border)
        if self._faults.delivery != 1 and following <= limit:
            self._studio.prefetch(channel, profile, following)

    async def _span(self, position: int, border: int) -> tuple[int, int] | None:
        """Return the playable span at or after a position; at the present wait for what is being recorded."""
        clock = self._studio.clock
        while True:
            now = to_ticks(clock.now())
            if position >= now or border > now:
                if self._end is None and not self._recording():
                    return None
                wanted = border if self._end is None else min(border, self._end)
                if wanted > now:
                    await asyncio.sleep(min((wanted - now) / TICKS + 0.02, 0.5))
                    continue
            span = self._next(position, min(now, self._end) if self._end is not None else now)
            if span is not None or not self._recording() or (self._end is not None and now >= self._end):
                return span
            await asyncio.sleep(0.2)

    def _recording(self) -> bool:
        """Tell whether the channel records at present."""
        now = self._studio.clock.now()
        files = self._footage.files(self._target.channel, now - timedelta(seconds=10), now)
        return any(file.open for file in files)
