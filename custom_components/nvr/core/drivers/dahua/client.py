"""I/O with one recorder: CGI questions and their tables, refusals told apart, optional questions once a day at most."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from datetime import datetime, timedelta
import json
from typing import Final, cast

from ...errors import (
    NvrAuthError,
    NvrBusyError,
    NvrError,
    NvrInsecureLoginError,
    NvrPermissionError,
    NvrResponseError,
    NvrUnsupportedError,
)
from ...transport.gate import Lane, Priority
from ...transport.http import HttpTransport, Response, StreamResponse
from ...transport.upstream import Upstream, open_upstream
from .provisional import ProvisionalGuard
from .quirks import Memory
from .refusals import FULL_TABLE_WAIT, classify, is_lacking
from .rpc import Rpc
from .wire import Node, decode, parse_lines

PREFIX: Final = "/cgi-bin/"
# Cheap and needs a login: asked first where a body cannot be sent twice.
CHALLENGE_PATH: Final = "/cgi-bin/global.cgi?action=getCurrentTime"

# What of a question names a thing of the recorder; the rest are times, handles and files, of which there is no end.
_NAMES: Final = frozenset({"action", "channel", "code", "condition.Channel", "name"})
_PAGE_PARTS: Final = 3

# A nonce of this age is not too old for any firmware known.
_YOUNG: Final = timedelta(seconds=10)
# What is said is taken without an answer; only a refusal comes, and soon (s) (dahua-cgi 14).
_NEVER_REACHED: Final = 9_999_999
_REFUSED_WITHIN: Final = 0.7
# A 403 that was found to be a missing right is taken for one that long; then it may have become a lock.
_VERDICT_LIFE: Final = timedelta(minutes=3)


class DahuaClient:
    """Questions to one recorder; raises errors of the core only, a 200 may be one (dahua-cgi 2.5)."""

    def __init__(self, transport: HttpTransport, memory: Memory, utcnow: Callable[[], datetime]) -> None:
        """Take over the transport: its reading of refusals is ours from now on.

        Its guard should be a ProvisionalGuard, so that a 401 is judged before it counts for good.
        """
        self.transport = transport
        guard = transport.guard
        self._guard = guard if isinstance(guard, ProvisionalGuard) else ProvisionalGuard(guard)
        self.rpc = rpc = Rpc(transport, self._guard, memory, utcnow)
        self._guard.can_ask = lambda: rpc.available is not False
        self._memory = memory
        self._utcnow = utcnow
        self._answered_at: datetime | None = None
        self._forbidden_at: dict[str, datetime] = {}
        self.harmful: frozenset[str] = frozenset()
        transport.classify = self._classify

    @staticmethod
    def _classify(status: int, headers: Mapping[str, str], body: bytes) -> NvrError | None:
        return classify(status, headers, body)

    @staticmethod
    def _subject(target: str) -> str:
        """Return what a request is about: its page, and of its query what names a thing of the recorder."""
        path, _, query = target.partition("?")
        page = "/".join(path.split("/", _PAGE_PARTS)[:_PAGE_PARTS])
        return "&".join((page, *(part for part in query.split("&") if part.partition("=")[0] in _NAMES)))

    @staticmethod
    def target(path: str, query: str = "") -> str:
        """Return the exact request target; `action` stands first in the query (dahua-cgi 2.1)."""
        return f"{PREFIX}{path}?{query}" if query else f"{PREFIX}{path}"

    async def get(
        self,
        path: str,
        query: str = "",
        *,
        lane: Lane = "control",
        priority: Priority = Priority.NORMAL,
        timeout: float = 15.0,  # noqa: ASYNC109 - a limit for each of several waits
        again: bool = True,
    ) -> bytes:
        """Return a body that is no refusal; raises what its refusal means (DahuaRefusalError among them).

        `again` False: it must not be sent a second time when the connection was closed over it.
        """
        target = self.target(path, query)

        async def ask() -> Response:
            return await self.transport.request(
                "GET", target, lane=lane, priority=priority, timeout=timeout, idempotent=again
            )

        response = await self._judged(target, ask)
        error = classify(response.status, response.headers, response.body)
        if error is not None:
            raise error
        return response.body

    async def post_json(self, path: str, body: Mapping[str, object]) -> Node:
        """Return the answer of a JSON page of the CGI to a question that changes nothing."""
        target = self.target(path)

        async def ask() -> Response:
            return await self.transport.request(
                "POST", target, data=json.dumps(body).encode(), content_type="application/json", idempotent=True
            )

        response = await self._judged(target, ask)
        error = classify(response.status, response.headers, response.body)
        if error is not None:
            raise error
        try:
            return cast("Node", json.loads(response.body))
        except ValueError:
            raise NvrResponseError("the recorder answered with something that is no JSON") from None

    async def text(
        self,
        path: str,
        query: str = "",
        *,
        lane: Lane = "control",
        timeout: float = 15.0,  # noqa: ASYNC109 - a limit for each of several waits
    ) -> str:
        """Return the text of a body; raises as `get` does."""
        return decode(await self.get(path, query, lane=lane, timeout=timeout))

    async def cgi(
        self,
        path: str,
        query: str = "",
        *,
        lane: Lane = "control",
        timeout: float = 15.0,  # noqa: ASYNC109 - a limit for each of several waits
    ) -> dict[str, str]:
        """Return the flat table of a body; raises as `get` does."""
        return parse_lines(await self.text(path, query, lane=lane, timeout=timeout))

    async def optional(
        self,
        path: str,
        query: str = "",
        *,
        lane: Lane = "control",
        timeout: float = 15.0,  # noqa: ASYNC109 - a limit for each of several waits
    ) -> dict[str, str] | None:
        """Return a table the recorder may lack, None when it does; that is remembered for a day (dahua-cgi 2.5).

        A missing right and every refusal that says nothing of a lack are raised as by `get`, and not remembered.
        """
        name = f"{path}?{query}"
        now = self._utcnow()
        if self._memory.is_refused(name, now):
            return None
        try:
            found = await self.cgi(path, query, lane=lane, timeout=timeout)
        except NvrError as error:
            if not is_lacking(error):
                raise
            self._memory.note_refused(name, now)
            return None
        self._memory.note_answered(name)
        return found

    @asynccontextmanager
    async def stream(
        self,
        path: str,
        query: str = "",
        *,
        lane: Lane,
        idle_timeout: float = 30.0,
    ) -> AsyncIterator[StreamResponse]:
        """Open an answer that is read as it comes; `path` may begin with `/` to leave the usual folder.

        A 200 may still begin with a refusal in words: that is the reader's to see.
        """
        target = path if path.startswith("/") else self.target(path, query)
        async with AsyncExitStack() as stack:

            async def ask() -> StreamResponse:
                opened = self.transport.stream("GET", target, lane=lane, idle_timeout=idle_timeout)
                return await stack.enter_async_context(opened)

            yield await self._judged(target, ask)

    @asynccontextmanager
    async def upstream(self, path: str, query: str, *, content_type: str) -> AsyncIterator[Upstream]:
        """Open a body that is sent as it is made, of a length that is announced and never reached (dahua-cgi 14)."""
        target = self.target(path, query)
        async with AsyncExitStack() as stack:

            async def ask() -> Upstream:
                opened = open_upstream(
                    self.transport,
                    "POST",
                    target,
                    content_type=content_type,
                    length=_NEVER_REACHED,
                    answer_within=_REFUSED_WITHIN,
                )
                return await stack.enter_async_context(opened)

            yield await self._judged(target, ask)

    async def close(self) -> None:
        """Log out, then end every wait; safe to call twice."""
        await self.rpc.close()
        await self.transport.close()

    async def _judged[T](self, target: str, ask: Callable[[], Awaitable[T]]) -> T:
        """Ask, and find out what a 401 or a 403 means before anybody is told of a password (dahua-cgi 2.4)."""
        if target.partition("?")[0].rpartition("/")[2] in self.harmful:
            raise NvrUnsupportedError("asking for this takes the recorder down")
        begun = self._utcnow()
        self.transport.auth.single_use = self._memory.quirks.nonce_once
        try:
            answer = await ask()
        except NvrAuthError as error:
            await self._second_opinion(error, begun)
            answer = await self._once_more(ask)
            # A nonce that was good a moment ago and is not now serves for one answer only.
            self._memory.quirks.nonce_once |= self._answered_at is not None and begun - self._answered_at < _YOUNG
        except NvrInsecureLoginError:
            raise
        except NvrPermissionError as error:
            answer = await self._forbidden(target, error, ask, begun)
        self._forbidden_at.pop(self._subject(target), None)
        self._answered_at = self._utcnow()
        return answer

    async def _second_opinion(self, error: NvrAuthError, since: datetime) -> None:
        """Return when the login is right for all that; an RPC login tells a wrong password, a lock and a full table."""
        if not self._guard.shared.usable:
            raise error
        try:
            await self.rpc.verify(since)
        except NvrUnsupportedError:
            self._guard.unjudged()
            raise error from None
        self._guard.vouched()

    @staticmethod
    async def _once_more[T](ask: Callable[[], Awaitable[T]]) -> T:
        try:
            return await ask()
        except NvrAuthError as error:
            message = "the login is right, but the recorder lets nobody in: its table of connections is full"
            raise NvrBusyError(message, retry_after=FULL_TABLE_WAIT) from error

    async def _forbidden[T](
        self, target: str, error: NvrPermissionError, ask: Callable[[], Awaitable[T]], since: datetime
    ) -> T:
        """Find out what a 403 means: a missing right, a nonce used again, or a lock (dahua-cgi 2.2, 2.4)."""
        subject = self._subject(target)
        judged_at = self._forbidden_at.get(subject)
        if judged_at is not None and abs(since - judged_at) < _VERDICT_LIFE:
            raise error
        if self.transport.auth.forget():
            try:
                answer = await ask()
            except NvrPermissionError:
                pass
            else:
                self._memory.quirks.nonce_once = True
                return answer
        # Another page is allowed to be forbidden, a lock forbids all: only a login tells them apart.
        with suppress(NvrUnsupportedError):
            await self.rpc.verify(since)
        self._forbidden_at[subject] = self._utcnow()
        raise error
