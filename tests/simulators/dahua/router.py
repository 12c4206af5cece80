"""Paths and RPC methods of the simulated Dahua unit, and the answers all of them share (dahua-cgi 2.5, 15).

A part of the unit has one function `register(router, device)` that plugs its pages and methods in here.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
import inspect
import secrets
from typing import Any

from ..webserver import Request, Response

type Page = Callable[[Request], Response | Awaitable[Response]]
TEXT = "text/plain;charset=utf-8"


class Code(IntEnum):
    """error.code of RPC2 (dahua-cgi 15.2)."""

    INTERFACE_NOT_FOUND = 268632064
    USER_INVALID = 268632070
    PASSWORD_INVALID = 268632071
    BUSY = 268632075
    CHALLENGE = 268632079
    LOCKED = 268632081
    LOGIN_INVALID = 268632085
    REQUEST_INVALID = 268894209
    METHOD_NOT_FOUND = 268894210
    PARAM_INVALID = 268894211
    NOT_SET = 268959743
    NO_RIGHT = 285278249
    SESSION_INVALID = 287637505
    TOO_LONG = 287638033
    NO_OBJECT = 4026990593


_MESSAGES = {
    Code.INTERFACE_NOT_FOUND: "Interface not found!",
    Code.METHOD_NOT_FOUND: "Method not found!",
    Code.REQUEST_INVALID: "Request invalid!",
    Code.PARAM_INVALID: "Invalid param!",
    Code.NO_RIGHT: "Authority:check failure.",
    Code.SESSION_INVALID: "Invalid session in request data!",
    Code.TOO_LONG: "Request length error!",
    Code.NO_OBJECT: "Object not exist!",
    Code.LOGIN_INVALID: "Component error: User or password not valid!",
    Code.LOCKED: "Component error: user locked!",
    Code.CHALLENGE: "Component error: login challenge!",
}


class RpcError(Exception):
    """An RPC method refuses; the answer carries `code` and message."""

    def __init__(self, code: int, message: str | None = None, params: dict[str, Any] | None = None) -> None:
        super().__init__(code)
        self.code = code
        self.message = message if message is not None else _MESSAGES.get(Code(code), "Unknown error!")
        self.params = params


@dataclass(slots=True, eq=False)
class RpcSession:
    """One login of RPC2. `objects` are handles by number; they die with the session."""

    number: str | int
    user: str
    peer: str
    seen: float
    objects: dict[int, Any] = field(default_factory=dict)
    closers: list[Callable[[], None]] = field(default_factory=list)

    def add(self, thing: Any) -> int:
        """Keep an object under a new handle."""
        handle = secrets.randbelow(2**31) + 2**31 - 1
        self.objects[handle] = thing
        return handle


@dataclass(slots=True)
class RpcReply:
    """An RPC answer: `result` true, false or a handle, and `params`."""

    result: bool | int | None = True
    params: Mapping[str, Any] | None = None


type RpcAnswer = RpcReply | Mapping[str, Any]
type RpcHandler = Callable[[dict[str, Any], int | None, RpcSession], Awaitable[RpcAnswer]]


@dataclass(frozen=True, slots=True)
class Route:
    """A page and the right it needs: live | playback | config | system; "" none."""

    page: Page
    right: str = ""


@dataclass(frozen=True, slots=True)
class Method:
    """An RPC method and the right it needs."""

    handler: RpcHandler
    right: str = ""


class Router:
    """Finds pages and methods. Names are matched case by case, as the units do."""

    def __init__(self) -> None:
        self._calls: dict[tuple[str, str], Route] = {}
        self._paths: dict[tuple[str, str], Route] = {}
        self._prefixes: list[tuple[str, str, Route]] = []
        self._methods: dict[str, Method] = {}

    def cgi(self, name: str, action: str, page: Page, *, right: str = "") -> None:
        """Serve GET /cgi-bin/<name>?action=<action>; an empty action serves the program without one."""
        self._calls[name, action] = Route(page, right)

    def path(self, method: str, path: str, page: Page, *, right: str = "") -> None:
        """Serve one exact path outside the CGI scheme."""
        self._paths[method, path] = Route(page, right)

    def prefix(self, method: str, prefix: str, page: Page, *, right: str = "") -> None:
        """Serve every path that begins so; `request.path` has the rest, decoded."""
        self._prefixes.append((method, prefix, Route(page, right)))

    def rpc(self, name: str, handler: RpcHandler, *, right: str = "") -> None:
        """Serve an RPC2 method: `await handler(params, object, session)`; RpcError refuses."""
        self._methods[name] = Method(handler, right)

    def find(self, request: Request) -> Route | None:
        """Return the page of a request."""
        route = self._paths.get((request.method, request.path))
        if route is not None:
            return route
        folder, _, name = request.path.rpartition("/")
        if folder == "/cgi-bin":
            return self._calls.get((name, request.query.get("action", "")))
        for method, prefix, found in self._prefixes:
            if method == request.method and request.path.startswith(prefix):
                return found
        return None

    def method(self, name: str) -> Method | None:
        """Return an RPC2 method."""
        return self._methods.get(name)

    def interface(self, name: str) -> bool:
        """Tell whether any method of that interface is served."""
        return any(known.startswith(f"{name}.") for known in self._methods)


async def run(page: Page, request: Request) -> Response:
    """Call a page, whether it is a coroutine or not."""
    answer = page(request)
    return await answer if inspect.isawaitable(answer) else answer


def text(lines: list[str] | str, status: int = 200) -> Response:
    """Answer lines with CRLF behind each."""
    if isinstance(lines, str):
        lines = [lines]
    return Response(status, "".join(f"{line}\r\n" for line in lines).encode(), TEXT)


def ok() -> Response:
    """Answer that a write was taken."""
    return text("OK")


def bad_request() -> Response:
    """Answer 400 as the units do: a missing program, a bad argument, or nothing found (dahua-cgi 2.5)."""
    return text(["Error", "Bad Request!"], 400)


def not_implemented() -> Response:
    """Answer 501 as newer firmware does for what it lacks."""
    return text(["Error", "Not Implemented!"], 501)


def invalid_request() -> Response:
    """Answer 200 with an error inside: a bad action or object."""
    return text(["Error", "ErrorID=2, Detail=Invalid Request!"])


def no_right() -> Response:
    """Answer 403 as the units do."""
    return text("Authority:check failure.", 403)


def missing(kind: str) -> Response:
    """Answer as a profile does for what it lacks."""
    return not_implemented() if kind == "501" else bad_request()


def flatten(value: Any, prefix: str) -> list[str]:
    """Write a JSON-like value as `key=value` lines (dahua-cgi 3)."""
    if isinstance(value, Mapping):
        return [line for key, one in value.items() for line in flatten(one, f"{prefix}.{key}" if prefix else str(key))]
    if isinstance(value, list | tuple):
        return [line for index, one in enumerate(value) for line in flatten(one, f"{prefix}[{index}]")]
    return [f"{prefix}={plain(value)}"]


def plain(value: object) -> str:
    """Write a scalar as the units do."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)
