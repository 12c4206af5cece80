"""What every HTTP request of the simulated recorder passes: faults, workers, latency, login, rights, page."""

import asyncio
from collections.abc import Awaitable, Callable
from fnmatch import fnmatchcase

from ..switches import PathFault
from ..webserver import DropConnectionError, Request, Response
from .auth import Authenticator, Verdict
from .device import Device
from .latency import BusyError, Load
from .router import Code, Route, Router, failure, run, unsupported, xml
from .xmlout import Node, el, fields

_HTML = (
    b"<!DOCTYPE html>\n<html><head><title>Document Error: %b</title></head>\n"
    b"<body><h2>Access Error: %b</h2></body></html>\n"
)
_DOCTYPE = b'<?xml version="1.0"?>\n<!DOCTYPE x [<!ENTITY a "aaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>\n<x>&b;</x>\n'

type Answer = Callable[[Request], Awaitable[Response]]


class Gatehouse:
    """Runs requests through the recorder."""

    def __init__(self, device: Device, router: Router, authenticator: Authenticator) -> None:
        self._device = device
        self._router = router
        self._authenticator = authenticator
        self._load = Load(device)
        self.warming_up = False

    async def answer(self, request: Request) -> Response:
        """Answer one request."""
        counters = self._device.counters
        counters.requests += 1
        counters.by_path[request.path] += 1
        response = await self._answer(request)
        counters.by_status[response.status] += 1
        return response

    async def _answer(self, request: Request) -> Response:
        if self._device.faults.documents.redirect_https and not request.secure and self._device.https_port:
            address = f"https://{self._device.options.host}:{self._device.https_port}{request.target}"
            return Response(302, b"", "text/html", [("Location", address)])
        fault = self._fault(request)
        if fault is not None and fault.delay:
            await asyncio.sleep(fault.delay)
        if fault is not None and fault.kind == "drop":
            raise DropConnectionError
        if fault is not None and fault.kind == "hang":
            await asyncio.Event().wait()
        found = self._find(request)
        route = found[0] if found else None
        try:
            async with self._load.worker():
                await asyncio.sleep(self._load.seconds(route.cost if route else "fast"))
                refusal = self._refuse(request, route)
                if refusal is None and fault is not None and fault.kind in {"status", "ok-status", "html", "empty"}:
                    refusal = self._faulty(request, fault)
                if refusal is not None or (route is not None and not route.free):
                    return refusal or self._spoil(await self._run(request, found), fault)
        except BusyError:
            self._device.counters.busy += 1
            return failure(self._device, request, 503, Code.BUSY, "deviceBusy")
        return self._spoil(await self._run(request, found), fault)

    def _find(self, request: Request) -> tuple[Route, str] | None:
        """Return the page; very old firmware serves its tree without the prefix."""
        prefix = self._device.faults.documents.prefix
        path = request.path
        if prefix != "isapi" and not path.lower().startswith("/isapi/"):
            path = f"/ISAPI{path}"
        elif prefix == "bare":
            return None
        return self._router.find(request.method, path)

    async def _run(self, request: Request, found: tuple[Route, str] | None) -> Response:
        if found is not None:
            return await run(found[0].page, request, found[1])
        if self._device.faults.documents.prefix != "bare" and self._router.knows(request.path):
            return failure(self._device, request, 405, Code.INVALID_OPERATION, "methodNotAllowed")
        return unsupported(self._device, request, 404)

    def _refuse(self, request: Request, route: Route | None) -> Response | None:
        device = self._device
        open_picture = device.faults.snapshot.open and request.path.endswith("/picture")
        if not open_picture:
            header = request.headers.get("authorization")
            verdict, user = self._authenticator.check(
                request.method, request.target, header, request.peer, request.body
            )
            if verdict is not Verdict.OK:
                return self._unauthorized(request, verdict, user)
            request.user = user
        if self.warming_up and "/ContentMgmt/" in request.path:
            return failure(device, request, 503, Code.BUSY, "deviceBusy")
        if route is not None and route.right and route.right not in self._rights(request.user):
            return failure(device, request, 403, Code.INVALID_OPERATION, "lowPrivilege")
        return None

    def _rights(self, user: str) -> frozenset[str]:
        override = self._device.faults.rights
        if override is not None:
            return override
        known = self._authenticator.users.get(user)
        return known.rights if known else frozenset({"live"})

    def _unauthorized(self, request: Request, verdict: Verdict, user: str) -> Response:
        device, policy = self._device, self._authenticator.policy
        device.counters.unauthorized += 1
        headers = self._authenticator.challenges(stale=verdict is Verdict.STALE)
        if policy.body_401 == "html":
            text = b"Unauthorized"
            return Response(401, _HTML % (text, text), "text/html", headers)
        response = xml(device, self._login_state(request, verdict, user), status=401)
        response.headers = headers
        return response

    def _login_state(self, request: Request, verdict: Verdict, user: str) -> Node:
        """Build the userCheck of a 401 (hikvision-isapi 3.3)."""
        policy = self._authenticator.policy
        parts = fields(statusValue=401, statusString="Unauthorized")
        if policy.lock_body == "short" or verdict not in {Verdict.WRONG, Verdict.LOCKED}:
            return el("userCheck", parts)
        left = "retryTimes" if policy.lock_body == "retryTimes" else "retryLoginTime"
        locked = verdict is Verdict.LOCKED
        parts += fields(isActivated=True, lockStatus="lock" if locked else "unlock")
        seconds = int(self._authenticator.locked_for(request.peer, user))
        parts += fields(unlockTime=seconds if locked else None)
        parts.append(el(left, 0 if locked else self._authenticator.tries_left(request.peer, user)))
        return el("userCheck", parts)

    def _fault(self, request: Request) -> PathFault | None:
        """Return what is wrong with this path now."""
        paths = self._device.faults.paths
        for pattern, fault in list(paths.items()):
            if fault.method and fault.method != request.method:
                continue
            if not fnmatchcase(request.path, pattern):
                continue
            if fault.kind not in {"drop", "hang"} and "authorization" not in request.headers:
                continue  # the challenge is not what is broken, and is not counted
            if fault.count:
                fault.count -= 1
                if not fault.count:
                    del paths[pattern]
            return fault
        return None

    def _faulty(self, request: Request, fault: PathFault) -> Response:
        if fault.kind == "empty":
            return Response(fault.status if fault.status != 403 else 200, b"")
        if fault.kind == "html":
            return Response(fault.status, _HTML % (b"Forbidden", b"Forbidden"), "text/html")
        status = 200 if fault.kind == "ok-status" else fault.status
        return failure(self._device, request, status, fault.code, fault.sub)

    @staticmethod
    def _spoil(response: Response, fault: PathFault | None) -> Response:
        """Damage a good answer."""
        if fault is None or response.stream is not None:
            return response
        body = response.body
        if fault.kind == "garbage":
            response.body = bytes(byte ^ 0x5A for byte in body) or b"\x00\x01\x02"
        elif fault.kind == "body":
            response.body = fault.body.encode("latin-1")
        elif fault.kind == "truncated":
            response.body = body[: len(body) // 2]
        elif fault.kind == "short":
            response.length, response.body, response.close = len(body), body[: len(body) // 2], True
        elif fault.kind == "doctype":
            response.body = _DOCTYPE
        return response
