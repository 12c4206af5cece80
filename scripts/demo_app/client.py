"""A small client of Home Assistant's public REST and websocket interfaces."""

import asyncio
from collections.abc import AsyncIterator
import contextlib
from typing import Any, Self
from urllib.parse import urljoin

import aiohttp

from .processes import DemoError

OWNER = {
    "name": "Demo",
    "username": "demo",
    "password": "demo",
}  # login of a throw-away instance
HTTP_TIMEOUT = aiohttp.ClientTimeout(total=90)


class HaClient:
    """One signed-in user of one Home Assistant."""

    def __init__(self, base: str) -> None:
        """Speak to the instance at that address; nothing is sent yet."""
        self.base = base
        self.tokens: dict[str, Any] = {}
        self._session = aiohttp.ClientSession(timeout=HTTP_TIMEOUT)

    @property
    def client_id(self) -> str:
        """The OAuth client id that the page itself would use."""
        return f"{self.base}/"

    async def close(self) -> None:
        """Close all connections."""
        await self._session.close()

    async def wait_until_up(self, seconds: float) -> None:
        """Return when the page is served; raises DemoError when it does not come."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while True:
                    with contextlib.suppress(aiohttp.ClientError, DemoError):
                        await self.get("/manifest.json", signed_in=False)
                        return
                    await asyncio.sleep(0.25)
        message = f"Home Assistant did not answer within {seconds:.0f} s"
        raise DemoError(message)

    async def sign_in(self, auth_code: str) -> None:
        """Exchange an authorization code for tokens."""
        form = {
            "grant_type": "authorization_code",
            "code": auth_code,
            "client_id": self.client_id,
        }
        async with self._session.post(urljoin(self.base, "/auth/token"), data=form) as response:
            response.raise_for_status()
            self.tokens = await response.json()

    async def refresh(self) -> None:
        """Get a new access token, as after a restart of the instance."""
        form = {
            "grant_type": "refresh_token",
            "refresh_token": self.tokens["refresh_token"],
            "client_id": self.client_id,
        }
        async with self._session.post(urljoin(self.base, "/auth/token"), data=form) as response:
            response.raise_for_status()
            self.tokens |= await response.json()

    async def request(self, method: str, path: str, *, json: Any = None, signed_in: bool = True) -> bytes:
        """Send one request and return the body; raises DemoError with status and words on a refusal."""
        headers = {"Authorization": f"Bearer {self.tokens['access_token']}"} if signed_in else {}
        async with self._session.request(method, urljoin(self.base, path), json=json, headers=headers) as response:
            body = await response.read()
            if response.status >= 400:
                words = body[:300].decode(errors="replace")
                message = f"{method} {path.partition('?')[0]} answered {response.status}: {words}"
                raise DemoError(message)
            return body

    async def answer(
        self, path: str, *, headers: dict[str, str] | None = None, signed_in: bool = True
    ) -> tuple[int, dict[str, str], bytes]:
        """Fetch bytes and return status and headers with them, whatever they are."""
        login = {"Authorization": f"Bearer {self.tokens['access_token']}"} if signed_in else {}
        async with self._session.get(urljoin(self.base, path), headers={**login, **(headers or {})}) as response:
            return response.status, dict(response.headers), await response.read()

    @contextlib.asynccontextmanager
    async def media_socket(self, path: str) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
        """Open a websocket that asks for no login in its address."""
        async with self._session.ws_connect(self.base.replace("http", "ws", 1) + path, max_msg_size=0) as socket:
            yield socket

    async def get(self, path: str, *, signed_in: bool = True) -> bytes:
        """Fetch bytes."""
        return await self.request("GET", path, signed_in=signed_in)

    async def get_json(self, path: str, *, signed_in: bool = True) -> Any:
        """Fetch JSON."""
        import json  # noqa: PLC0415 - the parameter of `request` has the same name

        return json.loads(await self.request("GET", path, signed_in=signed_in))

    async def post_json(self, path: str, body: Any, *, signed_in: bool = True) -> Any:
        """Post JSON and return JSON."""
        import json  # noqa: PLC0415

        return json.loads(await self.request("POST", path, json=body, signed_in=signed_in))

    async def call_action(self, domain: str, action: str, data: dict[str, Any]) -> Any:
        """Call an action that answers and return its response."""
        answer = await self.post_json(f"/api/services/{domain}/{action}?return_response", data)
        return answer["service_response"]

    async def states(self) -> dict[str, Any]:
        """Return all states by entity id."""
        return {state["entity_id"]: state for state in await self.get_json("/api/states")}

    @contextlib.asynccontextmanager
    async def websocket(self) -> AsyncIterator[HaWebsocket]:
        """Open a signed-in websocket."""
        url = self.base.replace("http", "ws", 1) + "/api/websocket"
        async with self._session.ws_connect(url, max_msg_size=0) as socket:
            channel = HaWebsocket(socket)
            await channel.authenticate(self.tokens["access_token"])
            try:
                yield channel
            finally:
                await channel.close()


class HaWebsocket:
    """Commands and subscriptions over one websocket."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        """Wrap an open socket."""
        self._socket = socket
        self._last_id = 0
        self._answers: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._events: dict[int, tuple[asyncio.Queue[dict[str, Any]], dict[str, Any]]] = {}
        self._reader: asyncio.Task[None] | None = None

    async def authenticate(self, token: str) -> Self:
        """Do the opening exchange."""
        await self._socket.receive_json(timeout=30)
        await self._socket.send_json({"type": "auth", "access_token": token})
        answer = await self._socket.receive_json(timeout=30)
        if answer["type"] != "auth_ok":
            message = "Home Assistant refused the token"
            raise DemoError(message)
        self._reader = asyncio.create_task(self._read())
        return self

    async def close(self) -> None:
        """Stop reading and close."""
        if self._reader is not None:
            self._reader.cancel()
        await self._socket.close()

    async def _read(self) -> None:
        async for message in self._socket:
            parcels = message.json()
            for parcel in parcels if isinstance(parcels, list) else [parcels]:
                if parcel["type"] == "event" and parcel["id"] in self._events:
                    queue, wanted = self._events[parcel["id"]]
                    if wanted.items() <= parcel["event"]["data"].items():
                        queue.put_nowait(parcel["event"])
                elif (answer := self._answers.pop(parcel["id"], None)) and not answer.done():
                    answer.set_result(parcel)

    async def command(self, command: str, /, *, seconds: float = 60, **fields: Any) -> Any:
        """Send a command and return its result; raises DemoError with HA's own words."""
        self._last_id += 1
        answer: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._answers[self._last_id] = answer
        await self._socket.send_json({"id": self._last_id, "type": command, **fields})
        async with asyncio.timeout(seconds):
            parcel = await answer
        if not parcel["success"]:
            message = f"{command}: {parcel['error'].get('message', parcel['error'])}"
            raise DemoError(message)
        return parcel["result"]

    async def subscribe(self, event_type: str, **wanted: Any) -> asyncio.Queue[dict[str, Any]]:
        """Return a queue that fills with the bus events of that type whose data hold what is wanted."""
        queue: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._events[self._last_id + 1] = (queue, wanted)
        await self.command("subscribe_events", event_type=event_type)
        return queue
