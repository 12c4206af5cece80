"""The media socket: many streams of one viewer over one binary websocket, `/api/nvr/media`.

Home Assistant's own websocket carries binary messages towards it only, so there is a second one. It asks for no login
and no token stands in its address: the first message, and one for each further stream, is text

    {"type": "attach", "token": "..."}      answered by {"type": "attached", "session_id": ..., "stream_id": ...}

with a token that `nvr/session/open` gave to the user just before and that is good once. `{"type": "ping"}` is answered
by `{"type": "pong"}` and keeps it open: send one every 5 seconds. It is closed, and all its streams end, when nothing
has come for 13: so a viewer who is gone has no session on a recorder 15 seconds later. Rights are looked at again with
each of them.
"""

import asyncio
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final

from aiohttp import WSCloseCode, WSMsgType, web
from homeassistant.components.http import HomeAssistantView
from homeassistant.const import EVENT_HOMEASSISTANT_STOP
from homeassistant.core import Event, HomeAssistant, callback
import orjson

from .core.errors import NvrNotFoundError
from .media.streaming.stream import Ending, MediaStream
from .shared import shared
from .stream_commands import MEDIA_PATH
from .stream_sessions import let_watch

# With the goodbye to the recorder nothing is left 15 seconds after the last sign of life.
_SILENCE: Final = 13.0
_GOODBYE: Final = 1.0
_LONGEST_MESSAGE: Final = 4096
_REFUSED: Final = WSCloseCode.POLICY_VIOLATION
_STOPS: Final = "Home Assistant stops"
_NOT_UNDERSTOOD: Final = "not understood"
_UNAUTHORIZED: Final = {"type": "error", "code": "unauthorized"}
_OVER: Final = frozenset({WSMsgType.CLOSE, WSMsgType.CLOSING, WSMsgType.CLOSED, WSMsgType.ERROR})
# Answers that wait for a viewer who asks and asks, and takes none.
_MOST_ANSWERS: Final = 64


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
        # Saying goodbye takes as long as he takes to read: his streams end before, so it is not done by itself.
        socket = web.WebSocketResponse(autoclose=False, compress=False, max_msg_size=_LONGEST_MESSAGE, timeout=_GOODBYE)
        await socket.prepare(request)
        viewer = MediaSocket(self._hass, socket)
        reason = await viewer.serve()
        try:
            async with asyncio.timeout(2 * _GOODBYE):
                await viewer.leave(reason)
        except TimeoutError:
            if request.transport is not None:
                request.transport.abort()
        return socket


class MediaSocket:
    """One viewer."""

    def __init__(self, hass: HomeAssistant, socket: web.WebSocketResponse) -> None:
        self._hass = hass
        self._socket = socket
        self._proven = False
        self._streams: dict[int, MediaStream] = {}
        # Only one task sends: who listens must not wait for a viewer who takes nothing.
        self._answers: deque[str] = deque()
        self._wake = asyncio.Event()

    async def serve(self) -> str:
        """Send and listen until the viewer leaves or is to be sent away, then end his streams.

        Returns why he is sent away; empty when he left.
        """
        writer = asyncio.create_task(self._write(), name="nvr media socket")
        listening = asyncio.timeout(None)

        @callback
        def stop(_event: Event) -> None:
            # Home Assistant waits for this socket. Its streams end at this moment, too: there is time to say why.
            listening.reschedule(self._hass.loop.time() + _GOODBYE)

        forget = self._hass.bus.async_listen(EVENT_HOMEASSISTANT_STOP, stop)
        try:
            async with listening:
                return await self._listen()
        except TimeoutError:
            return _STOPS
        finally:
            forget()
            # The handler may be cancelled here, with the connection: what has to happen is the desk's.
            writer.cancel()
            for stream in self._streams.values():
                stream.outbox.listen(None)
                shared(self._hass).desk.close_soon(stream, Ending("left"))
            await asyncio.wait({writer})

    async def leave(self, reason: str) -> None:
        """Say the rest and goodbye."""
        with suppress(ConnectionError):
            for answer in self._answers:
                await self._socket.send_str(answer)
        code = WSCloseCode.GOING_AWAY if reason == _STOPS else _REFUSED
        await self._socket.close(code=code if reason else WSCloseCode.OK, message=reason.encode())

    async def _listen(self) -> str:
        while True:
            try:
                message = await self._socket.receive(_SILENCE)
            except TimeoutError:
                return "silence"
            if message.type in _OVER:
                return ""
            reason = await self._take(message.data) if message.type is WSMsgType.TEXT else _NOT_UNDERSTOOD
            if reason or len(self._answers) > _MOST_ANSWERS:
                return reason or "takes nothing"

    async def _take(self, text: str) -> str:
        """Do what a message says; returns why the socket is to be closed, if it is."""
        try:
            said: Any = orjson.loads(text)
        except orjson.JSONDecodeError:
            said = None
        match said:
            case {"type": "ping"} if self._proven:
                for stream in list(self._streams.values()):
                    await let_watch(self._hass, stream)
                self._answer({"type": "pong"})
            case {"type": "attach", "token": str(token)}:
                return await self._attach(token)
            case _:
                return _NOT_UNDERSTOOD
        return ""

    async def _attach(self, token: str) -> str:
        """Take a stream by its token; who shows a wrong one and never showed a good one is sent away."""
        try:
            stream = shared(self._hass).desk.redeem(token)
        except NvrNotFoundError:
            self._answer(_UNAUTHORIZED)
            return "" if self._proven else "unauthorized"
        self._proven = True
        # Kept from now on: whatever happens here, it ends with the socket.
        self._streams[stream.stream_id] = stream
        if not await let_watch(self._hass, stream):
            del self._streams[stream.stream_id]
            shared(self._hass).desk.close_soon(stream, Ending("unauthorized"))
            self._answer(_UNAUTHORIZED)
            return ""
        self._answer({"type": "attached", "session_id": stream.session_id, "stream_id": stream.stream_id})
        stream.outbox.listen(self._wake.set)
        return ""

    def _answer(self, told: Mapping[str, object]) -> None:
        self._answers.append(orjson.dumps(told).decode())
        self._wake.set()

    async def _write(self) -> None:
        """Send what waits: answers first, then one message of each stream in turn."""
        with suppress(ConnectionError):
            while True:
                while self._answers:
                    await self._socket.send_str(self._answers.popleft())
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
