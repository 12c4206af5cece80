"""Loudspeakers (hikvision-isapi 12.5)."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Final

from ...errors import (
    NvrAuthError,
    NvrBusyError,
    NvrError,
    NvrLockedError,
    NvrPermissionError,
    NvrUnsupportedError,
)
from ...models import AudioCodec, RecorderKind, RtspAddress, StreamRole
from ...tasks import finish
from ...transport.upstream import Upstream
from .context import Context
from .live import Live
from .refusals import HikvisionRefusalError
from .tables import AUDIO_CODECS
from .wire_talk import Voice, parse_talk, parse_voices

_BASE: Final = "/ISAPI/System/TwoWayAudio/channels"
_TIMEOUT: Final = 5.0
_REFUSED: Final = (NvrAuthError, NvrBusyError, NvrLockedError, NvrPermissionError)
_TAKEN: Final = (AudioCodec.G711_ULAW, AudioCodec.G711_ALAW)


class _Line:
    """What is said to one voice channel."""

    def __init__(self, upstream: Upstream, codec: AudioCodec) -> None:
        self._upstream = upstream
        self.codec = codec

    async def send(self, sound: bytes) -> None:
        """Send what sounds next."""
        await self._upstream.send(sound)


class Talk:
    """Cameras by their own voice channel; those of a recorder by RTSP, for its first voice channel is its own.

    How the voice channels of a recorder's cameras are counted is told nowhere, and what is meant for the gate must not
    come out in the bedroom.
    """

    prefers_line: Final = True

    def __init__(self, context: Context) -> None:
        """Hold the context."""
        self._context = context
        self._live = Live(context)

    def address(self, channel: int, role: StreamRole = StreamRole.MAIN) -> RtspAddress:
        """Return the address of the stream: a way back is a track of it."""
        return self._live.address(channel, role)

    @asynccontextmanager
    async def line(self, channel: int, *, take_over: bool = False) -> AsyncIterator[_Line]:
        """Open the camera's voice channel, and close it whatever happens: one left open blocks everybody."""
        self._context.channel(channel)
        voice, codec = await self._voice()
        path, client = f"{_BASE}/{voice.id}", self._context.client
        if take_over:
            with suppress(NvrUnsupportedError, HikvisionRefusalError):
                await client.put(f"{path}/close", lane="ptz", timeout=_TIMEOUT, again=True)
        ours = True
        try:
            try:
                session = await self._open(path)
            except _REFUSED:
                # Whatever is open there is somebody else's.
                ours = False
                raise
            query = "" if session is None else f"?sessionId={session}"
            async with client.upstream(f"{path}/audioData{query}") as upstream:
                yield _Line(upstream, codec)
        finally:
            if ours:
                with suppress(NvrError):
                    await finish(client.put(f"{path}/close", lane="ptz", timeout=_TIMEOUT, again=True))

    async def _voice(self) -> tuple[Voice, AudioCodec]:
        if self._context.kind is not RecorderKind.CAMERA:
            raise NvrUnsupportedError("the recorder's own voice channel is no camera's")
        try:
            voices = parse_voices(await self._context.client.get(_BASE, lane="ptz", timeout=_TIMEOUT))
        except HikvisionRefusalError as error:
            raise NvrUnsupportedError("the camera has no voice channel") from error
        if not voices:
            raise NvrUnsupportedError("the camera has no voice channel")
        word = voices[0].codec.lower().replace(".", "").replace("-", "")
        codec = AUDIO_CODECS.get(word, AudioCodec.UNKNOWN)
        if codec not in _TAKEN:
            raise NvrUnsupportedError(f"the camera's voice channel takes {codec}; set it to G.711")
        return voices[0], codec

    async def _open(self, path: str) -> str | None:
        try:
            return parse_talk(await self._context.client.put(f"{path}/open", lane="ptz", timeout=_TIMEOUT))
        except (NvrUnsupportedError, HikvisionRefusalError) as error:
            # The list has just named it: who is refused now comes while somebody else speaks (12.5: 403).
            raise NvrBusyError("somebody else speaks through this camera") from error
