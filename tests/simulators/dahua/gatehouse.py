"""What every HTTP request of the simulated Dahua unit passes: faults, login, rights, page (dahua-cgi 2)."""

import asyncio
from collections.abc import Callable
from fnmatch import fnmatchcase
import json

from ..switches import PathFault
from ..webserver import DropConnectionError, Request, Response
from .auth import Authenticator, Verdict
from .device import DahuaDevice
from .router import TEXT, Route, Router, bad_request, invalid_request, missing, no_right, run, text

# What an NVR's own server writes; the cookie line is no header at all (dahua-cgi 2.1).
_SPELLING = ("Content-type", "CONNECTION", "CONTENT-LENGTH")
_LINES = ("X-XSS-Protection: 1;mode=block", "X-Frame-Options: SAMEORIGIN", "Set-Cookie:secure; HttpOnly")


class Gatehouse:
    """Runs requests through the unit. `open_connections` tells how many sockets clients hold now."""

    def __init__(
        self, device: DahuaDevice, router: Router, authenticator: Authenticator, open_connections: Callable[[], int]
    ) -> None:
        self._device = device
        self._router = router
        self._login = authenticator
        self._open_connections = open_connections
        self.on_audio: Callable[[], None] = lambda: None

    async def answer(self, request: Request) -> Response:
        """Answer one request."""
        device, counters = self._device, self._device.counters
        self._style()
        counters.requests += 1
        counters.by_call[call_name(request)] += 1
        counters.active += 1
        counters.max_active = max(counters.max_active, counters.active)
        try:
            response = await self._answer(request)
        finally:
            counters.active -= 1
        counters.by_status[response.status] += 1
        close = device.faults.http.close_always
        response.close |= device.firmware.close_always if close is None else close
        return response

    def _style(self) -> None:
        odd = self._device.faults.http.odd_heads
        odd = self._device.firmware.odd_heads if odd is None else odd
        server = self._device.faults.server
        server.spelling, server.lines = (_SPELLING, _LINES) if odd else ((), ())

    async def _answer(self, request: Request) -> Response:
        device = self._device
        if request.malformed:
            return bad_request()
        if device.faults.http.redirect_https and not request.secure and device.https_port:
            address = f"https://{device.options.host}:{device.https_port}{request.target}"
            return Response(302, b"", "text/html", [("Location", address)])
        if self._open_connections() > device.faults.http.connection_limit:
            device.counters.refused_connections += 1
            return self._unauthorized(request, Verdict.MISSING)
        fault = self._fault(request)
        if fault is not None and fault.delay:
            await asyncio.sleep(fault.delay)
        if fault is not None and fault.kind == "drop":
            raise DropConnectionError
        if fault is not None and fault.kind == "hang":
            await asyncio.Event().wait()
        await asyncio.sleep(device.faults.load.latency_ms / 1000)
        if not request.path.startswith("/cgi-bin/"):
            return _spoil(await self._outside(request), fault)
        if device.faults.http.cgi_gone:
            return Response(404, b"", "text/html")
        refusal = self._refuse(request)
        if refusal is not None:
            return refusal
        if fault is not None and fault.kind in {"status", "empty", "error"}:
            return _faulty(fault)
        return _spoil(await self._inside(request), fault)

    async def _outside(self, request: Request) -> Response:
        """Answer what needs no HTTP login: RPC2 has its own, the rest is the web page's."""
        route = self._router.find(request)
        if route is not None:
            return await run(route.page, request)
        if request.path == "/":
            return Response(200, b"<!DOCTYPE html><html><head><title>WEB SERVICE</title></head></html>", "text/html")
        return Response(404, b"", "text/html")

    async def _inside(self, request: Request) -> Response:
        device = self._device
        name, action = request.path.rpartition("/")[2], request.query.get("action", "")
        query = request.target.partition("?")[2]
        if device.faults.http.strict_action and action and not query.startswith("action="):
            return bad_request()
        if device.lacks(name, f"{name}?{action}"):
            return missing(device.firmware.missing)
        route = self._router.find(request)
        if route is None:
            return invalid_request() if action.startswith("factory.") else missing(device.firmware.missing)
        if not self._may(request, route):
            return no_right()
        return await run(route.page, request)

    def _may(self, request: Request, route: Route) -> bool:
        rights = self._device.faults.rights
        return not route.right or route.right in (self._login.rights(request.user) if rights is None else rights)

    def _refuse(self, request: Request) -> Response | None:
        header = request.headers.get("authorization")
        if header is None and request.method == "POST" and request.path.endswith("/audio.cgi"):
            raise DropConnectionError  # no challenge for a body (dahua-cgi 2.2)
        verdict, user = self._login.check(request.method, request.target, header, request.peer, request.body)
        if verdict is not Verdict.OK:
            return self._unauthorized(request, verdict)
        request.user = user
        if request.path == "/cgi-bin/audio.cgi":
            self.on_audio()
        if self._audio_loop(request):
            return self._unauthorized(request, Verdict.STALE)
        if "nc=00000001" in (header or "") or "nc=" not in (header or ""):
            self._device.counters.logins += 1
        return None

    @staticmethod
    def _audio_loop(request: Request) -> bool:
        """Tell whether this is sound of channel 0, which every answer finds stale (dahua-cgi 2.2)."""
        return request.path == "/cgi-bin/audio.cgi" and request.query.get("channel", "0") == "0"

    def _unauthorized(self, request: Request, verdict: Verdict) -> Response:
        counters, policy = self._device.counters, self._login.policy
        if verdict is Verdict.STALE and policy.stale_403 and not self._audio_loop(request):
            return no_right()
        counters.unauthorized += 1
        if verdict is Verdict.LOCKED and policy.locked_status == 403:
            return no_right()
        response = text(["Error", "Unauthorized!"], 401)
        response.headers = self._login.challenges(stale=verdict is Verdict.STALE)
        return response

    def _fault(self, request: Request) -> PathFault | None:
        """Return what is wrong with this call now."""
        paths, names = self._device.faults.paths, (call_name(request), rpc_name(request))
        for pattern, fault in list(paths.items()):
            if fault.method and fault.method != request.method:
                continue
            if not any(fnmatchcase(name, pattern) for name in names if name):
                continue
            cgi = request.path.startswith("/cgi-bin/")
            if cgi and fault.kind not in {"drop", "hang"} and "authorization" not in request.headers:
                continue  # the challenge is not what is broken, and is not counted
            if fault.count:
                fault.count -= 1
                if not fault.count:
                    del paths[pattern]
            return fault
        return None


