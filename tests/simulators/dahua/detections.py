"""What happened, and on which days: calendar, SmdDataFinder and the log of RPC2 (dahua-cgi 9.3, 9.4; 19, item 10)."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import count
from typing import Any

from tests.simulators.footage import Incident

from .catalogue import CODES, Catalogue
from .conditions import ConditionError, windows
from .device import DahuaDevice
from .firmware import DeviceKind
from .router import Code, Router, RpcError, RpcReply, RpcSession

_SMD = {"person": "smdTypeHuman", "car": "smdTypeVehicle", "animal": "smdTypeAnimal"}
_SMD_PAGE, _LOG_PAGE = 100, 1024


@dataclass(slots=True, eq=False)
class WorkDirectory:
    """An instance of workDirectory."""

    name: str


@dataclass(slots=True, eq=False)
class Listing:
    """The result of a search that is read by token and offset."""

    kind: str
    items: list[dict[str, Any]]


def _number(params: dict[str, Any], name: str) -> int:
    value = params.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise RpcError(Code.PARAM_INVALID)
    return value


class CalendarMethods:
    """workDirectory: a month's days as a bitmap, bit 1 the first (dahua-cgi 9.4)."""

    def __init__(self, device: DahuaDevice, catalogue: Catalogue) -> None:
        self._device = device
        self._catalogue = catalogue
        self._handles = count(4_211_000)

    def register(self, router: Router) -> None:
        """Add the methods."""
        router.rpc("workDirectory.factory.instance", self.instance, right="playback")
        router.rpc("workDirectory.getBitmapEx", self.bitmap, right="playback")

    async def instance(self, params: dict[str, Any], _handle: int | None, session: RpcSession) -> RpcReply:
        """Answer a handle for the storage of this kind of unit."""
        known = {"/dev/mmc0", "/mnt/sd"} if self._device.firmware.kind is DeviceKind.CAMERA else {"/"}
        name = params.get("name")
        if name not in known:
            raise RpcError(Code.NOT_SET)
        handle = next(self._handles)
        session.objects[handle] = WorkDirectory(name)
        return RpcReply(handle)

    async def bitmap(self, params: dict[str, Any], handle: int | None, session: RpcSession) -> RpcReply:
        """Answer the days of a month; a month without any is an error."""
        if handle is None or not isinstance(session.objects.get(handle), WorkDirectory):
            raise RpcError(Code.NO_OBJECT)
        condition = params.get("condition")
        if not isinstance(condition, dict) or not isinstance(condition.get("Channel"), int):
            raise RpcError(Code.PARAM_INVALID)
        year, month = _number(condition, "Year"), _number(condition, "Month")
        if not (1 <= month <= 12 and 2000 <= year <= 2099):
            raise RpcError(Code.PARAM_INVALID)
        faults, channel = self._device.faults.find, condition["Channel"]
        number = channel + 1 - faults.calendar_base
        plans = self._device.footage.plans
        channels = sorted(plans) if channel == -1 else [number] if number in plans else []
        days = {day for each in channels for day in self._catalogue.days(each, year, month)}
        if not days:
            raise RpcError(Code.NOT_SET)
        shift = 1 if faults.calendar_wrong else 0
        return RpcReply(params={"bitmap": sum(1 << (day + shift) for day in days)})


class Listings:
    """Searches with tokens, which die with the session."""

    def __init__(self, device: DahuaDevice) -> None:
        self.device = device
        self._tokens = count(17)

    def open(self, session: RpcSession, kind: str, items: list[dict[str, Any]]) -> int:
        """Return the token of a new search."""
        token = next(self._tokens)
        session.objects[token] = Listing(kind, items)
        return token

    def get(self, session: RpcSession, kind: str, token: object) -> Listing:
        """Return a search. Raises RpcError."""
        found = session.objects.get(token) if isinstance(token, int) else None
        if not isinstance(found, Listing) or found.kind != kind:
            raise RpcError(Code.PARAM_INVALID)
        return found

    def close(self, session: RpcSession, kind: str, token: object) -> None:
        """Forget a search. Raises RpcError."""
        self.get(session, kind, token)
        assert isinstance(token, int)
        del session.objects[token]

    def happened(self, numbers: list[int], start: datetime, end: datetime) -> Iterator[Incident]:
        """Yield what has begun on channels (from 1) in a window."""
        until = min(end, self.device.clock.now())
        for number in numbers:
            if number in self.device.footage.plans and self.device.channels[number].live:
                incidents = self.device.footage.incidents(number, start, until)
                yield from (incident for incident in incidents if start <= incident.start < until)


