"""What the tests of footage share: people with rights, a media browser by websocket, and eyes for video."""

from dataclasses import dataclass
from io import BytesIO
from typing import Any

from aiohttp.test_utils import TestClient
import av
from homeassistant.auth.models import Group, User
from homeassistant.auth.permissions.types import PolicyType
from homeassistant.core import HomeAssistant
import numpy as np
from pytest_homeassistant_custom_component.typing import MockHAClientWebSocket

from tests.contract.media.rig import Tone, listen
from tests.simulators.video.timecode import TimeCode, read_timecode

CLIENT_ID = "https://example.com/app"
READ = {"read": True}


async def person(hass: HomeAssistant, policy: PolicyType, name: str = "guest") -> User:
    """Create a user whose only group has this policy."""
    if all(user.system_generated for user in await hass.auth.async_get_users()):
        await hass.auth.async_create_user("owner")  # the first one is made the owner
    group = Group(name=name, policy=policy, id=f"group-{name}")
    hass.auth._store._groups[group.id] = group
    return await hass.auth.async_create_user(name, group_ids=[group.id])


async def token_of(hass: HomeAssistant, user: User) -> str:
    """Log the user in."""
    refresh = await hass.auth.async_create_refresh_token(user, CLIENT_ID)
    return hass.auth.async_create_access_token(refresh)


@dataclass(frozen=True, slots=True)
class MediaBrowser:
    """The media browser of one person, by the commands that Home Assistant's page sends."""

    socket: MockHAClientWebSocket

    async def ask(self, command: str, content_id: str, **values: Any) -> dict[str, Any]:
        """Send one command and return the whole answer."""
        await self.socket.send_json_auto_id(
            {"type": f"media_source/{command}", "media_content_id": content_id, **values}
        )
        answer: dict[str, Any] = await self.socket.receive_json()
        return answer

    async def open(self, content_id: str = "media-source://nvr") -> dict[str, Any]:
        """Open a node."""
        answer = await self.ask("browse_media", content_id)
        assert answer["success"], answer
        opened: dict[str, Any] = answer["result"]
        return opened

    async def path(self, *titles: str) -> dict[str, Any]:
        """Open node after node, by the beginnings of their titles."""
        node = await self.open()
        for title in titles:
            node = await self.open(child(node, title)["media_content_id"])
        return node

    async def find(self, text: str, content_id: str = "media-source://nvr") -> list[dict[str, Any]]:
        """Search below a node."""
        answer = await self.ask("search_media", content_id, search_query=text)
        assert answer["success"], answer
        found: list[dict[str, Any]] = answer["result"]["result"]
        return found

    async def resolve(self, content_id: str) -> str:
        """Return the URL that plays an item; its MIME type is what the page needs."""
        answer = await self.ask("resolve_media", content_id)
        assert answer["success"], answer
        assert answer["result"]["mime_type"] == "application/x-mpegURL"
        url: str = answer["result"]["url"]
        return url

    async def refusal(self, command: str, content_id: str) -> str:
        """Return the sentence with which a command is refused."""
        answer = await self.ask(command, content_id)
        assert not answer["success"], answer
        assert answer["error"]["code"] == f"{command}_failed", answer
        message: str = answer["error"]["message"]
        return message


def child(node: dict[str, Any], title: str) -> dict[str, Any]:
    """Return the child whose title begins so."""
    found: list[dict[str, Any]] = [item for item in node["children"] if item["title"].startswith(title)]
    assert found, f"{title} is not among {[item['title'] for item in node['children']]}"
    return found[0]


def titles(node: dict[str, Any]) -> list[str]:
    """Return what a node shows."""
    return [item["title"] for item in node["children"]]


@dataclass(frozen=True, slots=True)
class Player:
    """A player that was given the URL of a playlist, and nothing else."""

    client: TestClient[Any, Any]
    url: str

    @property
    def base(self) -> str:
        """The folder of the playlist."""
        return self.url.partition("?")[0].rpartition("/")[0]

    async def fetch(self, name: str) -> bytes:
        """Fetch a file of the playlist."""
        async with self.client.get(f"{self.base}/{name}") as response:
            assert response.status == 200, (name, response.status, await response.text())
            return await response.read()

    async def master(self) -> str:
        """Return the master playlist."""
        async with self.client.get(self.url) as response:
            assert response.status == 200, await response.text()
            return await response.text()

    async def segments(self, playlist: str = "video.m3u8") -> list[tuple[str, float]]:
        """Return name and length of each segment, as a player reads them from both playlists."""
        assert playlist in await self.master()
        lines = (await self.fetch(playlist)).decode().splitlines()
        assert lines[-1] == "#EXT-X-ENDLIST"
        lengths = [float(line.removeprefix("#EXTINF:").rstrip(",")) for line in lines if line.startswith("#EXTINF:")]
        names = [line for line in lines if line.endswith(".m4s")]
        return list(zip(names, lengths, strict=True))

    async def frames(self, name: str) -> list[tuple[float, TimeCode]]:
        """Decode a segment: time in the playlist, in seconds, and what the picture says of itself."""
        return decode(await self._init(name) + await self.fetch(name))

    async def tones(self, name: str) -> list[Tone]:
        """Return the tones that are heard in a segment, with their time in the playlist."""
        return listen(await self._init(name), await self.fetch(name))

    async def _init(self, name: str) -> bytes:
        return await self.fetch("init-1.mp4" if "-1." in name else "init.mp4")

    async def status(self, name: str = "master.m3u8") -> int:
        """Return only the status."""
        async with self.client.get(f"{self.base}/{name}") as response:
            return response.status


def decode(data: bytes) -> list[tuple[float, TimeCode]]:
    """Decode fragmented MP4 and read the time painted into each picture."""
    found = []
    with av.open(BytesIO(data), mode="r") as container:
        for frame in container.decode(video=0):
            code = read_timecode(np.asarray(frame.to_ndarray(format="gray"), dtype=np.uint8))
            assert code is not None, "a picture without its time"
            assert frame.time is not None
            found.append((frame.time, code))
    return found
