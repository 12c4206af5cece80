"""Live addresses, stills and playback addresses (hikvision-isapi 6.2, 7, 9)."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from ...clock import second_after
from ...errors import (
    NvrError,
    NvrNotFoundError,
    NvrPermissionError,
    NvrResponseError,
    NvrUnsupportedError,
)
from ...flights import SharedFlights
from ...models import Channel, ChannelKind, PlaybackRequest, RtspAddress, Still, StreamRole, TimeSpan
from .context import Context
from .recordings import Recordings
from .refusals import HikvisionRefusalError
from .wire_search import netloc, playback_uri

_JPEG: Final = b"\xff\xd8\xff"
_DIRECT, _PROXY = "direct", "proxy"
_PATHS: Final = {
    _DIRECT: "/ISAPI/Streaming/channels/{}/picture",
    _PROXY: "/ISAPI/ContentMgmt/StreamingProxy/channels/{}/picture",
}
_DEVICE_ERROR_TRIES: Final = 3
_DEVICE_ERROR_WAIT: Final = 0.3
# Pictures up to this width come from the sub stream: they cost the recorder a tenth.
_SMALL: Final = 800
# Less than whoever waits for a picture has patience: Home Assistant gives up after 10 s.
_PICTURE_TIMEOUT: Final = 8.0


def address(context: Context, url: str) -> RtspAddress:
    """Return an address with the login beside it, not in it."""
    config = context.config
    return RtspAddress(url, config.username, config.password, config.rtsp_transport, config.plain_basic)


class Live:
    """Live streams."""

    def __init__(self, context: Context) -> None:
        """Hold the context."""
        self._context = context

    def address(self, channel: int, role: StreamRole) -> RtspAddress:
        """Return where the profile plays (hikvision-isapi 6.2); raises NvrNotFoundError."""
        profile = self._context.channel(channel).profile(role)
        if profile is None:
            message = f"channel {channel} has no {role} stream"
            raise NvrNotFoundError(message)
        place = netloc(self._context.rtsp_host, self._context.rtsp_port)
        return address(self._context, f"rtsp://{place}/Streaming/Channels/{profile.stream_id}")


class Playback:
    """Footage to watch over RTSP."""

    def __init__(self, context: Context, recordings: Recordings) -> None:
        """Hold the recordings for their calibration of Z."""
        self._context = context
        self._recordings = recordings

    async def request(self, channel: int, span: TimeSpan, *, role: StreamRole = StreamRole.MAIN) -> PlaybackRequest:
        """Return the address that plays from `span.start`, times as this recorder writes them (hikvision-isapi 9.1).

        Raises NvrUnsupportedError where these times mean another hour as well: what is shown might be of that one.
        """
        context = self._context
        track = context.track(channel, role)
        await self._recordings.calibrate(span)
        wire = context.playback_clock()
        if wire.is_doubtful(span.start):
            raise NvrUnsupportedError("the clock showed this hour twice, and the recorder cannot play just one of them")
        # The wire has whole seconds: what is asked for lies between them.
        start, end = wire.to_wire(span.start).replace(microsecond=0), second_after(wire.to_wire(span.end))
        url = playback_uri(context.rtsp_host, context.rtsp_port, track, start, end if end > start else None)
        return PlaybackRequest(address(context, url), span.start, span.end, wire.wire_offset(span.start))


class Snapshots:
    """Live stills; one request per channel and size at a time, whoever asks."""

    def __init__(self, context: Context, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        """Hold the context; `sleep` waits before a device error is tried again."""
        self._context = context
        self._sleep = sleep
        self._flights: SharedFlights[tuple[int, bool], Still] = SharedFlights()

    async def snapshot(self, channel: int, *, width: int | None = None, height: int | None = None) -> Still:
        """Return a fresh JPEG (hikvision-isapi 7); raises NvrNotFoundError for a channel without a picture."""
        found = self._context.channel(channel)
        small = width is not None and width <= _SMALL
        return await self._flights.share((channel, small), lambda: self._take(found, small=small, size=(width, height)))

    async def close(self) -> None:
        """End what is under way; whoever waits for it gets NvrUnreachableError."""
        await self._flights.close()

    @staticmethod
    def _stream_id(channel: Channel, *, small: bool) -> str:
        sub = channel.profile(StreamRole.SUB)
        if small and sub is not None and sub.enabled:
            return sub.stream_id
        main = channel.profile(StreamRole.MAIN)
        return main.stream_id if main is not None else f"{channel.number}01"

    async def _take(self, channel: Channel, *, small: bool, size: tuple[int | None, int | None]) -> Still:
        stream_id = self._stream_id(channel, small=small)
        query = ""
        if None not in size and not small and self._context.quirks.picture_query:
            query = f"?videoResolutionWidth={size[0]}&videoResolutionHeight={size[1]}"
        try:
            jpeg = await self._by_known_path(channel, stream_id, query)
        except (NvrNotFoundError, NvrPermissionError, NvrUnsupportedError, HikvisionRefusalError) as error:
            if channel.online is False:
                message = f"the camera of channel {channel.number} is away"
                raise NvrNotFoundError(message) from error
            raise
        return Still(jpeg, self._context.utcnow())

    async def _by_known_path(self, channel: Channel, stream_id: str, query: str) -> bytes:
        """Ask by the path that worked before, else by both; what works for cameras on the network is remembered.

        A recorder that sends for their pictures by the proxy takes those of its own inputs directly.
        """
        quirks, remember = self._context.quirks, channel.kind is ChannelKind.IP
        known = quirks.picture_path if remember else None
        path = known or _DIRECT
        try:
            jpeg = await self._by_path(path, stream_id, query)
        except NvrError as error:
            if not self._may_be_elsewhere(error, known=known is not None):
                raise
            first = error
        else:
            quirks.picture_path = path if remember else quirks.picture_path
            return jpeg
        path = _PROXY if path == _DIRECT else _DIRECT
        try:
            jpeg = await self._by_path(path, stream_id, query)
        except NvrNotFoundError, NvrUnsupportedError:
            raise first from None
        quirks.picture_path = path if remember else quirks.picture_path
        return jpeg

    @staticmethod
    def _may_be_elsewhere(error: NvrError, *, known: bool) -> bool:
        """Tell whether the other path may have it: code 6 says so at any time, a missing path only at first."""
        if isinstance(error, HikvisionRefusalError):
            return error.is_bad_request
        return not known and isinstance(error, NvrNotFoundError | NvrUnsupportedError | NvrPermissionError)

    async def _by_path(self, path: str, stream_id: str, query: str) -> bytes:
        target = _PATHS[path].format(stream_id)
        if query:
            try:
                return await self._picture(target + query)
            except HikvisionRefusalError, NvrUnsupportedError, NvrNotFoundError:
                jpeg = await self._picture(target)
                self._context.quirks.picture_query = False
                return jpeg
        return await self._picture(target)

    async def _picture(self, target: str) -> bytes:
        """Return a JPEG; a device error is tried again twice at most (hikvision-isapi 7)."""
        for left in range(_DEVICE_ERROR_TRIES - 1, -1, -1):
            try:
                body = await self._context.client.get(target, lane="snapshot", timeout=_PICTURE_TIMEOUT)
            except HikvisionRefusalError as error:
                if not error.is_device_error or not left:
                    raise
                await self._sleep(_DEVICE_ERROR_WAIT)
                continue
            if body.startswith(_JPEG):
                return body
            if not body:
                message = "the recorder has no picture of this channel"
                raise NvrNotFoundError(message)
            message = "the recorder sent something that is no JPEG"
            raise NvrResponseError(message)
        raise AssertionError
