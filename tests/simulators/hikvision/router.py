"""Paths of the simulated recorder, and the answers every path shares."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import IntEnum
import inspect
import json
import pickle
import re
from typing import Any

from ..webserver import Request, Response
from .device import Device
from .xmlout import Node, document, el

type Page = Callable[[Request, str], Response | Awaitable[Response]]


class Code(IntEnum):
    """statusCode of a ResponseStatus (hikvision-isapi 2.4)."""

    OK = 1
    BUSY = 2
    DEVICE_ERROR = 3
    INVALID_OPERATION = 4
    BAD_FORMAT = 5
    BAD_CONTENT = 6
    REBOOT_REQUIRED = 7


_STRINGS = {
    Code.OK: "OK",
    Code.BUSY: "Device Busy",
    Code.DEVICE_ERROR: "Device Error",
    Code.INVALID_OPERATION: "Invalid Operation",
    Code.BAD_FORMAT: "Invalid XML Format",
    Code.BAD_CONTENT: "Invalid XML Content",
    Code.REBOOT_REQUIRED: "Reboot Required",
}
_JSON_CODES = {"notSupport": 0x40000001, "lowPrivilege": 0x40000002, "noSearchIDResource": 0x60001046}


@dataclass(frozen=True, slots=True)
class Route:
    """One path template; `right` is what the user needs, `cost` the key of the latency table."""

    method: str
    pattern: re.Pattern[str]
    page: Page
    right: str
    cost: str
    free: bool


class Router:
    """Finds the page of a request; `*` in a template is one path step given to the page."""

    def __init__(self) -> None:
        self._routes: list[Route] = []
        self._exact: dict[tuple[str, str], Route] = {}

    def add(
        self, methods: str, template: str, page: Page, *, right: str = "", cost: str = "fast", free: bool = False
    ) -> None:
        """Serve a path. A `free` page waits for no worker of its own (long streams)."""
        for method in methods.split("|"):
            pattern = re.compile(re.escape(template).replace(r"\*", "([^/]+)") + r"\Z", re.IGNORECASE)
            route = Route(method, pattern, page, right, cost, free)
            if "*" in template:
                self._routes.append(route)
            else:
                self._exact[method, template.lower()] = route

    def find(self, method: str, path: str) -> tuple[Route, str] | None:
        """Return the route and what `*` stood for."""
        route = self._exact.get((method, path.lower()))
        if route is not None:
            return route, ""
        for route in self._routes:
            if route.method == method and (match := route.pattern.match(path)):
                return route, match[1]
        return None

    def knows(self, path: str) -> bool:
        """Whether any method serves this path."""
        return any(key[1] == path.lower() for key in self._exact) or any(r.pattern.match(path) for r in self._routes)


async def run(page: Page, request: Request, argument: str) -> Response:
    """Call a page, whether it is a coroutine or not."""
    answer = page(request, argument)
    return await answer if inspect.isawaitable(answer) else answer


def xml(device: Device, root: Node, *, status: int = 200, namespace: str | None = None) -> Response:
    """Answer a document in the firmware's spelling."""
    return Response(status, document(root, device.dialect(namespace)))


def json_response(value: dict[str, Any], status: int = 200) -> Response:
    """Answer JSON."""
    return Response(status, json.dumps(value).encode(), "application/json")


class PageCache:
    """Keeps the long documents of a recorder as bytes until anything they tell of changes."""

    def __init__(self, device: Device) -> None:
        self._device = device
        self._pages: dict[str, tuple[bytes, bytes]] = {}

    def xml(self, name: str, make: Callable[[], Node], *also: object) -> Response:
        """Answer a document, rendered anew only when the channels, the spelling or `also` differ."""
        order = self._device.list_seed
        key = pickle.dumps((self._device.channels, self._device.dialect(), self._device.version, order, also))
        kept = self._pages.get(name)
        if kept is None or kept[0] != key:
            kept = self._pages[name] = (key, document(make(), self._device.dialect()))
        return Response(200, kept[1])


def status_node(path: str, code: int, sub: str, description: str | None = None) -> Node:
    """Build a ResponseStatus."""
    text = _STRINGS[Code(code)] if code in _STRINGS else "Invalid Operation"
    parts = [el("requestURL", path), el("statusCode", code), el("statusString", text), el("subStatusCode", sub)]
    if description is not None:
        parts.append(el("description", description))
    return el("ResponseStatus", parts)


def failure(
    device: Device, request: Request, http: int, code: int, sub: str, *, description: str | None = None
) -> Response:
    """Answer a ResponseStatus, as JSON when the request asked for it."""
    if request.query.get("format") == "json":
        value = {
            "requestURL": request.path,
            "statusCode": code,
            "statusString": _STRINGS.get(Code(code), ""),
            "subStatusCode": sub,
            "errorCode": _JSON_CODES.get(sub, 0x40000000 if code == Code.INVALID_OPERATION else 0x60000000),
            "errorMsg": description or sub,
        }
        return json_response(value, http)
    return xml(device, status_node(request.path, code, sub, description), status=http)


def unsupported(device: Device, request: Request, http: int = 403) -> Response:
    """Answer that this unit does not have the resource."""
    if http == 500:
        return failure(device, request, http, Code.DEVICE_ERROR, "deviceError")
    if http == 400:
        return failure(device, request, http, Code.BAD_CONTENT, "badParameters")
    return failure(device, request, http, Code.INVALID_OPERATION, "notSupport")


def done(device: Device, request: Request, *, reboot: bool = False) -> Response:
    """Answer that a write was taken."""
    code, sub = (Code.REBOOT_REQUIRED, "rebootRequired") if reboot else (Code.OK, "ok")
    return failure(device, request, 200, code, sub)
