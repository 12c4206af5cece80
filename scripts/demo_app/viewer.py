"""A viewer as a stranger writes one: commands over Home Assistant's websocket, pictures over the media socket."""

import asyncio
from collections.abc import AsyncIterator
import contextlib
from dataclasses import dataclass, field
import json
import struct
from typing import Any

import aiohttp

from . import hls
from .client import HaClient, HaWebsocket
from .processes import DemoError

_HEADER = struct.Struct(">BBHQ")
_INIT, _FRAGMENT, _KEY, _END = 0, 1, 2, 4
_PATIENCE = 30.0


@dataclass
class Stream:
    """One stream: what was answered when it was opened, and what came of the present run, by its moments (s)."""

    opened: dict[str, Any]
    begins: float = 0.0
    parts: list[tuple[float, bytes]] = field(default_factory=list)
    ended: str | None = None
    news: asyncio.Event = field(default_factory=asyncio.Event)

    def take(self, data: bytes) -> None:
        """Take one message."""
        _, kind, _, moment = _HEADER.unpack_from(data)
        body = data[_HEADER.size :]
        if kind == _INIT:
            self.begins, self.parts = moment / 1000, [(moment / 1000, body)]
        elif kind in {_FRAGMENT, _KEY}:
            self.parts.append((moment / 1000, body))
        elif kind == _END:
            self.ended = json.loads(body).get("code")
        self.news.set()

    async def shown(self, begins: float, moment: float) -> float:
        """Wait for the run that begins there, and return the time (s) of the picture that stands at the moment."""
        async with asyncio.timeout(_PATIENCE):
            while abs(self.begins - begins) > 0.002 or self.parts[-1][0] < moment + 0.2:
                if self.ended is not None:
                    message = f"the stream ended: {self.ended}"
                    raise DemoError(message)
                self.news.clear()
                await self.news.wait()
        frames = await asyncio.to_thread(hls.decode, b"".join(body for _, body in self.parts))
        epoch = float(self.opened["epoch"])
        until = [code for at, code in frames if epoch + at <= moment + 0.001]
        if not until:
            message = "the stream begins behind the asked moment"
            raise DemoError(message)
        return until[-1].time.timestamp()


class Viewer:
    """One page that watches one recording."""

    def __init__(self, commands: HaWebsocket, media: aiohttp.ClientWebSocketResponse, stream: Stream) -> None:
        """Take what is open."""
        self.stream = stream
        self._commands = commands
        self._media = media

    async def play(self) -> None:
        """Read what comes until the socket is closed."""
        async for message in self._media:
            if message.type is aiohttp.WSMsgType.BINARY:
                self.stream.take(message.data)

    async def seek(self, moment: float) -> float:
        """Jump to a moment, and return the time (s) of the picture that is shown there."""
        session = self.stream.opened["session_id"]
        told = await self._commands.command("nvr/session/control", session_id=session, action="seek", value=moment)
        return await self.stream.shown(told["actual_start"], moment)


@contextlib.asynccontextmanager
async def watching(client: HaClient, camera_id: str, start: float) -> AsyncIterator[Viewer]:
    """Open a recording at a moment (s)."""
    async with client.websocket() as commands:
        values: dict[str, Any] = {
            "kind": "playback",
            "camera_id": camera_id,
            "start": start,
            "accept": ["avc1", "hvc1"],
        }
        opened = await commands.command("nvr/session/open", **values)
        async with client.media_socket(opened["media_path"]) as media:
            await media.send_json({"type": "attach", "token": opened["token"]})
            viewer = Viewer(commands, media, Stream(opened))
            reading = asyncio.create_task(viewer.play())
            try:
                yield viewer
            finally:
                await media.close()
                await reading
