"""The sound of one run: what players take is passed on, all else becomes AAC, some frames at a time.

Pictures must not wait for it: a player shows nothing where one of its tracks has nothing. So silence stands where
nothing was heard, at the beginning at once, later when it is more than a second late. What comes later than the silence
that stands for it is dropped.
"""

from collections.abc import Sequence
import logging
from typing import Final

import av

from ..aac import FRAME, AacConfig, make_config
from ..audio import AudioFormat, AudioGrid, AudioUnit, frames_of
from ..audio_codec import silence, transcode
from ..audio_maker import AROUND, target_of
from ..fmp4 import AudioTrack, TrackSample
from ..pool import WorkPool
from ..ticks import RATE

_LOGGER = logging.getLogger(__name__)
_LATE: Final = RATE
_CAUGHT_UP: Final = RATE // 2
# A frame is made when those behind it, with which it overlaps, were heard too; and some at a time, which is cheaper.
_OVERLAP: Final = 2
_AT_ONCE: Final = 2


class StreamSound:
    """The sound track of one run; it goes on to the end, whatever becomes of the recorder's."""

    def __init__(self, source: AudioFormat, config: AacConfig, quiet: bytes, epoch: int, pool: WorkPool) -> None:
        """Use `open`."""
        self.track = AudioTrack(config)
        self._source = source
        self._config = config
        self._quiet = quiet
        self._epoch = epoch
        self._pool = pool
        self._grid: AudioGrid | None = None
        self._units: list[AudioUnit] = []
        self._ready: list[bytes] = []
        self._given = 0
        self._began = False
        self._passes = source.config is not None and source.config.data == config.data
        # Long frames are late by themselves: sound that is always as late as the recorder sends it is to be heard.
        self._least = 1 if self._passes else _AT_ONCE
        self._behind = 1 if self._passes else 1 + _OVERLAP
        self._late = _LATE + (self._behind + self._least) * FRAME * RATE // config.rate

    @classmethod
    async def open(cls, source: AudioFormat, epoch: int, pool: WorkPool) -> StreamSound | None:
        """Return the sound of a run whose media time begins at `epoch` (ticks); None when it cannot be played."""
        config = target_of(source)
        try:
            quiet = await pool.run(silence, config)
        except (av.FFmpegError, KeyError, ValueError) as err:
            _LOGGER.debug("Sound is left out: %s", err)
            return None
        return cls(source, config, quiet, epoch, pool)

    async def hear(self, shift: int, units: Sequence[AudioUnit]) -> None:
        """Take what was heard, and make frames of it; what came before is to be moved by `shift` ticks."""
        for unit in self._units:
            unit.time += shift
        if not units:
            return
        self._units += units
        if self._grid is None:
            return  # where pictures begin is not known yet
        grid, following = self._grid, self._given + len(self._ready)
        kept = self._moment(following) - AROUND
        self._units = [unit for unit in self._units if unit.time >= kept]
        if not self._units:
            return  # it is later than the silence that stands for it
        reach = max(unit.time + self._source.ticks_of(unit.data) for unit in self._units)
        slots = range(following, grid.slots(self._epoch, reach).stop - self._behind)
        if len(slots) >= self._least:
            self._ready += await self._made(slots, grid)

    def take(self, end: int) -> list[TrackSample]:
        """Return the frames that are ready, and silence as far as pictures need it that end there (media ticks)."""
        if self._grid is None:
            return []
        frames, self._ready = self._ready, []
        first = self._given
        reached = self._moment(first + len(frames)) - self._epoch
        if not self._began or reached < end - self._late:
            until = end - _CAUGHT_UP if self._began else end
            missing = len(self._grid.slots(self._epoch + max(0, reached), self._epoch + max(0, until)))
            frames += [self._quiet] * missing
        self._began = True
        self._given += len(frames)
        return [TrackSample(self._grid.begin(first + index), FRAME, True, data) for index, data in enumerate(frames)]

    def begin(self, moment: int) -> None:
        """Note where the pictures begin."""
        grid = AudioGrid(self._config.rate, self._epoch)
        if self._passes and self._units:
            grid = AudioGrid.through(self._config.rate, self._epoch, self._units[0].time)
        self._grid = grid
        self._given = grid.slots(self._epoch, moment).stop

    def _moment(self, slot: int) -> int:
        grid = self._grid or AudioGrid(self._config.rate, self._epoch)
        return self._epoch + grid.begin(slot) * RATE // grid.rate

    async def _made(self, slots: range, grid: AudioGrid) -> list[bytes]:
        if self._passes:
            return frames_of(slots, grid.arrange(self._units), self._quiet)
        config = make_config(self._config.rate, self._config.channels)
        try:
            return await self._pool.run(transcode, self._units, self._source, grid, config, slots)
        except (av.FFmpegError, KeyError, ValueError) as err:
            _LOGGER.debug("Silence stands for sound that cannot be read: %s", err)
            return [self._quiet] * len(slots)
