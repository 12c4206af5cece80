"""Key frames as JPEG, for a viewer who decodes none of a camera's streams."""

import logging
from typing import Final

from ...core.errors import NvrResponseError
from ...core.models import VideoCodec
from ..cover import Sample
from ..pool import WorkPool
from ..thumbnails.picture import Coded, Jpeg, Pictures, annexb, make_jpeg
from ..ticks import RATE

_LOGGER = logging.getLogger(__name__)
_WIDTH: Final = 1280
_EVERY: Final = RATE // 2


class StillMaker:
    """Makes at most two pictures for each second that passes, in the engine's threads: decoding is what costs."""

    def __init__(self, pool: WorkPool, speed: float) -> None:
        """`speed`: how many seconds of footage pass in one."""
        self._pool = pool
        self._every = _EVERY * max(1.0, abs(speed))
        self._last: int | None = None

    def wants(self, sample: Sample) -> bool:
        """Tell whether a picture is due."""
        return sample.key and (self._last is None or abs(sample.time - self._last) >= self._every)

    async def make(self, codec: VideoCodec, group: list[Sample]) -> Jpeg | None:
        """Return the last picture of a group that begins with a key frame; None where a later one is broken.

        Raises NvrResponseError when not even the first one can be decoded.
        """
        moment, first = group[-1].time, self._last is None
        self._last = moment
        coded = [Coded(sample.time, annexb(sample.data)) for sample in group]
        try:
            jpeg = await self._pool.run(make_jpeg, Pictures(codec, coded), moment, _WIDTH)
        except NvrResponseError as err:
            if first:
                raise
            _LOGGER.debug("A picture is left out: %s", err)
            return None
        return Jpeg(jpeg.data, moment)
