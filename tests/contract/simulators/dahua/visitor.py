"""A stranger's way into the simulated Dahua unit: `requests` for CGI, hand-written calls for RPC2."""

import asyncio
from datetime import datetime
import hashlib
import itertools
from typing import Any

import requests

from tests.simulators.dahua import PASSWORD, USER, DahuaSimulator

from ..digest_login import DigestLogin


def md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest().upper()


def table(text: str) -> dict[str, str]:
    """Read key=value lines."""
    return dict(line.split("=", 1) for line in text.split("\r\n") if "=" in line)


def items(values: dict[str, str]) -> list[dict[str, str]]:
    """Return the items of a page."""
    found: list[dict[str, str]] = [{} for _ in range(int(values["found"]))]
    for key, value in values.items():
        if key.startswith("items["):
            index, _, name = key.removeprefix("items[").partition("].")
            found[int(index)][name] = value
    return found


class Visitor:
    """Asks in a thread."""

    def __init__(self, simulator: DahuaSimulator) -> None:
        self.simulator = simulator
        self.session = requests.Session()
        self.session.auth = DigestLogin(USER, PASSWORD)
        self.rpc_session: object = 0
        self._ids = itertools.count(1)

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.simulator.http_port}{path}"

    async def get(self, path: str, **values: Any) -> requests.Response:
        return await asyncio.to_thread(self.session.get, self.url(path), timeout=60, **values)

    async def cgi(self, call: str) -> tuple[int, str]:
        answer = await self.get(f"/cgi-bin/{call}")
        return answer.status_code, answer.text

    async def post(self, path: str, body: dict[str, Any], **headers: str) -> requests.Response:
        return await asyncio.to_thread(requests.post, self.url(path), json=body, timeout=60, headers=headers)

    async def _json(self, path: str, method: str, params: dict[str, Any], **values: Any) -> dict[str, Any]:
        body = {"method": method, "params": params, "id": next(self._ids), "session": self.rpc_session, **values}
        answer: dict[str, Any] = (await self.post(path, body)).json()
        return answer

    async def login(self) -> None:
        first = await self._json("/RPC2_Login", "global.login", {"userName": USER, "password": ""})
        realm, random = first["params"]["realm"], first["params"]["random"]
        self.rpc_session = first["session"]
        password = md5(f"{USER}:{random}:{md5(f'{USER}:{realm}:{PASSWORD}')}")
        params = {"userName": USER, "password": password, "authorityType": "Default"}
        second = await self._json("/RPC2_Login", "global.login", params)
        assert second["result"] is True
        self.rpc_session = second["session"]

    async def call(
        self, method: str, params: dict[str, Any] | None = None, target: int | None = None
    ) -> dict[str, Any]:
        return await self._json("/RPC2", method, params or {}, **({} if target is None else {"object": target}))

    def digits(self, moment: datetime) -> str:
        return self.simulator.device.stamp(moment)

    def window(self, channel: int, start: datetime, end: datetime, extra: str = "") -> str:
        times = f"condition.StartTime={self.digits(start)}&condition.EndTime={self.digits(end)}".replace(" ", "%20")
        return f"condition.Channel={channel}&{times}&condition.Types[0]=dav{extra}"

    async def finder(self) -> str:
        status, text = await self.cgi("mediaFileFind.cgi?action=factory.create")
        assert status == 200, text
        return table(text)["result"]

    async def find(
        self, channel: int, start: datetime, end: datetime, extra: str = "", *, count: int = 100
    ) -> list[dict[str, str]]:
        """Search as a careful client does: until an empty page, then close and destroy."""
        handle, found = await self.finder(), []
        ask = f"mediaFileFind.cgi?action=findFile&object={handle}&{self.window(channel, start, end, extra)}"
        status, text = await self.cgi(ask)
        while status == 200 and text == "OK\r\n":
            _, page = await self.cgi(f"mediaFileFind.cgi?action=findNextFile&object={handle}&count={count}")
            if page.startswith("Error") or not items(table(page)):
                break
            found += items(table(page))
        for action in ("close", "destroy"):
            assert await self.cgi(f"mediaFileFind.cgi?action={action}&object={handle}") == (200, "OK\r\n")
        return found

    async def loadfile(self, channel: int, start: datetime, end: datetime, *, subtype: int = 0) -> requests.Response:
        times = f"startTime={self.digits(start)}&endTime={self.digits(end)}".replace(" ", "%20")
        return await self.get(f"/cgi-bin/loadfile.cgi?action=startLoad&channel={channel}&{times}&subtype={subtype}")
