"""One RPC2 session with a recorder: made when first needed, kept alive, made anew once when it is lost (dahua-cgi 15).

The login is also the judge of the password: it tells a wrong one from a lock, which a 401 does not (dahua-cgi 2.4).
"""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus
import itertools
from types import MappingProxyType
from typing import Final

from ...errors import (
    NvrAuthError,
    NvrBusyError,
    NvrError,
    NvrLockedError,
    NvrNotFoundError,
    NvrPermissionError,
    NvrResponseError,
    NvrUnreachableError,
    NvrUnsupportedError,
)
from ...transport.gate import Lane, Priority
from ...transport.http import HttpTransport, Response
from .fingerprint import CERTAIN, fingerprint
from .provisional import ProvisionalGuard
from .quirks import Memory
from .refusals import FULL_TABLE_WAIT, DahuaRefusalError, SessionLostError, lock_error, rpc_error
from .unbroken import Unbroken
from .wire_rpc import (
    BAD_LOGIN,
    CALL_PATH,
    LOGIN_PATH,
    RpcReply,
    answer_to,
    challenge_of,
    first_login,
    keep_alive_seconds,
    parse_reply,
    request_body,
    second_login,
    session_headers,
)

_JSON: Final = "application/json"
_MISSING: Final = "RPC2"
# What recorders grant when they do not say, and how much of it is left when the session is renewed (s).
_KEEP_ALIVE_USUAL: Final = 60.0
_KEEP_ALIVE_MARGIN: Final = 10.0
_KEEP_ALIVE_LEAST: Final = 5.0
_LOGOUT_PATIENCE: Final = 3.0
_KEEP_ALIVE: Final = MappingProxyType({"timeout": 300, "active": True})
# How long a recorder that does not speak RPC2 is not asked for it, where its answer may have been an accident.
_ABSENCE: Final = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class RpcAnswer:
    """The answer to a call: `result` may be a handle, `params` is JSON."""

    result: object
    params: Mapping[str, object]


@dataclass(slots=True)
class _Session:
    key: str | int
    keep_alive: float


def _count(calls: dict[str, dict[str, int]], method: str, params: Mapping[str, object] | None, reply: RpcReply) -> None:
    """Count an answer by its method, of settings by their table too: what HTTP does not tell of it."""
    table = (params or {}).get("name", "") if method.endswith(".getConfig") else ""
    row = calls.setdefault(f"{method} {table}".rstrip(), {})
    outcome = "ok" if reply.ok else "refused" if reply.code is None else f"{reply.code:#x}"
    row[outcome] = row.get(outcome, 0) + 1


