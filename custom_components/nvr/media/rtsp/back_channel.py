"""The way back to a camera's loudspeaker over RTSP (ONVIF streaming 5.3): a track of the live stream that we send."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
import secrets
import time
from typing import Final

from ...core.driver import CredentialGuard
from ...core.errors import NvrBusyError, NvrError, NvrUnreachableError, NvrUnsupportedError
from ...core.models import AudioCodec, RtspAddress
from .connection import RtspConnection, SessionLimits
from .login import Login
from .sdp import MediaDescription, parse_sdp
from .session import bare_url, interleaved_channels

_ASK: Final = {"Require": "www.onvif.org/ver20/backchannel"}
_CODECS: Final = {"PCMU": AudioCodec.G711_ULAW, "PCMA": AudioCodec.G711_ALAW}
_RATE: Final = 8000
_PATIENCE: Final = 4.0
_VERSION: Final = 0x80
_MARKER: Final = 0x80


class BackChannel:
    """A track that we send; made by `open_back_channel`."""

    def __init__(self, connection: RtspConnection, media: MediaDescription, channel: int) -> None:
        """Begin at a random place, as RFC 3550 has it."""
        self.codec = _CODECS[media.encoding]
        self._connection = connection
        self._payload_type = media.payload_type
        self._channel = channel
        self._sequence = secrets.randbelow(1 << 16)
        self._timestamp = secrets.randbelow(1 << 32)
        self._source = secrets.token_bytes(4)
        self._marker = _MARKER
        self._broken: NvrError | None = None

    async def send(self, sound: bytes) -> None:
        """Send what sounds next. Raises NvrUnreachableError when the recorder hung up."""
        if self._broken is not None:
            raise self._broken
        head = bytes((_VERSION, self._marker | self._payload_type)) + self._sequence.to_bytes(2)
        packet = head + self._timestamp.to_bytes(4) + self._source + sound
        await self._connection.send_frame(self._channel, packet, _PATIENCE)
        self._marker = 0
        self._sequence = (self._sequence + 1) % (1 << 16)
        self._timestamp = (self._timestamp + len(sound)) % (1 << 32)

    async def listen(self) -> None:
        """Keep the session alive, and hear of its end, until cancelled."""
        try:
            await self._connection.listen()
            self._broken = NvrUnreachableError("the recorder ended the session")
        except NvrError as error:
            self._broken = error


@asynccontextmanager
async def open_back_channel(
    address: RtspAddress,
    guard: CredentialGuard,
    *,
    limits: SessionLimits | None = None,
    monotonic: Callable[[], float] = time.monotonic,
) -> AsyncIterator[BackChannel]:
    """Open the way back; leaving the context ends it with TEARDOWN.

    Raises NvrUnsupportedError where there is none, NvrBusyError while somebody else speaks, and as RtspSession.open.
    """
    basic_allowed = address.plain_basic or address.url.lower().startswith("rtsps:")
    login = Login(address.username, address.password, guard, basic_allowed=basic_allowed)
    connection = RtspConnection(login, limits or SessionLimits(), monotonic)
    listening: asyncio.Task[None] | None = None
    try:
        channel = await _set_up(connection, bare_url(address.url))
        listening = asyncio.ensure_future(channel.listen())
        yield channel
    finally:
        if listening is not None:
            listening.cancel()
            with suppress(asyncio.CancelledError):
                await asyncio.wait({listening})
        await connection.close()


async def _set_up(connection: RtspConnection, url: str) -> BackChannel:
    await connection.connect(url)
    answer = await connection.call("DESCRIBE", url, {"Accept": "application/sdp", **_ASK})
    base = answer.get("content-base") or answer.get("content-location") or url
    description = parse_sdp(answer.body, bare_url(base))
    media = next(filter(_is_way_back, description.media), None)
    if media is None:
        raise NvrUnsupportedError("the camera has no loudspeaker that takes G.711")
    connection.control = description.control
    try:
        answer = await connection.set_up(media.control, "RTP/AVP/TCP;unicast;interleaved=0-1", _ASK)
    except NvrBusyError as error:
        raise NvrBusyError("somebody else speaks through this camera") from error
    channel, _ = interleaved_channels(answer.get("transport") or "", 0)
    await connection.call("PLAY", description.control, dict(_ASK))
    connection.playing()
    return BackChannel(connection, media, channel)


def _is_way_back(media: MediaDescription) -> bool:
    return (
        media.kind == "audio"
        and not media.sends
        and media.encoding in _CODECS
        and media.clock_rate == _RATE
        and media.channels == 1
    )
