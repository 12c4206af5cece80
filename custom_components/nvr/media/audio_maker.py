"""Makes the sound of one playback's segments: what players take is passed on, all else becomes AAC."""

from collections.abc import Sequence
import logging

import av

from .aac import FRAME, RATES, AacConfig, make_config
from .audio import AudioFormat, AudioGrid, AudioUnit, frames_of
from .audio_codec import silence, transcode
from .fmp4 import AudioTrack, TrackSample
from .pool import WorkPool
from .ticks import RATE

_LOGGER = logging.getLogger(__name__)
_WIDEST = 48_000
_MOST_CHANNELS = 2
AROUND = RATE // 2
"""How much more than a segment's own time its sound needs on both sides, in ticks."""


def target_of(source: AudioFormat) -> AacConfig:
    """Return what the track will be: the recorder's own AAC where players take it, else low complexity."""
    if source.config is not None and source.config.passes and source.channels <= _MOST_CHANNELS:
        return source.config
    rate = source.rate if source.rate in RATES and source.rate <= _WIDEST else _WIDEST
    return make_config(rate, min(source.channels, _MOST_CHANNELS))


# What a track is that begins before anybody heard anything.
UNHEARD = AudioFormat("pcm_s16le", 16_000, 1, 16)


class AudioMaker:
    """The sound track of one playback; it goes on to the end, whatever becomes of the recorder's."""

    def __init__(self, config: AacConfig, grid: AudioGrid, quiet: bytes, pool: WorkPool) -> None:
        """Use `open`."""
        self.track = AudioTrack(config)
        self._config = config
        self._grid = grid
        self._quiet = quiet
        self._pool = pool

    @classmethod
    async def open(cls, source: AudioFormat, first: int | None, origin: int, pool: WorkPool) -> AudioMaker | None:
        """Return the maker of a track from `origin` on; None when this sound cannot be played at all.

        `first`: when a frame of the recorder begins, so that frames that are passed on keep their time.
        """
        config = target_of(source)
        try:
            quiet = await pool.run(silence, config)
        except (av.FFmpegError, KeyError, ValueError) as err:
            _LOGGER.debug("Sound is left out: %s", err)
            return None
        grid = AudioGrid(config.rate, origin)
        if config is source.config and first is not None:
            grid = AudioGrid.through(config.rate, origin, first)
        return cls(config, grid, quiet, pool)

    async def samples(
        self, start: int, end: int, heard: Sequence[tuple[AudioFormat, Sequence[AudioUnit]]]
    ) -> list[TrackSample]:
        """Return the frames of a segment, without holes.

        `heard`: from `AROUND` before it to as much behind it, in order, a part that is not empty for each format.
        """
        slots = self._grid.slots(start, end)
        frames = frames_of(slots, {}, self._quiet)
        for number, (source, units) in enumerate(heard):
            if made := await self._frames(slots, source, units):
                first = self._grid.slots(max(start, units[0].time), end).start - slots.start if number else 0
                frames[first:] = made[first:]
        return [
            TrackSample(self._grid.begin(slot), FRAME, True, data) for slot, data in zip(slots, frames, strict=True)
        ]

    async def _frames(self, slots: range, source: AudioFormat, units: Sequence[AudioUnit]) -> list[bytes]:
        if source.config is not None and source.config.data == self._config.data:
            return frames_of(slots, self._grid.arrange(units), self._quiet)
        # Also where the recorder changed its format in the middle: the track stays what it was.
        config = make_config(self._config.rate, self._config.channels)
        try:
            return await self._pool.run(transcode, units, source, self._grid, config, slots)
        except (av.FFmpegError, KeyError, ValueError) as err:
            _LOGGER.debug("Silence stands for sound that cannot be read: %s", err)
            return []
