"""Access units of any container into samples: codec, key frames and parameter sets. Pure."""

from collections.abc import Sequence

from ...core.errors import NvrResponseError, NvrUnsupportedError
from ...core.models import VideoCodec
from .. import h264, h265
from ..bits import length_prefixed, split_annexb
from ..cover import Sample
from ..fmp4 import VideoSets

_NAMES = {VideoCodec.MJPEG: "MJPEG", VideoCodec.MPEG4: "MPEG-4"}


class Pictures:
    """The video of one source. What comes before the first key frame is dropped: nobody can decode it."""

    def __init__(self, codec: VideoCodec = VideoCodec.UNKNOWN) -> None:
        """`codec` where the container says it; else the first parameter set tells."""
        self.codec = codec
        self._h264: h264.ParameterSets | None = None
        self._h265: h265.H265Sets | None = None
        self._begun = False

    @property
    def sets(self) -> VideoSets | None:
        """The newest parameter sets."""
        return self._h264 if self.codec is VideoCodec.H264 else self._h265

    def adopt(self, codec: VideoCodec) -> None:
        """Take what the container says. Raises NvrUnsupportedError for what no player of ours takes.

        A change in the middle too is refused: what was told of the stream before would be wrong.
        """
        if codec in _NAMES:
            raise NvrUnsupportedError(f"the recording is {_NAMES[codec]}")
        if VideoCodec.UNKNOWN not in {codec, self.codec} and codec is not self.codec:
            raise NvrUnsupportedError("the recording goes on in another codec")
        if codec is not VideoCodec.UNKNOWN:
            self.codec = codec

    def sample(self, moment: int, data: bytes) -> Sample | None:
        """Return the picture of an access unit with start codes; None while nothing can be decoded."""
        return self.sample_of(moment, split_annexb(data))

    def sample_of(self, moment: int, nals: Sequence[bytes]) -> Sample | None:
        """Return the picture of an access unit's NAL units; None for none, or while nothing can be decoded."""
        units = [nal for nal in nals if nal]
        if self.codec is VideoCodec.UNKNOWN:
            self.codec = _sniff(units)
        if self.codec is VideoCodec.H264:
            kinds = [nal[0] & 0x1F for nal in units]
            is_picture, key = any(1 <= kind <= 5 for kind in kinds), 5 in kinds
            self._h264 = h264.find_sets(units, self._h264)
            units = h264.with_sets(units, self._h264) if key and self._h264 is not None else units
        elif self.codec is VideoCodec.H265:
            kinds = [(nal[0] >> 1) & 0x3F for nal in units]
            is_picture, key = any(kind < 32 for kind in kinds), any(16 <= kind <= 23 for kind in kinds)
            self._h265 = h265.find_sets(units, self._h265)
            units = h265.with_sets(units, self._h265) if key and self._h265 is not None else units
        else:
            return None
        if not is_picture or not (key or self._begun):
            return None
        if key and self.sets is None:
            raise NvrResponseError("the recording carries no parameter set")
        self._begun = True
        return Sample(moment, key, length_prefixed(units))


def _sniff(nals: Sequence[bytes]) -> VideoCodec:
    """Tell the codec by a parameter set: of H.265 it begins with 0x40 or 0x42, of H.264 with type 7."""
    for nal in nals:
        if nal[0] in {0x40, 0x42} and len(nal) > 2 and nal[1] == 1:
            return VideoCodec.H265
        if nal[0] & 0x9F == 7:
            return VideoCodec.H264
    return VideoCodec.UNKNOWN
