"""A recorder's web server for the transport's tests: real sockets, and a log of what arrived."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
import hashlib
import re
import ssl

from aiohttp import web

from custom_components.nvr.core.capabilities import GateWidths
from custom_components.nvr.core.credentials import LoginGuard
from custom_components.nvr.core.driver import ConnectionConfig, TlsMode
from custom_components.nvr.core.errors import NvrError
from custom_components.nvr.core.transport.gate import Gate
from custom_components.nvr.core.transport.http import HttpTransport

USER = "admin"
PASSWORD = "nvr-test-pass"
WRONG = "wrong-pass-1"

type Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass
class DigestServer:
    """Lets in by digest as RFC 7616 has it, written apart from what it judges. Everything can be changed meanwhile."""

    password: str = PASSWORD
    algorithm: str | None = "MD5"
    qop: str | None = "auth"
    uses: int = 0  # how often a nonce may be used; 0 is for ever
    fresh_each_refusal: bool = False
    next_nonce: bool = False
    basic_first: bool = False
    stale: str = "FALSE"
    strict_count: bool = False
    delay: float = 0.0
    refusal: str = "<userCheck><statusValue>401</statusValue></userCheck>"
    handler: Handler | None = None

    nonce: str = "n0"
    requests: int = 0
    refusals: int = 0
    answers_refused: int = 0
    used: int = 0
    connections: set[int] = field(default_factory=set)
    paths: list[str] = field(default_factory=list)
    nonces: int = 0
    count: int = 0
    at_once: int = 0
    most_at_once: int = 0

    def new_nonce(self) -> None:
        self.nonces += 1
        self.nonce = f"n{self.nonces}"
        self.used = self.count = 0

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        self.requests += 1
        self.paths.append(request.raw_path)
        self.connections.add(id(request.transport))
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            if self.delay:
                await asyncio.sleep(self.delay)
            if not self._let_in(request):
                return self.refuse()
            if self.uses and self.used >= self.uses:
                self.new_nonce()
            response = await self.handler(request) if self.handler is not None else web.Response(text="fine")
            if self.next_nonce:
                self.new_nonce()
                response.headers["Authentication-Info"] = f'nextnonce="{self.nonce}"'
            return response
        finally:
            self.at_once -= 1

    def _hash(self, text: str) -> str:
        name = (self.algorithm or "MD5").upper().removesuffix("-SESS")
        return hashlib.new("sha256" if name == "SHA-256" else "md5", text.encode()).hexdigest()

    def _let_in(self, request: web.Request) -> bool:
        header = request.headers.get("Authorization", "")
        if not header.startswith("Digest "):
            return False
        sent = {name: quoted or plain for name, quoted, plain in re.findall(r'(\w+)=(?:"([^"]*)"|([^,\s]+))', header)}
        secret = self._hash(f"{USER}:realm:{self.password}")
        if (self.algorithm or "").upper().endswith("-SESS"):
            secret = self._hash(f"{secret}:{sent['nonce']}:{sent['cnonce']}")
        target = self._hash(f"{request.method}:{request.raw_path}")
        middle = f"{sent['nc']}:{sent['cnonce']}:{sent['qop']}:" if "qop" in sent else ""
        right = sent["response"] == self._hash(f"{secret}:{sent['nonce']}:{middle}{target}")
        echoed = (
            sent.get("opaque") == "" and sent["uri"] == request.raw_path and (self.qop is None) == ("qop" not in sent)
        )
        in_order = not self.strict_count or int(sent.get("nc", "1"), 16) > self.count
        if right and echoed and in_order and sent["nonce"] == self.nonce:
            self.used += 1
            self.count = int(sent.get("nc", "1"), 16)
            return True
        if not right:
            self.answers_refused += 1
        return False

    def refuse(self) -> web.Response:
        self.refusals += 1
        if self.fresh_each_refusal:
            self.new_nonce()
        response = web.Response(status=401, text=self.refusal)
        challenge = f'Digest realm="realm", domain="::", nonce="{self.nonce}", opaque="", stale="{self.stale}"'
        if self.qop is not None:
            challenge += f', qop="{self.qop}"'
        if self.algorithm is not None:
            challenge += f", algorithm={self.algorithm}"
        if self.basic_first:
            response.headers.add("WWW-Authenticate", 'Basic realm="realm"')
        response.headers.add("WWW-Authenticate", challenge)
        return response


@asynccontextmanager
async def serving(handler: Handler, context: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """Run a web server on a free port of this machine; yields the port."""

    async def route(request: web.Request) -> web.StreamResponse:
        return await handler(request)

    app = web.Application()
    app.router.add_route("*", "/{rest:.*}", route)
    runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context)
    await site.start()
    try:
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


@asynccontextmanager
async def speaking(
    talk: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]],
) -> AsyncIterator[int]:
    """Run a server that speaks bytes, for what no web server would do; yields the port."""
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            await talk(reader, writer)
        except ConnectionError:
            return
        finally:
            tasks.discard(task)
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in tuple(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def read_request(reader: asyncio.StreamReader) -> str:
    """Return the head of a request without a body; empty at the end."""
    try:
        return (await reader.readuntil(b"\r\n\r\n")).decode()
    except asyncio.IncompleteReadError:
        return ""


@asynccontextmanager
async def connected(
    port: int,
    *,
    password: str = PASSWORD,
    guard: LoginGuard | None = None,
    widths: GateWidths | None = None,
    classify: Callable[..., NvrError | None] | None = None,
    tls: TlsMode = TlsMode.OFF,
    fingerprint: str | None = None,
    host: str = "127.0.0.1",
    dial: str | None = None,
    plain_basic: bool = False,
) -> AsyncIterator[HttpTransport]:
    """Yield a transport that talks to that port."""
    transport = HttpTransport(
        ConnectionConfig(
            host, USER, password, port=port, tls=tls, fingerprint=fingerprint, dial=dial, plain_basic=plain_basic
        ),
        None,
        guard if guard is not None else LoginGuard(),
        Gate(widths if widths is not None else GateWidths()),
        classify=classify,
        challenge_path="/userCheck",
        connect_timeout=2,
        queue_timeout=20,
    )
    try:
        yield transport
    finally:
        await transport.close()
