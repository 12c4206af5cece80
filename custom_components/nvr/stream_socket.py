"""The media socket: many streams of one viewer over one binary websocket, `/api/nvr/media`.

Home Assistant's own websocket carries binary messages towards it only, so there is a second one. It asks for no login
and no token stands in its address: the first message, and one for each further stream, is text

    {"type": "attach", "token": "..."}      answered by {"type": "attached", "session_id": ..., "stream_id": ...}

with a token that `nvr/session/open` gave to the user just before and that is good once. `{"type": "ping"}`, at least
every 15 seconds, keeps it open. When it closes, all its streams do.
"""

import asyncio
from contextlib import suppress
from typing import Any, Final

from aiohttp import WSCloseCode, WSMsgType, web
from homeassistant.components.http import HomeAssistantView
from homeassistant.core import HomeAssistant, callback
import orjson

from .core.errors import NvrNotFoundError
from .media.streaming.stream import Ending, MediaStream
from .shared import shared
from .stream_commands import MEDIA_PATH
from .stream_sessions import may_watch

_SILENCE: Final = 15.0
_LONGEST_MESSAGE: Final = 4096
_REFUSED: Final = WSCloseCode.POLICY_VIOLATION


@callback
def async_register_media_socket(hass: HomeAssistant) -> None:
    """Register the view; once, from `async_setup`."""
    hass.http.register_view(MediaSocketView(hass))


class MediaSocketView(HomeAssistantView):
    """Opens a socket; it proves itself by its first message."""

    url = MEDIA_PATH
    name = "api:nvr:media"
    requires_auth = False

    def __init__(self, hass: HomeAssistant) -> None:
        self._hass = hass

    async def get(self, request: web.Request) -> web.WebSocketResponse:
        """Serve one viewer until he leaves."""
        socket = web.WebSocketResponse(compress=False, max_msg_size=_LONGEST_MESSAGE, timeout=1.0)
        await socket.prepare(request)
        await MediaSocket(self._hass, socket).serve()
        return socket


class MediaSocket:
    """One viewer."""

    def __init__(self, hass: HomeAssistant, socket: web.WebSocketResponse) -> None:
        self._hass = hass
        self._socket = socket
        self._streams: dict[int, MediaStream] = {}
        self._wake = asyncio.Event()

    async def serve(self) -> None:
        """Send and listen until the viewer leaves, falls silent or has nothing to show; then end his streams."""
        writer = asyncio.create_task(self._write(), name="nvr media socket")
        try:
            await self._listen()
        finally:
            # The handler may be cancelled here, with the connection: what has to happen is the desk's.
            writer.cancel()
            for stream in self._streams.values():
                stream.outbox.listen(None)
                shared(self._hass).desk.close_soon(stream, Ending("left", "The viewer left."))
            await asyncio.wait({writer})

    async def _listen(self) -> None:
        while True:
            try:
                message = await self._socket.receive(_SILENCE)
            except TimeoutError:
                await self._socket.close(code=_REFUSED, message=b"silence")
                return
            if message.type is not WSMsgType.TEXT or not await self._take(message.data):
                return

    async def _take(self, text: str) -> bool:
        """Do what a message says; False when the socket is to be closed."""
        try:
            said: Any = orjson.loads(text)
        except orjson.JSONDecodeError:
            said = None
        match said:
            case {"type": "ping"} if self._streams:
                await self._socket.send_str('{"type":"pong"}')
            case {"type": "attach", "token": str(token)}:
                return await self._attach(token)
            case _:
                await self._socket.close(code=_REFUSED, message=b"not understood")
                return False
        return True

    async def _attach(self, token: str) -> bool:
        """Take a stream by its token; who shows a wrong one and has no stream is sent away."""
        try:
            stream = shared(self._hass).desk.redeem(token)
        except NvrNotFoundError:
            await self._socket.send_str('{"type":"error","code":"unauthorized"}')
            if not self._streams:
                await self._socket.close(code=_REFUSED, message=b"unauthorized")
            return bool(self._streams)
        if not await may_watch(self._hass, stream):
            await stream.close(Ending("unauthorized"))
            await self._socket.send_str('{"type":"error","code":"unauthorized"}')
            return True
        self._streams[stream.stream_id] = stream
        told = {"type": "attached", "session_id": stream.session_id, "stream_id": stream.stream_id}
        await self._socket.send_str(orjson.dumps(told).decode())
        stream.outbox.listen(self._wake.set)
        return True

    async def _write(self) -> None:
        """Send what waits, one message of each stream in turn."""
        with suppress(ConnectionError):
            while True:
                if not await self._send_round():
                    self._wake.clear()
                    await self._wake.wait()

    async def _send_round(self) -> bool:
        sent = False
        for stream in list(self._streams.values()):
            if (message := stream.outbox.take()) is not None:
                await self._socket.send_bytes(message.data)
                sent = True
            elif stream.done:
                self._streams.pop(stream.stream_id, None)
        return sent
