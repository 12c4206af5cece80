"""Between a recorder's web server and its pages: notes what is asked, and spoils the answers of one endpoint."""

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
import json
from random import Random
import re

from .webserver import Body, HttpServer, Request, Response, Sink

_UNAUTHORIZED = 401
_PIECE = 64 * 1024
# So much of an answer without end is sent as fast as it is taken; then a piece now and then, to spare the machine.
_HASTE = 24 * 1024 * 1024
_LULL = 0.02
_HTML = b"<html><head><title>%b</title></head><body><h1>%b</h1></body></html>"
_NUMBER = re.compile(rb"-?\d+(?:\.\d+)?")
_XML_TEXT = re.compile(rb">([^<>]+)<")
_PAIR = re.compile(rb"=([^\r\n]*)")

# What there may be in place of a value: beyond every range, of another kind, or nothing.
ODD = (
    "-1",
    "99999999999999999999",
    "1e999",
    "NaN",
    "",
    "\u0000\ufffd",
    "\U0001f4f7" * 40,
    "2026-13-45T77:99:99Z",
    "[]",
)

KINDS = (
    "500",
    "403",
    "empty",
    "truncated",
    "cut",
    "garbage",
    "odd",
    "other",
    "endless",
    "trickle",
    "unfinished",
    "silent",
)

# Those that are waited for until somebody's patience ends.
UNENDING = frozenset({"trickle", "unfinished", "silent"})


def hikvision_endpoint(request: Request) -> str:
    """Name an endpoint: the method and the path, one name for all channels, tracks and handles."""
    return f"{request.method} {re.sub(r'(?<=/)\d+(?=/|$)', '*', request.path)}"


def dahua_endpoint(request: Request) -> str:
    """Name an endpoint: an RPC method with its table, or a page with its action and table."""
    if request.path.startswith("/RPC2"):
        return _rpc_endpoint(request.body)
    if not request.path.startswith("/cgi-bin/"):
        return f"{request.method} /{request.path.split('/')[1]}"
    parts = [request.path.removeprefix("/cgi-bin/").partition("/")[0]]
    parts += [value for name in ("action", "name") if (value := request.query.get(name))]
    return f"{request.method} {' '.join(parts)}"


def _rpc_endpoint(body: bytes) -> str:
    try:
        call = json.loads(body)
    except ValueError:
        return "RPC ?"
    method, params = call.get("method"), call.get("params") or {}
    if method == "global.login":
        return "RPC global.login, " + ("the proof" if params.get("password") else "the question")
    return f"RPC {method} {params.get('name', '')}".strip()


