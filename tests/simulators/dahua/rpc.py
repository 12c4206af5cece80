"""RPC2 of the simulated Dahua unit: login, sessions, keep-alive, calls (dahua-cgi 15; 19, items 3 and 8)."""

from collections.abc import Callable, Mapping
import hashlib
import json
import secrets
import time
from typing import Any

from ..webserver import Request, Response
from .auth import Authenticator, Verdict
from .device import DahuaDevice
from .router import Code, Method, Router, RpcError, RpcReply, RpcSession


def login_answer(user: str, password: str, realm: str, random: str) -> str:
    """Return what a right client sends as password (dahua-cgi 15.1): upper-case MD5 twice."""

    def digest(text: str) -> str:
        return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest().upper()

    return digest(f"{user}:{random}:{digest(f'{user}:{realm}:{password}')}")


class RpcServer:
    """Sessions and the dispatch of calls. `sessions` are by number; `new_handle` numbers objects for all parts."""

    def __init__(self, device: DahuaDevice, router: Router, authenticator: Authenticator) -> None:
        self._device = device
        self._router = router
        self._login = authenticator
        self.now: Callable[[], float] = time.monotonic
        self._challenges: dict[str, tuple[str, str]] = {}
        self.sessions: dict[str, RpcSession] = {}
        device.on_boot.append(self.forget)
        device.session_of = self.session

    def register(self, router: Router) -> None:
        """Add the two doors and the calls about the session itself."""
        router.path("POST", "/RPC2_Login", self.login_page)
        router.path("POST", "/RPC2", self.page)
        router.rpc("global.keepAlive", self._keep_alive)
        router.rpc("global.logout", self._logout)
        router.rpc("system.multicall", self._multicall)

    def forget(self) -> None:
        """Lose every session, as a boot does."""
        for number in tuple(self.sessions):
            self._end(number)
        self._challenges.clear()

    def session(self, number: object, peer: str) -> RpcSession | None:
        """Return a session that is alive and was opened from this address."""
        faults = self._device.faults.rpc
        session = self.sessions.get(str(number))
        if session is None:
            return None
        if self.now() - session.seen > faults.idle_seconds:
            self._end(str(number))
            return None
        return session if not faults.bind_peer or session.peer == peer else None

    def login_page(self, request: Request) -> Response:
        """Answer RPC2_Login: the challenge, then the verdict."""
        body = self._body(request)
        if body is None or self._device.faults.rpc.gone:
            return Response(404, b"", "text/html")
        self._device.counters.by_method["global.login"] += 1
        params = body.get("params") or {}
        user, password = str(params.get("userName", "")), str(params.get("password", ""))
        number = str(body.get("session", ""))
        if not password or number not in self._challenges:
            return self._challenge(body)
        realm, random = self._challenges.pop(number)
        return self._verdict(request, body, user, right=self._matches(user, password, realm, random))

    def _challenge(self, body: dict[str, Any]) -> Response:
        random, number = str(secrets.randbelow(2**31)), self._number()
        if len(self._challenges) > 64:
            del self._challenges[next(iter(self._challenges))]
        self._challenges[str(number)] = (self._device.realm, random)
        params = {"encryption": self._device.faults.rpc.encryption, "random": random, "realm": self._device.realm}
        return self._refuse(body, RpcError(Code.CHALLENGE, params=params), number)

    def _matches(self, user: str, password: str, realm: str, random: str) -> bool:
        known = self._login.users.get(user)
        right = login_answer(user, known.password, realm, random) if known else secrets.token_hex(16)
        return secrets.compare_digest(right, password)

    def _verdict(self, request: Request, body: dict[str, Any], user: str, *, right: bool) -> Response:
        device, login, faults = self._device, self._login, self._device.faults.rpc
        if faults.busy or len(self.sessions) >= faults.session_limit:
            return self._refuse(body, RpcError(Code.BUSY, "Component error: too many users!"), self._number())
        verdict = login.judge(request.peer, user, right=right)
        if verdict is not Verdict.OK:
            code = Code.LOCKED if verdict is Verdict.LOCKED else Code.LOGIN_INVALID
            left = round(login.locked_for(request.peer, user))
            tries = 0 if left else login.tries_left(request.peer, user)
            params = {"remainLockSecond": left if login.policy.lock_told else 0, "remainLoginTimes": tries}
            device.note("LoginFailure", f"IP Address: {request.peer}", user=user)
            return self._refuse(body, RpcError(code, params=params), self._number())
        session = RpcSession(self._number(), user, request.peer, self.now())
        self.sessions[str(session.number)] = session
        device.counters.logins += 1
        self._count()
        device.note("User logged in.", f"IP Address: {request.peer}", user=user)
        return self._answer(body, RpcReply(True, {"keepAliveInterval": faults.keep_alive}), session.number)

    async def page(self, request: Request) -> Response:
        """Answer one call."""
        body = self._body(request)
        faults, counters = self._device.faults.rpc, self._device.counters
        if body is None or faults.gone:
            return Response(404, b"", "text/html")
        counters.rpc_calls += 1
        name, number = str(body.get("method", "")), body.get("session", 0)
        counters.by_method[name] += 1
        try:
            session = self._admit(request, name, number)
            reply = await self._call(name, body, session)
        except RpcError as error:
            counters.rpc_errors += 1
            return self._refuse(body, error, number)
        return self._answer(body, reply, number)

    def _admit(self, request: Request, name: str, number: object) -> RpcSession:
        """Return the session of a call that may be looked at."""
        faults = self._device.faults.rpc
        session = self.session(number, request.peer)
        if session is None or (faults.api_header and request.headers.get("x-api-session") != str(number)):
            raise RpcError(Code.SESSION_INVALID)
        session.seen = self.now()
        if name.endswith("setConfig") and len(request.body) > faults.request_limit:
            raise RpcError(Code.TOO_LONG)
        return session

    async def _call(self, name: str, body: Mapping[str, Any], session: RpcSession) -> RpcReply:
        method = self._method(name)
        rights = self._device.faults.rights
        if method.right and method.right not in (self._login.rights(session.user) if rights is None else rights):
            raise RpcError(Code.NO_RIGHT)
        target = body.get("object")
        params = body.get("params")
        answer = await method.handler(
            params if isinstance(params, dict) else {}, target if isinstance(target, int) else None, session
        )
        return answer if isinstance(answer, RpcReply) else RpcReply(True, answer)

    def _method(self, name: str) -> Method:
        """Return a method this firmware has."""
        interface = name.partition(".")[0]
        if self._device.lacks(interface) or not self._router.interface(interface):
            raise RpcError(Code.INTERFACE_NOT_FOUND)
        method = self._router.method(name)
        if method is None or self._device.lacks(name):
            raise RpcError(Code.METHOD_NOT_FOUND)
        return method

    async def _keep_alive(self, _params: dict[str, Any], _object: int | None, _session: RpcSession) -> RpcReply:
        return RpcReply(True, {"timeout": self._device.faults.rpc.keep_alive})

    async def _logout(self, _params: dict[str, Any], _object: int | None, session: RpcSession) -> RpcReply:
        self._device.counters.logouts += 1
        self._device.note("User logged out.", f"IP Address: {session.peer}", user=session.user)
        self._end(str(session.number))
        return RpcReply(True)

    async def _multicall(self, params: dict[str, Any], _object: int | None, session: RpcSession) -> RpcReply:
        """Answer several calls at once; configuration reads inside fail, as on an NVR5232 (dahua-cgi 15.1)."""
        calls = params.get("calls")
        answers: list[dict[str, Any]] = []
        for call in calls if isinstance(calls, list) else []:
            name = str(call.get("method", ""))
            if name.startswith("configManager."):
                answers.append({"id": call.get("id"), "result": False})
                continue
            try:
                reply = await self._call(name, call, session)
            except RpcError:
                answers.append({"id": call.get("id"), "result": False})
            else:
                answers.append({"id": call.get("id"), "result": reply.result, "params": reply.params})
        return RpcReply(True, {"calls": answers})

    def _end(self, number: str) -> None:
        session = self.sessions.pop(number, None)
        if session is not None:
            for close in session.closers:
                close()
        self._count()

    def _count(self) -> None:
        counters = self._device.counters
        counters.rpc_sessions = len(self.sessions)
        counters.max_rpc_sessions = max(counters.max_rpc_sessions, counters.rpc_sessions)

    def _number(self) -> str | int:
        faults = self._device.faults.rpc
        as_int = self._device.firmware.int_session if faults.int_session is None else faults.int_session
        return secrets.randbelow(2**31) if as_int else secrets.token_hex(16)

    @staticmethod
    def _body(request: Request) -> dict[str, Any] | None:
        try:
            value = json.loads(request.body)
        except ValueError:
            return None
        return value if isinstance(value, dict) else None

    @staticmethod
    def _answer(body: Mapping[str, Any], reply: RpcReply, number: object) -> Response:
        value: dict[str, Any] = {"id": body.get("id")}
        if reply.params is not None:
            value["params"] = reply.params
        value |= {"result": reply.result, "session": number}
        return Response(200, json.dumps(value, ensure_ascii=False).encode(), "application/json")

    @staticmethod
    def _refuse(body: Mapping[str, Any], error: RpcError, number: object) -> Response:
        value: dict[str, Any] = {"error": {"code": error.code, "message": error.message}, "id": body.get("id")}
        if error.params is not None:
            value["params"] = error.params
        value |= {"result": False, "session": number}
        return Response(200, json.dumps(value, ensure_ascii=False).encode(), "application/json")