def rpc_name(request: Request) -> str:
    """Name an RPC call for faults: "global.getCurrentTime", "configManager.getConfig:NTP"; "" when it is none."""
    if request.path != "/RPC2":
        return ""
    try:
        call = json.loads(request.body)
        method, params = str(call["method"]), call.get("params")
    except ValueError, TypeError, KeyError, AttributeError:
        return ""
    return f"{method}:{params.get('name', '')}" if method.endswith(".getConfig") and params else method


def call_name(request: Request) -> str:
    """Name a call for counters and faults: "magicBox.cgi?getSerialNo", "configManager.cgi?getConfig:NTP", "/RPC2"."""
    if not request.path.startswith("/cgi-bin/"):
        return "/RPC_Loadfile" if request.path.startswith("/RPC_Loadfile") else request.path
    name = request.path.removeprefix("/cgi-bin/")
    if name.startswith("RPC_Loadfile"):
        return "RPC_Loadfile"
    action = request.query.get("action", "")
    name = f"{name}?{action}" if action else name
    return f"{name}:{request.query.get('name', '')}" if action == "getConfig" else name


def _faulty(fault: PathFault) -> Response:
    if fault.kind == "empty":
        return Response(200 if fault.status == 403 else fault.status, b"", TEXT)
    if fault.kind == "error":
        return invalid_request()
    if fault.status == 403:
        return no_right()
    return text(["Error", {400: "Bad Request!", 501: "Not Implemented!"}.get(fault.status, "Failed!")], fault.status)


def _spoil(response: Response, fault: PathFault | None) -> Response:
    """Damage a good answer."""
    if fault is None or response.stream is not None:
        return response
    body = response.body
    if fault.kind == "empty":
        response.body = b""
    elif fault.kind == "garbage":
        response.body = bytes(byte ^ 0x5A for byte in body) or b"\x00\x01\x02"
    elif fault.kind == "body":
        response.body = fault.body.encode("latin-1")
    elif fault.kind == "truncated":
        response.body = body[: len(body) // 2]
    elif fault.kind == "short":
        response.length, response.body, response.close = len(body), body[: len(body) // 2], True
    elif fault.kind == "html":
        response.status, response.content_type, response.body = fault.status, "text/html", b"<html>Forbidden</html>"
    return response
