"""What the judges share: strangers' HTTP clients, a namespace-blind reader, and a hand-written search."""

import asyncio
from collections.abc import Iterator
from datetime import datetime
from typing import Any
import uuid
from xml.etree import ElementTree as ET

import requests
from requests.auth import HTTPBasicAuth

from tests.simulators.hikvision import PASSWORD, USER, HikvisionSimulator

from ..digest_login import DigestLogin

WRONG = "wrong-pass-1"


def local(tag: str) -> str:
    return tag.rpartition("}")[2]


def find(root: ET.Element, name: str) -> str | None:
    """Return the text of the first element of that name at any depth."""
    return next(((e.text or "").strip() for e in root.iter() if local(e.tag) == name), None)


def every(root: ET.Element, name: str) -> list[ET.Element]:
    return [e for e in root.iter() if local(e.tag) == name]


def texts(root: ET.Element, name: str) -> list[str]:
    return [(e.text or "").strip() for e in every(root, name)]


class Visitor:
    """A `requests` session, called in a thread."""

    def __init__(self, simulator: HikvisionSimulator, password: str = PASSWORD, *, basic: bool = False) -> None:
        self._simulator = simulator
        self.session = requests.Session()
        self.session.auth = HTTPBasicAuth(USER, password) if basic else DigestLogin(USER, password)

    async def ask(self, method: str, path: str, **values: Any) -> requests.Response:
        url = f"http://127.0.0.1:{self._simulator.http_port}{path}"
        return await asyncio.to_thread(self.session.request, method, url, timeout=20, **values)

    async def get(self, path: str, **values: Any) -> requests.Response:
        return await self.ask("GET", f"/ISAPI/{path}", **values)

    async def xml(self, path: str) -> ET.Element:
        answer = await self.get(path)
        assert answer.status_code == 200, (path, answer.status_code, answer.text)
        return ET.fromstring(answer.content)

    async def put(self, path: str, body: bytes | str) -> requests.Response:
        return await self.ask("PUT", f"/ISAPI/{path}", data=body)

    async def search(self, body: str) -> requests.Response:
        return await self.ask("POST", "/ISAPI/ContentMgmt/search", data=body)


def search_body(
    track: int | str,
    start: datetime,
    end: datetime,
    *,
    position: int = 0,
    size: int = 40,
    spelling: str = "searchResultPostion",
    search_id: str | None = None,
    kind: str = "",
) -> str:
    """Write a search by hand; start and end are digits as this recorder understands them."""
    tracks = "".join(f"<trackID>{one}</trackID>" for one in str(track).split(","))
    return (
        "<?xml version='1.0' encoding='utf-8'?><CMSearchDescription>"
        f"<searchID>{search_id or str(uuid.uuid4()).upper()}</searchID>"
        f"<trackIDList>{tracks}</trackIDList><timeSpanList><timeSpan>"
        f"<startTime>{start:%Y-%m-%dT%H:%M:%SZ}</startTime><endTime>{end:%Y-%m-%dT%H:%M:%SZ}</endTime>"
        f"</timeSpan></timeSpanList><maxResults>{size}</maxResults><{spelling}>{position}</{spelling}>"
        f"<metadataList><metadataDescriptor>//recordType.meta.std-cgi.com{kind}</metadataDescriptor></metadataList>"
        "</CMSearchDescription>"
    )


async def search_all(
    visitor: Visitor,
    track: int,
    start: datetime,
    end: datetime,
    *,
    size: int = 40,
    spelling: str = "searchResultPostion",
) -> list[ET.Element]:
    """Page through a search as a careful client does; give up after 200 pages."""
    found: list[ET.Element] = []
    identity = str(uuid.uuid4()).upper()
    for _ in range(200):
        body = search_body(track, start, end, position=len(found), size=size, spelling=spelling, search_id=identity)
        answer = await visitor.search(body)
        assert answer.status_code == 200, answer.text
        root = ET.fromstring(answer.content)
        items = every(root, "searchMatchItem")
        found += items
        if find(root, "responseStatusStrg") != "MORE" or not items:
            return found
    return found


def parts_of(data: bytes, boundary: bytes = b"boundary") -> Iterator[tuple[str, bytes]]:
    """Split a multipart stream whose lengths are right: (content type, body)."""
    position = 0
    while (start := data.find(b"--" + boundary, position)) >= 0:
        head_end = data.find(b"\r\n\r\n", start)
        if head_end < 0:
            return
        headers = dict(
            line.split(": ", 1) for line in data[start:head_end].decode("latin-1").split("\r\n")[1:] if ": " in line
        )
        length = int(headers["Content-Length"])
        body = data[head_end + 4 : head_end + 4 + length]
        if len(body) < length:
            return
        yield headers["Content-Type"], body
        position = head_end + 4 + length


async def exchange(port: int, data: bytes, *, seconds: float = 2.0) -> bytes:
    """Send bytes and return all that comes until the other side closes or time is up."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(data)
    received = bytearray()
    try:
        async with asyncio.timeout(seconds):
            while chunk := await reader.read(65536):
                received += chunk
    except TimeoutError, ConnectionResetError:
        pass
    finally:
        writer.close()
    return bytes(received)
