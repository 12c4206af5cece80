"""HTTP to one recorder: one login, a gate, a limit on every wait, and errors that say what to do."""

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Callable, Mapping
from contextlib import AbstractContextManager, asynccontextmanager, suppress
from dataclasses import dataclass, field
import ssl
from typing import Final

import aiohttp
from yarl import URL

from ..driver import ConnectionConfig, CredentialGuard, TlsMode
from ..errors import NvrBusyError, NvrError, NvrResponseError, NvrTimeoutError, NvrUnreachableError, about
from .answers import AnswerBook
from .auth import UNAUTHORIZED, Authenticator, Target
from .failures import connection_error, usual_error
from .gate import LANES, Gate, Lane, Priority
from .idle import IdleLimit
from .lent import LentBody
from .tls import build_context

type Body = bytes | AsyncIterable[bytes]
# Reads an answer that was not accepted: status, headers, body; None leaves it to the usual meaning of the status.
type Classifier = Callable[[int, Mapping[str, str], bytes], NvrError | None]

MAX_BODY: Final = 16 * 1024 * 1024
MAX_REFUSAL: Final = 64 * 1024
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
# With less, reading is stopped and begun again for every few packets of a file.
_READ_BUFFER: Final = 512 * 1024
_MOST_REDIRECTS: Final = 2


@dataclass(frozen=True, slots=True)
class Response:
    """A whole answer. Header names in any case."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)


@dataclass(slots=True)
class TransportStatistics:
    """Counters since the start; no address, no login."""

    requests: int = 0
    refused: int = 0
    retries: int = 0
    bytes_received: int = 0
    lanes: dict[Lane, int] = field(default_factory=lambda: dict.fromkeys(LANES, 0))
    answers: AnswerBook = field(default_factory=AnswerBook)


@dataclass(frozen=True, slots=True)
class _Call:
    method: str
    path: str
    data: Body | None
    headers: Mapping[str, str]
    timeout: float
    idempotent: bool
    known_refusals: int
    signed: bool


@dataclass(frozen=True, slots=True)
class _Answer:
    """An answer as far as its headers; `refusal` is the body of a 401, read to its end so that the socket lives on."""

    status: int
    headers: Mapping[str, str]
    raw: aiohttp.ClientResponse
    refusal: bytes = b""
    challenges: tuple[str, ...] = ()


class _ConnectionLostError(NvrUnreachableError):
    """The connection ended before an answer came; a kept-alive socket that the recorder closed looks like this."""


async def _once(request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    """Keep aiohttp from repeating a request whose connection was closed: it would repeat a PUT, and our count."""
    try:
        return await handler(request)
    except aiohttp.ClientConnectorError:
        raise
    except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError) as error:
        raise _ConnectionLostError(f"the connection was closed ({type(error).__name__})") from None


def _own_session() -> aiohttp.ClientSession:
    # Recorders set cookies that mean nothing without a session login (hikvision-isapi 2.1).
    connector = aiohttp.TCPConnector(limit=16, keepalive_timeout=30)
    return aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar())


def _redirected(here: URL, location: str) -> str | None:
    """Return the request target a redirect names, None on another host; raises NvrResponseError when it is none."""
    try:
        there = here.join(URL(location, encoded=True))
        # A port is read, and found to be none, only when it is asked for.
        at_home = (there.origin(), there.port) == (here.origin(), here.port)
        target = there.raw_path_qs if at_home else None
        (target or "").encode()  # bytes that are no text in a header arrive as what cannot be sent again
    except ValueError:
        raise NvrResponseError("the recorder sends us to something that is no address") from None
    return target


def authority(config: ConnectionConfig) -> str:
    """Return what the Host header says."""
    host = f"[{config.host}]" if ":" in config.host else config.host
    usual = 80 if config.tls is TlsMode.OFF else 443
    return host if config.http_port == usual else f"{host}:{config.http_port}"


def _url(config: ConnectionConfig, scheme: str, path: str) -> URL:
    try:
        origin = URL.build(scheme=scheme, host=config.dial or config.host, port=config.http_port)
    except ValueError:
        raise NvrUnreachableError("this is no host name") from None
    return URL(f"{origin}{path if path.startswith('/') else '/' + path}", encoded=True)


class StreamResponse:
    """An answer whose body is read as it comes. Iterate, or call `read`."""

    def __init__(
        self,
        answer: _Answer,
        limit: IdleLimit,
        failure: Callable[[Exception], NvrError],
        statistics: TransportStatistics,
    ) -> None:
        """Wrap an answer whose headers are here; made by HttpTransport.stream."""
        self.status = answer.status
        self.headers: Mapping[str, str] = answer.headers
        self._raw = answer.raw
        self._limit = limit
        self._failure = failure
        self._statistics = statistics
        self._lender: LentBody | None = None

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Yield chunks as they arrive; raises as `read` does."""
        while chunk := await self.read():
            yield chunk

    async def read(self) -> bytes:
        """Return whatever is there, waiting for at least one byte; empty at the end.

        Raises NvrTimeoutError after the idle time, NvrResponseError when cut off. Every event of a recorder wakes
        whoever waits here, so no layer is between this and the connection.
        """
        limit = self._limit
        limit.begin()
        try:
            chunk = await limit.content.readany()
        except (aiohttp.ClientError, ssl.SSLError, OSError) as error:
            raise self._failure(error) from None
        finally:
            limit.end()
        self._statistics.bytes_received += len(chunk)
        return chunk

    async def lend(self) -> bytes | memoryview:
        """Return as `read` does what is good until the next call only: nothing is copied, for files of gigabytes."""
        if self._lender is None:
            self._lender = LentBody.take_over(self._raw)
            if self._lender is None:
                return await self.read()
            self._limit.content = self._lender
        limit = self._limit
        limit.begin()
        try:
            chunk = await self._lender.lend()
        except (aiohttp.ClientError, ssl.SSLError, OSError) as error:
            raise self._failure(error) from None
        finally:
            limit.end()
        self._statistics.bytes_received += len(chunk)
        return chunk