@dataclass
class Spoiler:
    """Stands before the pages of a web server. Nothing is spoiled until `endpoint` and `kind` are set.

    A 401 is never replaced: it is the login that answers then. `mute` endpoints are not carried out when spoiled.
    """

    server: HttpServer
    name: Callable[[Request], str]
    asked: Counter[str] = field(default_factory=Counter)
    spoiled: int = 0
    longest: int = 0
    endpoint: str = ""
    kind: str = ""

    def __post_init__(self) -> None:
        self._pages = self.server.answer
        self.server.answer = self.answer

    def spoil(self, endpoint: str, kind: str) -> None:
        """Spoil the answers of one endpoint from now on."""
        self.endpoint, self.kind, self.spoiled, self.longest = endpoint, kind, 0, 0

    def heal(self) -> None:
        """Spoil nothing any more."""
        self.endpoint = self.kind = ""

    async def answer(self, request: Request) -> Response:
        """Answer one request."""
        name = self.name(request)
        response = await self._pages(request)
        if response.status == _UNAUTHORIZED:
            return response
        self.asked[name] += 1
        if name != self.endpoint:
            return response
        self.spoiled += 1
        if response.finished is not None:
            response.finished()
        return await self._spoil(response)

    async def _spoil(self, good: Response) -> Response:
        match self.kind:
            case "500" | "403" as status:
                text = {"500": b"Internal Server Error", "403": b"Forbidden"}[status]
                return Response(int(status), _HTML % (text, text), "text/html")
            case "empty":
                return Response(200, b"", good.content_type)
            case "silent":
                await asyncio.Event().wait()
            case "endless":
                return Response(200, b"", good.content_type, stream=self._endless)
            case "trickle":
                return Response(200, b"", good.content_type, stream=self._trickle, raw=True)
        return await self._damage(good)

    async def _damage(self, good: Response) -> Response:
        """Damage a good answer; of one that is a stream, its first bytes."""
        body = good.body if good.stream is None else await _beginning(good.stream)
        half = body[: len(body) // 2]
        match self.kind:
            case "truncated":
                body = half
            case "cut":
                return Response(200, half, good.content_type, length=len(body) + 1, close=True)
            case "unfinished":
                return Response(200, b"", good.content_type, stream=_stuck_after(half), length=len(body) + 1)
            case "garbage":
                body = bytes(byte ^ 0x5A for byte in body) or bytes(range(256))
            case "odd":
                body = odd(body, Random(self.spoiled))
            case "other":
                body = _other(body)
        return Response(200, body, good.content_type)

    async def _endless(self, sink: Sink) -> None:
        """Send bytes without end: such as belong to no format, but look as if something could still begin."""
        random, sent = Random(1), 0
        piece = b"--<a>{" + random.randbytes(_PIECE - 6)
        while True:
            await sink.write(piece)
            sent += len(piece)
            self.longest = max(self.longest, sent)
            await asyncio.sleep(0 if sent < _HASTE else _LULL)

    async def _trickle(self, sink: Sink) -> None:
        """Send one byte after the other, so that no wait for the next one is long."""
        while True:
            await sink.write(b"<")
            await asyncio.sleep(_LULL)


async def _beginning(stream: Body) -> bytes:
    """Return the first bytes of what would be streamed."""
    taken = bytearray()
    enough = asyncio.Event()

    class _Taker:
        async def write(self, data: bytes) -> None:
            taken.extend(data)
            if len(taken) > _PIECE:
                enough.set()
                await asyncio.Event().wait()

        def abort(self) -> None:
            enough.set()

    reading = asyncio.ensure_future(stream(_Taker()))
    watching = asyncio.ensure_future(enough.wait())
    # What is sent at once is a beginning; a stream of events says little more by itself.
    try:
        await asyncio.wait((reading, watching), timeout=0.1, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (reading, watching):
            task.cancel()
        await asyncio.gather(reading, watching, return_exceptions=True)
    return bytes(taken[:_PIECE])


def _stuck_after(body: bytes) -> Body:
    async def stream(sink: Sink) -> None:
        await sink.write(body)
        await asyncio.Event().wait()

    return stream


def odd(body: bytes, random: Random) -> bytes:
    """Put odd values in place of some of the right ones; the document stays well-formed."""
    if body.lstrip()[:1] in {b"{", b"["}:
        try:
            return json.dumps(_odd_json(json.loads(body), random)).encode()
        except ValueError:
            pass
    if body.lstrip()[:1] == b"<":
        return _XML_TEXT.sub(lambda hit: b">" + _odd_text(hit[1], random) + b"<", body)
    if b"=" in body:
        return _PAIR.sub(lambda hit: b"=" + _odd_text(hit[1], random), body)
    return _NUMBER.sub(lambda hit: _odd_text(hit[0], random), body)


def _odd_text(good: bytes, random: Random) -> bytes:
    if not good.strip() or random.random() < 0.5:
        return good
    return random.choice(ODD).replace("\u0000", "").encode()


def _odd_json(value: object, random: Random) -> object:
    if isinstance(value, dict):
        # The result decides whether it is an answer at all: one that says no is no odd answer.
        return {
            key: one if key in {"id", "session", "result"} else _odd_json(one, random) for key, one in value.items()
        }
    if random.random() < 0.4:
        return random.choice([*ODD, None, {}, [], -1, 10**30, 1e300, True, [[[]]], {"a": {"b": []}}])
    return [_odd_json(one, random) for one in value] if isinstance(value, list) else value


def _other(body: bytes) -> bytes:
    """Return a good document of the same format that says something else."""
    start = body.lstrip()[:1]
    if start == b"<":
        return b'<?xml version="1.0"?><Weather><id>1</id><list><list><id>x</id></list></list></Weather>'
    if start in {b"{", b"["}:
        return b'[{"result": [1, 2], "params": 7}]'
    return b"OK\r\n" if b"=" in body else b"weather=fine\r\nwind[0].speed=4\r\n"
