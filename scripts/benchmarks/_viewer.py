"""A viewer for the benchmarks: Home Assistant served on a port, its websocket for commands, ours for media."""

import asyncio
from collections.abc import AsyncIterator, Callable
import contextlib
import time
from typing import Any

import aiohttp
from aiohttp.test_utils import TestServer
from homeassistant.auth.const import GROUP_ID_ADMIN
from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component

from custom_components.nvr.media.streaming.frames import Frame, Kind, unpack


class Viewer:
    """One page. `seen` are the messages of each stream, with the time each came (perf_counter)."""

    def __init__(self, commands: aiohttp.ClientWebSocketResponse, session: aiohttp.ClientSession, base: str) -> None:
        """Take a websocket that is logged in."""
        self.seen: dict[int, list[tuple[float, Frame]]] = {}
        self.octets = 0
        self._commands = commands
        self._session = session
        self._base = base
        self._number = 0
        self._media: aiohttp.ClientWebSocketResponse | None = None
        self._reader: asyncio.Task[None] | None = None
        self._pinging: asyncio.Task[None] | None = None
        self._news = asyncio.Event()

    async def ask(self, command: str, **values: Any) -> Any:
        """Send one command and return its result."""
        self._number += 1
        await self._commands.send_json({"id": self._number, "type": f"nvr/{command}", **values})
        answer = await self._commands.receive_json()
        if not answer["success"]:
            raise RuntimeError(answer["error"])
        return answer["result"]

    async def connect(self) -> None:
        """Open the media socket."""
        self._media = await self._session.ws_connect(f"{self._base}/api/nvr/media", max_msg_size=0)
        self._reader = asyncio.create_task(self._read(self._media))
        self._pinging = asyncio.create_task(self._ping(self._media))

    async def open(self, **values: Any) -> dict[str, Any]:
        """Open a stream and take it."""
        opened: dict[str, Any] = await self.ask("session/open", **values)
        self.seen[opened["stream_id"]] = []
        if self._media is None:
            await self.connect()
        assert self._media is not None
        await self._media.send_json({"type": "attach", "token": opened["token"]})
        return opened

    async def until(self, stream_id: int, found: Callable[[Frame], bool], since: int = 0) -> float:
        """Wait for a message; return when it came."""
        async with asyncio.timeout(30):
            while True:
                for at, frame in self.seen[stream_id][since:]:
                    if found(frame):
                        return at
                self._news.clear()
                await self._news.wait()

    async def close(self) -> None:
        """Leave."""
        if self._pinging is not None:
            self._pinging.cancel()
            await asyncio.wait({self._pinging})
        if self._media is not None:
            await self._media.close()
        if self._reader is not None:
            await self._reader

    @staticmethod
    async def _ping(media: aiohttp.ClientWebSocketResponse) -> None:
        """Give signs of life, or the socket is closed."""
        while not media.closed:
            await media.send_json({"type": "ping"})
            await asyncio.sleep(5.0)

    async def _read(self, media: aiohttp.ClientWebSocketResponse) -> None:
        async for message in media:
            if message.type is aiohttp.WSMsgType.BINARY:
                frame = unpack(message.data)
                self.octets += len(message.data)
                self.seen[frame.stream_id].append((time.perf_counter(), frame))
                self._news.set()


def is_picture(frame: Frame) -> bool:
    """Tell pictures from the rest."""
    return frame.kind in {Kind.FRAGMENT, Kind.KEY}


@contextlib.asynccontextmanager
async def serving(hass: HomeAssistant) -> AsyncIterator[tuple[str, str]]:
    """Serve Home Assistant; yields its address and the access token of an administrator."""
    for component in ("http", "websocket_api"):
        assert await async_setup_component(hass, component, {})
    user = await hass.auth.async_create_user("viewer", group_ids=[GROUP_ID_ADMIN])
    login = await hass.auth.async_create_refresh_token(user, "https://example.com/app")
    server = TestServer(hass.http.app)
    await server.start_server()
    try:
        yield str(server.make_url("")).rstrip("/"), hass.auth.async_create_access_token(login)
    finally:
        await server.close()


@contextlib.asynccontextmanager
async def viewing(hass: HomeAssistant) -> AsyncIterator[Viewer]:
    """Serve Home Assistant and open a page of an administrator."""
    async with (
        serving(hass) as (base, token),
        aiohttp.ClientSession() as session,
        session.ws_connect(f"{base}/api/websocket") as commands,
    ):
        await commands.receive_json()
        await commands.send_json({"type": "auth", "access_token": token})
        if (await commands.receive_json())["type"] != "auth_ok":
            raise RuntimeError("the login was not taken")
        viewer = Viewer(commands, session, base)
        try:
            yield viewer
        finally:
            await viewer.close()