def _about(call: _Call) -> AbstractContextManager[None]:
    return about(call.path.partition("&")[0])


def _kind(answer: _Answer) -> str:
    return answer.headers.get("Content-Type", "")


class HttpTransport:
    """All HTTP to one recorder by the login of `auth`; `classify` is the driver's reading of what is not accepted."""

    def __init__(
        self,
        config: ConnectionConfig,
        session: aiohttp.ClientSession | Callable[[], aiohttp.ClientSession] | None,
        guard: CredentialGuard,
        gate: Gate,
        *,
        classify: Classifier | None = None,
        challenge_path: str = "/",
        connect_timeout: float = 10.0,
        queue_timeout: float = 30.0,
    ) -> None:
        """Send nothing yet. A session made by a factory (or by us, for None) is closed with the transport.

        `challenge_path` is a cheap path that needs a login: it is asked first when a body cannot be sent twice.
        Times in seconds.
        """
        self.config = config
        self.guard = guard
        self.gate = gate
        self.statistics = TransportStatistics()
        self.classify = classify
        self._given = session
        self._session = session if isinstance(session, aiohttp.ClientSession) else None
        self.challenge_path = challenge_path
        self._connect_timeout = connect_timeout
        self._queue_timeout = queue_timeout
        self._closed = False
        self._limits: set[asyncio.Timeout | IdleLimit] = set()
        self._context: asyncio.Future[ssl.SSLContext] | None = None
        secure = config.tls is not TlsMode.OFF
        self._scheme = "https" if secure else "http"
        self.auth = Authenticator(
            (config.username, config.password),
            guard,
            lambda answer: self._judge(answer.status, answer.headers, answer.refusal),
            basic_allowed=secure or config.plain_basic,
        )

    async def request(
        self,
        method: str,
        path: str,
        *,
        lane: Lane = "control",
        priority: Priority = Priority.NORMAL,
        data: Body | None = None,
        content_type: str | None = None,
        timeout: float = 15.0,  # noqa: ASYNC109 - one limit for each of several waits
        idempotent: bool | None = None,
        accept_status: tuple[int, ...] = (200,),
        max_body: int = MAX_BODY,
        headers: Mapping[str, str] | None = None,
        signed: bool = True,
    ) -> Response:
        """Return the whole answer; `path` is the exact request target, encoded, with its query.

        `signed` False leaves our login out; whoever sends it asks the guard.

        `timeout` (s) limits the wait for headers and, again, for the body; the wait for a slot has its own limit.
        A GET is idempotent unless told otherwise. Raises the errors of `classify` or, by status, NvrPermissionError
        (403), NvrNotFoundError (404), NvrUnsupportedError (405, 501), NvrBusyError (429, 503), else
        NvrResponseError; NvrUnreachableError, NvrTimeoutError, NvrCertificateError; and what Authenticator raises.
        """
        call = self._call(method, path, data, content_type, timeout, idempotent, headers, signed=signed)
        async with self.gate.slot(lane, priority=priority, timeout=self._queue_timeout):
            with _about(call), self.statistics.answers.failing(call.method, call.path):
                answer = await self._perform(call, lane)
                try:
                    refused = answer.status == UNAUTHORIZED
                    body = answer.refusal if refused else await self._read(answer.raw, timeout, max_body)
                except BaseException:
                    answer.raw.close()
                    raise
                answer.raw.release()
        self.statistics.answers.note(call.method, call.path, answer.status, _kind(answer), body)
        with _about(call):
            if answer.status not in accept_status:
                raise self.meaning(answer.status, answer.headers, body, lane)
        return Response(answer.status, answer.headers, body)

    @asynccontextmanager
    async def stream(
        self,
        method: str,
        path: str,
        *,
        lane: Lane = "download",
        priority: Priority = Priority.NORMAL,
        data: Body | None = None,
        content_type: str | None = None,
        timeout: float = 15.0,  # noqa: ASYNC109 - one limit for each of several waits
        idle_timeout: float = 30.0,
        accept_status: tuple[int, ...] = (200,),
    ) -> AsyncIterator[StreamResponse]:
        """Open an answer that is read as it comes; leaving the context closes the connection.

        `timeout` (s) limits the wait for headers, `idle_timeout` (s) each wait for more. Raises as `request` does.
        """
        call = self._call(method, path, data, content_type, timeout, None)
        async with self.gate.slot(lane, priority=priority, timeout=self._queue_timeout):
            with self.statistics.answers.failing(method, path):
                answer = await self._perform(call, lane)
            limit = IdleLimit(answer.raw.content, idle_timeout)
            self._limits.add(limit)
            try:
                taken = answer.status in accept_status
                body = b"" if taken else await self._read(answer.raw, timeout, MAX_REFUSAL, cut=True)
                self.statistics.answers.note(method, path, answer.status, _kind(answer), body)
                if not taken:
                    raise self.meaning(answer.status, answer.headers, body, lane)
                yield StreamResponse(answer, limit, self._stream_failure, self.statistics)
            finally:
                self._limits.discard(limit)
                limit.stop()
                answer.raw.close()

    async def close(self) -> None:
        """End every wait at once (NvrUnreachableError) and close the session if it is ours; safe to call twice."""
        self._closed = True
        now = asyncio.get_running_loop().time()
        try:
            for limit in tuple(self._limits):
                # One that has fired, but whose wait has not woken yet, cannot be moved and need not be.
                with suppress(RuntimeError):
                    limit.reschedule(now)
        finally:
            if self._session is not None and self._session is not self._given:
                await self._session.close()

    def _call(  # noqa: PLR0917 - the parts of one request, as two callers name them
        self,
        method: str,
        path: str,
        data: Body | None,
        content_type: str | None,
        timeout: float,
        idempotent: bool | None,
        more: Mapping[str, str] | None = None,
        *,
        signed: bool = True,
    ) -> _Call:
        headers = dict(more or {})
        if content_type is not None:
            headers["Content-Type"] = content_type
        if self.config.dial is not None:
            headers["Host"] = authority(self.config)
        again = method in {"GET", "HEAD"} if idempotent is None else idempotent
        if isinstance(data, AsyncIterable):
            again = False
        return _Call(method, path, data, headers, timeout, again, self.auth.refusals, signed)

    async def _perform(self, call: _Call, lane: Lane) -> _Answer:
        self.statistics.lanes[lane] += 1
        if isinstance(call.data, AsyncIterable) and call.signed and not self.auth.proven:
            probe = _Call("GET", self.challenge_path, None, call.headers, call.timeout, True, call.known_refusals, True)
            (await self._follow(probe)).raw.close()
        return await self._follow(call)

    async def _follow(self, call: _Call) -> _Answer:
        path = call.path
        for _ in range(_MOST_REDIRECTS + 1):
            answer = await self._insist(call, path)
            location = answer.headers.get("Location")
            if answer.status not in _REDIRECTS or location is None or call.method != "GET":
                return answer
            try:
                there = _redirected(_url(self.config, self._scheme, path), location)
            except NvrResponseError:
                answer.raw.close()
                raise
            if there is None:
                return answer
            answer.raw.close()
            path = there
        raise NvrResponseError("the recorder sends us round in circles")

    async def _insist(self, call: _Call, path: str) -> _Answer:
        """Ask again once when the connection was closed under an idempotent request."""
        body = call.data if isinstance(call.data, bytes) else b""
        target = Target(call.method, path, body)
        replayable = not isinstance(call.data, AsyncIterable)
        for left in (1, 0):
            try:
                if not call.signed:
                    return await self._send(call, path, None)
                return await self.auth.perform(
                    target,
                    lambda header: self._send(call, path, header),
                    replayable=replayable,
                    known_refusals=call.known_refusals,
                )
            except _ConnectionLostError:
                if not call.idempotent or not left or self._closed:
                    raise
                self.statistics.retries += 1
        raise AssertionError  # pragma: no cover - the loop returns or raises

    async def _send(self, call: _Call, path: str, authorization: str | None) -> _Answer:
        headers = dict(call.headers)
        if authorization is not None:
            headers["Authorization"] = authorization
        self.statistics.requests += 1
        try:
            async with self._limit(call.timeout, "no answer in time"):
                context = await self.tls_context()
                raw = await self._http().request(
                    call.method,
                    _url(self.config, self._scheme, path),
                    data=call.data,
                    headers=headers,
                    allow_redirects=False,
                    ssl=True if context is None else context,
                    server_hostname=self.config.host if context is not None and self.config.dial else None,
                    timeout=aiohttp.ClientTimeout(total=None, sock_connect=self._connect_timeout),
                    middlewares=(_once,),
                    read_bufsize=_READ_BUFFER,
                )
        except (aiohttp.ClientError, ssl.SSLError, OSError) as error:
            raise await connection_error(error, self.config, self._connect_timeout) from None
        if raw.status != UNAUTHORIZED:
            return _Answer(raw.status, raw.headers, raw)
        self.statistics.refused += 1
        try:
            refusal = await self._read(raw, call.timeout, MAX_REFUSAL, cut=True)
        finally:
            raw.release()
        return _Answer(raw.status, raw.headers, raw, refusal, tuple(raw.headers.getall("WWW-Authenticate", ())))

    def _http(self) -> aiohttp.ClientSession:
        if self._closed:
            raise NvrUnreachableError("the connection was closed by us")
        if self._session is None:
            self._session = self._given() if callable(self._given) else _own_session()
        return self._session

    async def tls_context(self) -> ssl.SSLContext | None:
        """Return how certificates are judged; None for plain HTTP."""
        if self.config.tls is TlsMode.OFF:
            return None
        if self._context is None:
            # Building one reads the authorities' files, which would block the loop.
            building = asyncio.to_thread(build_context, self.config.tls, self.config.fingerprint)
            self._context = asyncio.ensure_future(building)
        return await asyncio.shield(self._context)

    async def _read(self, raw: aiohttp.ClientResponse, patience: float, most: int, *, cut: bool = False) -> bytes:
        """Return the body; beyond `most` bytes NvrResponseError, or with `cut` what fits and the connection goes."""
        chunks: list[bytes] = []
        size = 0
        try:
            async with self._limit(patience, "the answer did not end in time"):
                async for chunk in raw.content.iter_any():
                    chunks.append(chunk)
                    size += len(chunk)
                    if size > most:
                        raw.close()
                        if cut:
                            break
                        raise NvrResponseError("the answer is too long")
        except (aiohttp.ClientError, ssl.SSLError, OSError) as error:
            raise self._cut_off(error) from None
        self.statistics.bytes_received += size
        return b"".join(chunks)[:most]

    @asynccontextmanager
    async def _limit(self, seconds: float, what: str) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(seconds) as limit:
                self._limits.add(limit)
                try:
                    yield
                finally:
                    self._limits.discard(limit)
        except TimeoutError:
            raise self._too_late(what) from None

    def _too_late(self, what: str) -> NvrError:
        return NvrUnreachableError("the connection was closed by us") if self._closed else NvrTimeoutError(what)

    def _stream_failure(self, error: Exception) -> NvrError:
        return self._too_late("the stream fell silent") if isinstance(error, TimeoutError) else self._cut_off(error)

    def _cut_off(self, error: Exception) -> NvrError:
        if self._closed:
            return NvrUnreachableError("the connection was closed by us")
        return NvrResponseError(f"the answer was cut off ({type(error).__name__})")

    def _judge(self, status: int, headers: Mapping[str, str], body: bytes) -> NvrError | None:
        return None if self.classify is None else self.classify(status, headers, body)

    def meaning(self, status: int, headers: Mapping[str, str], body: bytes, lane: Lane) -> NvrError:
        """Return what an answer means that was not accepted; one that says busy stops its lane for a while."""
        error = self._judge(status, headers, body) or usual_error(status, headers, body)
        if isinstance(error, NvrBusyError) and error.retry_after:
            self.gate.pause(error.retry_after, lane)
        return error