class Rpc:
    """The RPC side of one recorder. `generation` grows with each login: handles of an older one are dead."""

    def __init__(
        self, transport: HttpTransport, guard: ProvisionalGuard, memory: Memory, utcnow: Callable[[], datetime]
    ) -> None:
        """Send nothing yet."""
        self._transport = transport
        self._guard = guard
        self._memory = memory
        self._utcnow = utcnow
        self._turn = asyncio.Lock()
        self._unbroken = Unbroken()
        self._session: _Session | None = None
        self._keeper: asyncio.Task[None] | None = None
        self._proven_at: datetime | None = None
        self._absent_until: datetime | None = None
        self._numbers = itertools.count(1)
        self._closed = False
        self.generation = 0
        self.calls: dict[str, dict[str, int]] = {}

    @property
    def available(self) -> bool | None:
        """Whether the recorder speaks RPC2; None while nobody has asked."""
        now = self._utcnow()
        if self._memory.is_refused(_MISSING, now) or (self._absent_until is not None and now < self._absent_until):
            return False
        return True if self.generation else None

    @property
    def headers(self) -> Mapping[str, str]:
        """What proves the session beside the body: for calls, and for files by its cookie (dahua-cgi 11.1, 15.1)."""
        return {} if self._session is None else session_headers(self._session.key)

    async def call(
        self,
        method: str,
        params: Mapping[str, object] | None = None,
        *,
        object: int | None = None,  # noqa: A002 - the word of the wire
        lane: Lane = "control",
        priority: Priority = Priority.NORMAL,
        timeout: float = 15.0,  # noqa: ASYNC109 - a limit for each of several waits
    ) -> RpcAnswer:
        """Return the answer to a call that changes nothing.

        Raises NvrUnsupportedError where the recorder lacks RPC2 or the method (remembered for a day), NvrNotFoundError
        for an unknown name, NvrPermissionError, SessionLostError when a handle died with its session, HandleLostError,
        DahuaRefusalError for any other refusal, and what a login raises.
        """
        name = f"rpc:{method}"
        if self._memory.is_refused(name, self._utcnow()):
            raise NvrUnsupportedError(f"the recorder does not offer {method}")
        generation = await self._ready()
        try:
            answer = await self._once(method, params, object, lane, priority, timeout)
        except SessionLostError:
            self._drop(generation)
            if object is not None:
                raise
        except NvrUnsupportedError:
            self._memory.note_refused(name, self._utcnow())
            raise
        else:
            self._memory.note_answered(name)
            return answer
        await self._ready()
        return await self._once(method, params, object, lane, priority, timeout)

    async def page(
        self,
        path: str,
        method: str,
        params: Mapping[str, object],
        *,
        lane: Lane,
        timeout: float = 15.0,  # noqa: ASYNC109 - a limit for each of several waits
    ) -> Response:
        """Return what another page answers to a call, of whatever kind; refusals are raised as those of `call`."""
        name = f"rpc:{method}"
        if self._memory.is_refused(name, self._utcnow()):
            raise NvrUnsupportedError(f"the recorder does not offer {method}")
        for left in (1, 0):
            generation = await self._ready()
            try:
                return await self._page(path, method, params, lane, timeout)
            except SessionLostError:
                self._drop(generation)
                if not left:
                    raise
            except NvrUnsupportedError:
                self._memory.note_refused(name, self._utcnow())
                raise
        raise AssertionError

    async def _page(self, path: str, method: str, params: Mapping[str, object], lane: Lane, limit: float) -> Response:
        body = self._call_body(method, params, None)
        try:
            response = await self._send(path, body, lane, Priority.NORMAL, limit)
        except NvrNotFoundError as error:
            raise NvrUnsupportedError(f"the recorder does not offer {method}") from error
        if response.body.lstrip()[:1] == b"{" and not (reply := parse_reply(response.body)).ok:
            raise rpc_error(reply, method)
        self._memory.note_answered(f"rpc:{method}")
        return response

    async def verify(self, since: datetime) -> None:
        """Log in to find out whether the login is right although something refused it after `since` (UTC).

        Returns when it is; a login that was made since then is proof, a session that still lives is none. Raises
        NvrAuthError, NvrLockedError, NvrBusyError (the table of connections is full, nothing is said of the password),
        NvrUnsupportedError without RPC2.
        """
        if self.available is False:
            raise NvrUnsupportedError("the recorder does not speak RPC2")

        async def prove() -> None:
            async with self._turn:
                self._guard.shared.check()
                if self._proven_at is not None and self._proven_at > since:
                    return
                session = await self._log_in()
                if self._session is None:
                    self._take(session)
                else:
                    await self._log_out(session)

        await self._unbroken.run(prove())

    async def close(self) -> None:
        """Log out and end what runs; safe to call twice and at any time."""
        self._closed = True
        await self._unbroken.end(_LOGOUT_PATIENCE)
        keeper, self._keeper = self._keeper, None
        if keeper is not None:
            keeper.cancel()
            await asyncio.gather(keeper, return_exceptions=True)
        session, self._session = self._session, None
        if session is not None and self._guard.shared.usable:
            await self._log_out(session)

    async def _ready(self) -> int:
        """Make sure there is a session; returns its generation."""
        self._guard.shared.check()
        if self._session is not None:
            return self.generation
        if self.available is False:
            raise NvrUnsupportedError("the recorder does not speak RPC2")

        async def enter() -> int:
            async with self._turn:
                if self._session is None:
                    self._guard.shared.check()
                    self._take(await self._log_in())
                return self.generation

        return await self._unbroken.run(enter())

    def _take(self, session: _Session) -> None:
        if self._keeper is not None:
            self._keeper.cancel()
        self._session = session
        self.generation += 1
        self._keeper = asyncio.ensure_future(self._keep(self.generation, session))

    def _drop(self, generation: int) -> None:
        """Forget a session that is over, unless somebody has made a new one."""
        if generation == self.generation:
            self._session = None

    async def _keep(self, generation: int, session: _Session) -> None:
        """Renew the session before it dies of idleness; ends with it."""
        while generation == self.generation and self._session is not None:
            await asyncio.sleep(max(session.keep_alive - _KEEP_ALIVE_MARGIN, _KEEP_ALIVE_LEAST))
            if not self._guard.shared.usable:
                continue
            try:
                await self._once("global.keepAlive", _KEEP_ALIVE, None, "control")
            except SessionLostError, DahuaRefusalError:
                self._drop(generation)
            except NvrError:
                # Away or busy: the next call finds out what became of the session.
                continue

    async def _log_in(self) -> _Session:
        """Log in once; raises what the recorder says of the login, and lets the guard know."""
        if self._closed:
            raise NvrUnreachableError("the connection was closed by us")
        config, guard = self._transport.config, self._guard
        reply = await self._step(first_login(config.username, next(self._numbers)))
        self._judge(reply, proven=False)
        challenge = challenge_of(reply)
        proof = None if challenge is None else answer_to(challenge, config.username, config.password)
        if challenge is None or proof is None:
            self._absent(certain=challenge is not None)
            raise NvrUnsupportedError(f"the recorder wants an RPC login of a kind we do not know ({reply.code})")
        reply = await self._step(second_login(config.username, proof, challenge, next(self._numbers)))
        self._judge(reply, proven=True)
        if not reply.ok or reply.session is None:
            raise rpc_error(reply, "global.login")
        guard.accepted()
        self._memory.note_answered(_MISSING)
        self._proven_at = self._utcnow()
        return _Session(reply.session, keep_alive_seconds(reply) or _KEEP_ALIVE_USUAL)

    async def _step(self, body: bytes) -> RpcReply:
        """Send one step of the login; a recorder without RPC2 answers with a status or a page."""
        try:
            response = await self._send(LOGIN_PATH, body, "control", Priority.NORMAL, 15.0)
            return parse_reply(response.body)
        except NvrBusyError:
            raise
        except (NvrResponseError, NvrNotFoundError, NvrUnsupportedError, NvrPermissionError) as error:
            self._absent(certain=isinstance(error, NvrNotFoundError | NvrUnsupportedError))
            raise NvrUnsupportedError("the recorder does not speak RPC2") from error

    def _absent(self, *, certain: bool) -> None:
        """Do not ask again for a while; for a day where it was said in so many words by one that never spoke it."""
        self._absent_until = self._utcnow() + _ABSENCE
        if certain and not self.generation:
            self._memory.note_refused(_MISSING, self._utcnow())

    def _judge(self, reply: RpcReply, *, proven: bool) -> None:
        """Raise what a step of the login says of the account; nothing is sent after a wrong password."""
        guard = self._guard
        locked = lock_error(reply, self._utcnow())
        if locked is not None:
            # No older session is asked again: the first question after the lock shows whether the login is right.
            self._session = None
            guard.locked(locked.until, tried=proven)
            # The second lock in a row that our login met: it may be the password that brings them.
            with suppress(NvrLockedError):
                guard.shared.check()
            raise NvrLockedError(str(locked), until=guard.locked_until)
        if reply.code in BAD_LOGIN and (proven or challenge_of(reply) is None):
            guard.refused()
            guard.give_up()
            raise NvrAuthError("the recorder refused user or password")
        if reply.code is not None:
            error = rpc_error(reply, "global.login")
            if isinstance(error, NvrBusyError | NvrPermissionError) and challenge_of(reply) is None:
                raise error

    async def _log_out(self, session: _Session) -> None:
        body = request_body("global.logout", None, next(self._numbers), session.key)
        try:
            async with asyncio.timeout(_LOGOUT_PATIENCE):
                await self._send(CALL_PATH, body, "control", Priority.BACKGROUND, _LOGOUT_PATIENCE)
        except NvrError, TimeoutError:
            return  # It dies of idleness within a minute.

    def _call_body(self, method: str, params: Mapping[str, object] | None, handle: int | None) -> bytes:
        if self._session is None:
            raise SessionLostError("the session is over")
        return request_body(method, params, next(self._numbers), self._session.key, handle)

    async def _once(  # noqa: PLR0917 - the parts of one call
        self,
        method: str,
        params: Mapping[str, object] | None,
        handle: int | None,
        lane: Lane,
        priority: Priority = Priority.NORMAL,
        patience: float = 15.0,
    ) -> RpcAnswer:
        body = self._call_body(method, params, handle)
        try:
            response = await self._send(CALL_PATH, body, lane, priority, patience)
        except NvrNotFoundError as error:
            # The page is gone, whatever it was asked: the login finds out what became of RPC2.
            raise SessionLostError("the session is over (404)") from error
        reply = parse_reply(response.body)
        _count(self.calls, method, params, reply)
        if not reply.ok:
            raise rpc_error(reply, method)
        return RpcAnswer(reply.result, reply.params)

    async def _send(self, path: str, body: bytes, lane: Lane, priority: Priority, patience: float) -> Response:
        response = await self._transport.request(
            "POST",
            path,
            lane=lane,
            priority=priority,
            data=body,
            content_type=_JSON,
            timeout=patience,
            idempotent=True,
            accept_status=(HTTPStatus.OK, HTTPStatus.UNAUTHORIZED),
            signed=False,
            headers=self.headers,
        )
        if response.status == HTTPStatus.UNAUTHORIZED:
            # These pages ask for no login of HTTP: so says a full table of connections (dahua-cgi 2.4), or a stranger.
            if not self.generation and fingerprint(response.status, response.headers, response.body) < CERTAIN:
                raise NvrUnsupportedError("something that wants a login for every page is no recorder of this family")
            raise NvrBusyError("the recorder's table of connections is full", retry_after=FULL_TABLE_WAIT)
        return response
