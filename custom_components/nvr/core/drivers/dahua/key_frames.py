"""Single pictures of the past: the key picture at or before a moment, without a playback session (dahua-cgi 11.4)."""

from datetime import datetime
from typing import Final

from ...errors import NvrNotFoundError, NvrResponseError
from ...models import KeyFrame, StreamRole, VideoCodec
from .context import Context
from .mapping import VIDEO_STREAMS
from .refusals import DahuaRefusalError
from .wire_find import stamp
from .wire_picture import METHOD, PAGE, parse_picture, question

_TIMEOUT: Final = 20.0
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
            raise NvrNotFoundError("the recorder has no picture of that moment") from error
        picture = parse_picture(response.headers.get("Content-Type", ""), response.body)
        if picture is None:
            raise NvrResponseError("the recorder answered with something that is no key picture")
        told = None if picture.digits is None else wall.from_wall(picture.digits, moment)
        return KeyFrame(channel, _CODECS[picture.codec], picture.data, told or moment, told is not None)