class SmdMethods:
    """SmdDataFinder: people, vehicles and animals."""

    def __init__(self, listings: Listings) -> None:
        self._listings = listings
        self._device = listings.device

    def register(self, router: Router) -> None:
        """Add the methods."""
        router.rpc("SmdDataFinder.startFind", self.start, right="playback")
        router.rpc("SmdDataFinder.doFind", self.find, right="playback")
        router.rpc("SmdDataFinder.stopFind", self.stop, right="playback")

    async def start(self, params: dict[str, Any], _handle: int | None, session: RpcSession) -> RpcReply:
        """Answer how many there are, and a token to read them by."""
        condition = params.get("Condition")
        if not isinstance(condition, dict):
            raise RpcError(Code.PARAM_INVALID)
        try:
            spans = windows(self._device, condition.get("StartTime"), condition.get("EndTime"))
        except ConditionError:
            raise RpcError(Code.PARAM_INVALID) from None
        asked = condition.get("Channels") or [-1]
        numbers = sorted(self._device.footage.plans) if -1 in asked else [number + 1 for number in asked]
        kinds = condition.get("SmdType") or list(_SMD.values())
        found = [
            incident
            for start, end in spans
            for incident in self._listings.happened(numbers, start, end)
            if _SMD.get(incident.subject) in kinds
        ]
        found.sort(key=lambda incident: incident.start, reverse=condition.get("Order", "descOrder") == "descOrder")
        items = [
            {
                "Channel": incident.channel - 1,
                "StartTime": self._device.stamp(incident.start),
                "EndTime": self._device.stamp(incident.end),
                "Type": _SMD[incident.subject],
            }
            for incident in found
        ]
        return RpcReply(params={"Count": len(items), "Token": self._listings.open(session, "smd", items)})

    async def find(self, params: dict[str, Any], _handle: int | None, session: RpcSession) -> RpcReply:
        """Answer a page."""
        listing = self._listings.get(session, "smd", params.get("Token"))
        offset, size = _number(params, "Offset"), min(_number(params, "Count"), _SMD_PAGE)
        return RpcReply(params={"SmdInfo": listing.items[offset : offset + size] or None})

    async def stop(self, params: dict[str, Any], _handle: int | None, session: RpcSession) -> RpcReply:
        """Forget a search."""
        self._listings.close(session, "smd", params.get("Token"))
        return RpcReply()


class LogMethods:
    """log of RPC2, where recorders' own pages look for events."""

    def __init__(self, listings: Listings) -> None:
        self._listings = listings
        self._device = listings.device

    def register(self, router: Router) -> None:
        """Add the methods."""
        for name, handler in (
            ("startFind", self.start),
            ("getCount", self.count),
            ("doSeekFind", self.seek),
            ("stopFind", self.stop),
        ):
            router.rpc(f"log.{name}", handler, right="playback")

    async def start(self, params: dict[str, Any], _handle: int | None, session: RpcSession) -> RpcReply:
        """Answer a token."""
        condition = params.get("condition")
        if not isinstance(condition, dict):
            raise RpcError(Code.PARAM_INVALID)
        try:
            spans = windows(self._device, condition.get("StartTime"), condition.get("EndTime"))
        except ConditionError:
            raise RpcError(Code.PARAM_INVALID) from None
        types = [str(one) for one in condition.get("Types") or []]
        found = [
            entry
            for start, end in spans
            for entry in self._entries(start, end)
            if not types or _wanted(entry[1], types)
        ]
        found.sort(key=lambda entry: entry[0], reverse=condition.get("Order") == "Descent")
        items = [values for _, _, values in found]
        return RpcReply(params={"token": self._listings.open(session, "log", items)})

    def _entries(self, start: datetime, end: datetime) -> Iterator[tuple[datetime, str, dict[str, Any]]]:
        """Yield the lines of a window: their times, their types as a search names them, and their items."""
        for incident in self._listings.happened(sorted(self._device.footage.plans), start, end):
            code = CODES.get(incident.kind, "VideoMotion")
            for when, phase in ((incident.start, "Start"), (incident.end, "Stop")):
                if start <= when < min(end, self._device.clock.now()):
                    detail = f"{code} {phase.lower()}"
                    yield (
                        when,
                        f"Event.{code}.{phase}",
                        self._item(when, code, incident.channel, Type=code, Detail=detail, User="System"),
                    )
        for line in self._device.log:
            if start <= line.when < end:
                detail = "\n".join(line.detail)
                values = self._item(
                    line.when, line.code, line.channel or 0, Type=line.kind, Detail=detail, User=line.user
                )
                yield line.when, f"Event.{line.code}.Pulse" if line.code else line.kind, values

    def _item(self, when: datetime, code: str, channel: int, **texts: str) -> dict[str, Any]:
        """Return a line; channels count from 1 here (dahua-cgi 4)."""
        return {
            "Channel": channel,
            "Code": code,
            "Codes": [code] if code else [],
            "Time": self._device.stamp(when),
            "UTCTime": int(self._device.clock.to_device(when).timestamp()),
            **texts,
        }

    async def count(self, params: dict[str, Any], _handle: int | None, session: RpcSession) -> RpcReply:
        """Answer how many lines there are."""
        return RpcReply(params={"count": len(self._listings.get(session, "log", params.get("token")).items)})

    async def seek(self, params: dict[str, Any], _handle: int | None, session: RpcSession) -> RpcReply:
        """Answer lines from an offset on."""
        listing = self._listings.get(session, "log", params.get("token"))
        offset, size = _number(params, "offset"), min(_number(params, "count"), _LOG_PAGE)
        items = listing.items[offset : offset + size]
        return RpcReply(params={"found": len(items), "items": items or None})

    async def stop(self, params: dict[str, Any], _handle: int | None, session: RpcSession) -> RpcReply:
        """Forget a search."""
        self._listings.close(session, "log", params.get("token"))
        return RpcReply()


def _wanted(name: str, types: list[str]) -> bool:
    """Tell whether a filter names a line; firmware spells pulses wrong in one way or the other."""
    return name in types or name.replace("Pulse", "Pluse") in types


def register(router: Router, device: DahuaDevice) -> None:
    """Plug calendar, detections and log into the unit."""
    CalendarMethods(device, Catalogue(device.footage, device.firmware)).register(router)
    listings = Listings(device)
    if device.firmware.smart_motion != "none":
        SmdMethods(listings).register(router)
    LogMethods(listings).register(router)
