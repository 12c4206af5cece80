"""Loudspeakers (dahua-cgi 14)."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Final

from ...errors import NvrNotFoundError, NvrUnsupportedError
from ...models import AudioCodec, RecorderKind, RtspAddress, StreamRole
from ...transport.upstream import Upstream
from .context import Context
from .live import Live
from .refusals import DahuaRefusalError

_PAGE: Final = "audio.cgi"
# What names the description with a way back in it (dahua-cgi 8.2).
_ONVIF: Final = "&unicast=true&proto=Onvif"


class _Line:
    """What is said to one camera; A-law is what all of them take."""

    codec: Final = AudioCodec.G711_ALAW

    def __init__(self, upstream: Upstream) -> None:
        self._upstream = upstream

    async def send(self, sound: bytes) -> None:
        """Send what sounds next."""
        await self._upstream.send(sound)


class Talk:
    """By RTSP, and cameras also by their page for sound; what that page does on a recorder is not known."""

    prefers_line: Final = False

    def __init__(self, context: Context) -> None:
        """Hold the context."""
        self._context = context
        self._live = Live(context)

    def address(self, channel: int, role: StreamRole = StreamRole.MAIN) -> RtspAddress:
        """Return the address that describes the stream with a way back."""
        address = self._live.address(channel, role)
        return replace(address, url=f"{address.url}{_ONVIF}")

    @asynccontextmanager
    async def line(self, channel: int, *, take_over: bool = False) -> AsyncIterator[_Line]:
        """Open the page for sound, where it is known to do no harm; it says nothing of who else speaks."""
        del take_over
        self._context.channel(channel)
        if self._context.kind is not RecorderKind.CAMERA:
            raise NvrUnsupportedError("only a camera takes sound by its page")
        query = f"action=postAudio&httptype=singlepart&channel={channel}"
        try:
            async with self._context.client.upstream(_PAGE, query, content_type="Audio/G.711A") as upstream:
                yield _Line(upstream)
        except (DahuaRefusalError, NvrNotFoundError) as error:
            raise NvrUnsupportedError("the camera has no page for sound") from error
