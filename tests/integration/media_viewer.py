"""A viewer of the media socket: what our own panel will do, without a screen."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from io import BytesIO
import json
from typing import Any

from aiohttp import ClientWebSocketResponse, WSMsgType
from aiohttp.test_utils import TestClient
import av
from homeassistant.core import HomeAssistant
import numpy as np
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.typing import (
    ClientSessionGenerator,
    MockHAClientWebSocket,
    WebSocketGenerator,
)

from custom_components.nvr.media.streaming.frames import Frame, Kind, unpack
from tests.simulators.video.timecode import read_timecode

MEDIA = {Kind.FRAGMENT, Kind.KEY}


@dataclass(frozen=True)
class Picture:
    """One decoded picture: where it stands in media time, and what is painted into it; both in seconds."""

    at: float
    painted: float
    channel: int


@dataclass
class Watched:
    """One stream as it came. `runs` begin with INIT: what came since the last one is the present run."""

    opened: dict[str, Any]
    messages: list[Frame] = field(default_factory=list)
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    mark: int = 0

    @property
    def run(self) -> list[Frame]:
        """What came since the newest INIT, with it."""
        starts = [index for index, message in enumerate(self.messages) if message.kind is Kind.INIT]
        return self.messages[starts[-1] :] if starts else []

    def since(self, moment: float) -> list[Frame]:
        """Return the run that begins at a moment, in seconds: what the newest command brought."""
        for index, message in enumerate(self.messages):
            if index < self.mark:
                continue
            if message.kind is Kind.INIT and abs(message.moment / 1000 - moment) < 0.002:
                return self.messages[index:]
        return []

    def pictures(self, messages: list[Frame] | None = None) -> list[Picture]:
        """Decode the present run."""
        run = self.run if messages is None else messages
        data = b"".join(message.payload for message in run if message.kind is Kind.INIT or message.kind in MEDIA)
        found = []
        with av.open(BytesIO(data), mode="r", format="mp4") as container:
            for frame in container.decode(video=0):
                code = read_timecode(np.asarray(frame.to_ndarray(format="gray"), dtype=np.uint8))
                assert code is not None, "a picture without its time"
                assert frame.time is not None
                found.append(Picture(frame.time, code.time.timestamp(), code.channel))
        return found

    @property
    def ending(self) -> dict[str, Any] | None:
        """Why it ended."""
        ends = [message for message in self.messages if message.kind is Kind.END]
        found: dict[str, Any] | None = json.loads(ends[-1].payload) if ends else None
        return found

    async def until(self, condition: Callable[[], object], seconds: float = 15.0) -> None:
        """Wait for messages until something is so."""
        async with asyncio.timeout(seconds):
            while not condition():
                self.changed.clear()
                await self.changed.wait()

    async def ended(self) -> dict[str, Any]:
        """Wait until it ends, and return why."""
        await self.until(lambda: self.ending)
        assert self.ending is not None
        return self.ending

    async def media(self, count: int = 1) -> None:
        """Wait until the present run has so many fragments."""
        await self.until(lambda: sum(message.kind in MEDIA for message in self.run) >= count)


class Viewer:
    """One person's page: Home Assistant's websocket for commands, ours for media.

    It gives signs of life by itself, unless it is told not to: on a busy machine a test takes longer than one may be
    silent.
    """

    def __init__(self, commands: MockHAClientWebSocket, client: TestClient[Any, Any], *, pings: bool = True) -> None:
        self.commands = commands
        self._client = client
        self.socket: ClientWebSocketResponse | None = None
        self.streams: dict[int, Watched] = {}
        self.told: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._pongs: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._pings = pings
        self._reader: asyncio.Task[None] | None = None

    async def ask(self, command: str, **values: Any) -> dict[str, Any]:
        """Send one command and return the whole answer."""
        await self.commands.send_json_auto_id({"type": f"nvr/{command}", **values})
        answer: dict[str, Any] = await self.commands.receive_json()
        return answer

    async def open(self, kind: str, camera_id: str, **values: Any) -> Watched:
        """Open a stream and take it over the socket."""
        answer = await self.ask("session/open", kind=kind, camera_id=camera_id, **values)
        assert answer["success"], answer
        return await self.take(answer["result"])

    async def take(self, opened: dict[str, Any]) -> Watched:
        """Take what was opened over the socket."""
        watched = Watched(opened)
        self.streams[watched.opened["stream_id"]] = watched
        told = await self.attach(watched.opened["token"])
        assert told == {
            "type": "attached",
            **{key: watched.opened[key] for key in ("session_id", "stream_id")},
        }
        return watched

    async def attach(self, token: str) -> dict[str, Any]:
        """Show a token at the socket, which is opened for the first one; return what is answered."""
        if self.socket is None or self.socket.closed:
            self.socket = await self._client.ws_connect("/api/nvr/media", max_msg_size=0)
            self._reader = asyncio.create_task(self._read(self.socket))
        await self.socket.send_json({"type": "attach", "token": token})
        async with asyncio.timeout(10):
            return await self.told.get()

    async def ping(self) -> None:
        """Give a sign of life, and wait for the answer."""
        assert self.socket is not None
        await self.socket.send_json({"type": "ping"})
        async with asyncio.timeout(10):
            await self._pongs.get()

    async def control(
        self, watched: Watched, action: str, value: float | None = None, *, at: float | None = None
    ) -> dict[str, Any]:
        """Change what a stream plays."""
        values = {name: given for name, given in (("value", value), ("at", at)) if given is not None}
        watched.mark = len(watched.messages)
        answer = await self.ask("session/control", session_id=watched.opened["session_id"], action=action, **values)
        assert answer["success"], answer
        result: dict[str, Any] = answer["result"]
        return result

    async def seek(self, watched: Watched, moment: float) -> list[Frame]:
        """Jump to a moment, and return the run from there as soon as that moment itself has come."""
        start = (await self.control(watched, "seek", moment))["actual_start"]
        await watched.until(
            lambda: any(m.kind in MEDIA and m.moment / 1000 >= moment + 0.2 for m in watched.since(start))
        )
        return watched.since(start)

    async def close(self) -> None:
        """Leave."""
        if self.socket is not None:
            await self.socket.close()
        if self._reader is not None:
            await self._reader

    async def _read(self, socket: ClientWebSocketResponse) -> None:
        pinging = asyncio.create_task(self._ping_on(socket))
        try:
            await self._take(socket)
        finally:
            pinging.cancel()
            await asyncio.wait({pinging})

    async def _ping_on(self, socket: ClientWebSocketResponse) -> None:
        with suppress(ConnectionError):
            while self._pings:
                await asyncio.sleep(3)
                await socket.send_json({"type": "ping"})

    async def _take(self, socket: ClientWebSocketResponse) -> None:
        async for message in socket:
            if message.type is WSMsgType.TEXT:
                said = message.json()
                (self._pongs if said["type"] == "pong" else self.told).put_nowait(said)
            else:
                frame = unpack(message.data)
                watched = self.streams[frame.stream_id]
                watched.messages.append(frame)
                watched.changed.set()
        for watched in self.streams.values():
            watched.changed.set()


@pytest.fixture(name="viewer")
async def viewer_fixture(
    hass: HomeAssistant,
    entry: MockConfigEntry,
    hass_ws_client: WebSocketGenerator,
    hass_client_no_auth: ClientSessionGenerator,
) -> AsyncIterator[Viewer]:
    """A viewer of the recorder, as an administrator."""
    viewer = Viewer(await hass_ws_client(hass), await hass_client_no_auth())
    yield viewer
    await viewer.close()
