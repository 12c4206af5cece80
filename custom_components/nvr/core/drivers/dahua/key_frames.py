"""Single pictures of the past: the key picture at or before a moment, without a playback session (dahua-cgi 11.4)."""

from datetime import datetime, timedelta
from typing import Final

from ...errors import NvrBusyError, NvrNotFoundError, NvrResponseError
from ...models import KeyFrame, StreamRole, VideoCodec
from .context import Context
from .dhav import HEADER, KEY, TRAILER, frames
from .mapping import VIDEO_STREAMS
from .refusals import DahuaRefusalError, is_failing
from .wire_find import stamp
from .wire_picture import METHOD, PAGE, codec_of, payload, question

_TIMEOUT: Final = 20.0
_LONGEST_GROUP: Final = timedelta(minutes=1)
# The place of the extension's length in a frame's header (dahua-cgi 11.5).
_EXTENSION: Final = 22
_CODECS: Final = {"h264": VideoCodec.H264, "h265": VideoCodec.H265}


class KeyFrames:
    """Single pictures of one recorder."""

    def __init__(self, context: Context) -> None:
        """Hold the context."""
        self._context = context

    @property
    def offered(self) -> bool:
        """Whether the recorder is not known to lack it; a refusal is remembered for a day."""
        context = self._context
        refused = context.memory.is_refused(f"rpc:{METHOD}", context.utcnow())
        return bool(context.client.rpc.available) and not refused

    async def key_frame(self, channel: int, moment: datetime, *, role: StreamRole = StreamRole.MAIN) -> KeyFrame:
        """Return the key picture at or before a moment; see KeyFrameSource.key_frame for what is raised."""
        context = self._context
        context.channel(channel)
        wall = context.wall()
        asked = question(channel - 1, stamp(wall.to_wall(moment)), VIDEO_STREAMS[role])
        try:
            response = await context.client.rpc.page(PAGE, METHOD, asked, lane="search", timeout=_TIMEOUT)
        except (DahuaRefusalError, NvrNotFoundError) as error:
            if is_failing(error):
                raise NvrBusyError(f"the recorder has no picture to give now: {error}", retry_after=10.0) from error
            raise NvrNotFoundError("the recorder has no picture of that moment") from error
        data, digits = _unwrapped(payload(response.headers.get("Content-Type", ""), response.body))
        codec = _CODECS.get(codec_of(data))
        if codec is None:
            raise NvrResponseError("the recorder answered with something that is no key picture")
        # Where the hour occurs twice the moment tells which: the picture is of it or of just before.
        told = None if digits is None else wall.from_wall(digits, moment - _LONGEST_GROUP)
        return KeyFrame(channel, codec, data, told or moment, told is not None)


def _unwrapped(data: bytes) -> tuple[bytes, datetime | None]:
    """Take a key picture out of its DHAV frame, with the wall digits that stand there; leave a bare one as it is."""
    for frame, at in frames(data):
        if frame.type == KEY:
            return data[at + HEADER + data[at + _EXTENSION] : at + frame.size - TRAILER], frame.digits
    return data, None
