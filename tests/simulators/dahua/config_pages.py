"""configManager, CGI and RPC: tables, their parts, and writes with the firmware's traps (dahua-cgi 3; 19, item 6)."""

from collections.abc import Iterable
from typing import Any
from urllib.parse import unquote_plus

from ..webserver import Request, Response
from .device import DahuaDevice, zone_of
from .router import (
    Code,
    Router,
    RpcAnswer,
    RpcError,
    RpcReply,
    RpcSession,
    bad_request,
    flatten,
    missing,
    ok,
    text,
)
from .tables import ZONE_MINUTES, Tables, fetch, parse_path

# Keys that a unit takes only together (dahua-cgi 13).
_TOGETHER = {("RecordMode", "Mode"): ("ModeExtra1", "ModeExtra2"), ("MotionDetect", "Enable"): ("DetectVersion",)}


class ConfigPages:
    """Reads and writes the tables."""

    def __init__(self, device: DahuaDevice) -> None:
        self._device = device
        self.tables = Tables(device)

    def register(self, router: Router) -> None:
        """Add the calls."""
        router.cgi("configManager.cgi", "getConfig", self.read, right="config")
        router.cgi("configManager.cgi", "setConfig", self.write, right="control")
        router.rpc("configManager.getConfig", self.rpc_read, right="config")
        router.rpc("configManager.setConfig", self.rpc_write, right="control")

    def read(self, request: Request) -> Response:
        """Answer a table or a part of one."""
        name = request.query.get("name", "")
        try:
            value = self._fetch(name)
        except LookupError, ValueError:
            kind = self._device.faults.config.missing or self._device.firmware.missing_config
            if kind == "200":
                return text(f"Error: Error -1 getting param in name={name}")
            return missing(kind)
        return text(flatten(value, f"table.{name}"))

    def _fetch(self, name: str) -> Any:
        head, *rest = parse_path(name)
        table = self.tables.table(str(head))
        if table is None:
            raise LookupError(name)
        return fetch(table, tuple(rest))

    def write(self, request: Request) -> Response:
        """Take new values: everything is decoded first and split then, so that no value can hold an ampersand."""
        decoded = unquote_plus(request.target.partition("?")[2])
        pairs = [part.partition("=")[::2] for part in decoded.split("&")]
        changes = [(key, value.strip(" ") or " ", value) for key, value in pairs if key != "action"]
        if not changes:
            return bad_request()
        if self._device.faults.config.read_only or self._drops(key for key, _, _ in changes):
            return bad_request()
        for key, value, raw in changes:
            if raw == "":
                continue  # answered with OK, and nothing changes (dahua-cgi 2.5)
            try:
                self._set(key, "" if value == " " else value)
            except LookupError, ValueError:
                return bad_request()
        self._device.counters.writes += 1
        return ok()

    def _drops(self, keys: Iterable[str]) -> bool:
        """Tell whether a write leaves out what has to come with it: the other modes, the detector's version."""
        written = set(keys)
        for key in written:
            row, _, name = key.rpartition(".")
            table = str(parse_path(key)[0])
            needed = _TOGETHER.get((table, name), ())
            try:
                present = {f"{row}.{other}" for other in needed if other in self._fetch(row)}
            except LookupError, ValueError:
                continue
            if not present <= written:
                return True
        return False

    def _set(self, key: str, value: object) -> None:
        """Set one value. Raises LookupError for an unknown key and ValueError for a value that cannot be."""
        path = parse_path(key)
        old = self._fetch(key)
        new = _fit(old, value)
        if not self._apply(path, new):
            self.tables.kept.setdefault(str(path[0]), {})[path[1:]] = new

    def _apply(self, path: tuple[str | int, ...], value: Any) -> bool:
        """Give a value to the part of the unit that lives by it; False when none does."""
        device = self._device
        match path:
            case ("ChannelTitle", int(index), "Name"):
                device.channels[index + 1].title = str(value)
            case ("General", "MachineName"):
                device.name = str(value)
            case ("NTP", "TimeZone"):
                device.set_zone(ZONE_MINUTES[int(value)], dst=device.zone.dst is not None)
            case ("Locales", "DSTEnable"):
                device.zone = zone_of(device.zone.minutes, dst=bool(value))
                device.clock.zone = device.zone.tzinfo()
            case _:
                return False
        return True

    async def rpc_read(self, params: dict[str, Any], _object: int | None, _session: RpcSession) -> RpcAnswer:
        """Answer getConfig; `channel` asks for one element of a list."""
        try:
            value = self._fetch(str(params.get("name", "")))
            if isinstance(channel := params.get("channel"), int) and channel >= 0 and isinstance(value, list):
                value = fetch(value, (channel,))
        except LookupError, ValueError:
            raise RpcError(Code.NOT_SET, "Component error: not set!") from None
        return {"table": value}

    async def rpc_write(self, params: dict[str, Any], _object: int | None, _session: RpcSession) -> RpcAnswer:
        """Take a whole table or a part of one."""
        name, table = str(params.get("name", "")), params.get("table")
        if isinstance(channel := params.get("channel"), int) and channel >= 0:
            name = f"{name}[{channel}]"
        try:
            for line in flatten(table, name):
                key, _, value = line.partition("=")
                if self._fetch(key) != value:
                    self._set(key, value)
        except LookupError, ValueError:
            raise RpcError(Code.PARAM_INVALID) from None
        self._device.counters.writes += 1
        return RpcReply(True, {"options": None})


def _fit(old: object, value: object) -> object:
    """Turn a text into the type its key has. Raises ValueError when it cannot be."""
    if isinstance(old, dict | list):
        raise ValueError("not a value")  # noqa: TRY004
    if isinstance(old, bool):
        if value not in {"true", "false", True, False}:
            raise ValueError(value)
        return value in {"true", True}
    if isinstance(old, int):
        return int(str(value))
    return float(str(value)) if isinstance(old, float) else str(value)
