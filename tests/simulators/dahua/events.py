"""The event side of the simulated Dahua unit: eventManager.cgi (dahua-cgi 12; 19, items 15 and 16)."""

import asyncio
from collections import deque
from dataclasses import dataclass, field
from datetime import datetime
import json
import re
from typing import Any

from ..webserver import Request, Response, Sink
from .device import DahuaDevice
from .router import Code, Router, RpcAnswer, RpcError, RpcSession, bad_request, flatten, missing, text

_ALL = "All"
_CODES = (
    *("VideoMotion", "SmartMotionHuman", "SmartMotionVehicle", "CrossLineDetection", "CrossRegionDetection"),
    *("VideoLoss", "VideoBlind", "AlarmLocal", "StorageFailure", "StorageNotExist", "StorageLowSpace"),
    *("LoginFailure", "NetMonitorAbort", "NewFile", "TimeChange"),
)
# Codes of a burst: only such as come in pairs of Start and Stop.
_PAIRED = ("VideoMotion", "CrossLineDetection", "CrossRegionDetection", "SmartMotionHuman", "SmartMotionVehicle")
_TRIMMED = 100
_TRICKY = 'Rule "1"; yard={east}; data={'


@dataclass(slots=True)
class SimEvent:
    """One event as it leaves the unit. `index` counts channels from 0; `when` is true time, None is now."""

    code: str
    index: int = 0
    action: str = "Start"
    data: dict[str, Any] | None = field(default_factory=dict)
    when: datetime | None = None
    raw: str | None = None


@dataclass(slots=True, eq=False)
class _Subscriber:
    """One open stream; parts wait in `queue` until the writer takes them all at once."""

    codes: frozenset[str]
    queue: deque[bytes] = field(default_factory=deque)
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    cut: bool = False

    def wants(self, code: str) -> bool:
        """Tell whether it asked for a code."""
        return _ALL in self.codes or code in self.codes


class EventRenderer:
    """Turns events into parts of the stream."""

    def __init__(self, device: DahuaDevice) -> None:
        self._device = device

    def payload(self, event: SimEvent) -> bytes:
        """Write `Code=…;action=…;index=…;data=…`."""
        if event.raw is not None:
            return event.raw.encode()
        line = f"Code={event.code};action={event.action};index={event.index}"
        mode = self._device.faults.events.data
        if mode == "none" or event.data is None:
            return line.encode()
        if mode == "null":
            return f"{line};data=null".encode()
        data = self._data(event)
        if mode == "tricky":
            data |= {"Name": _TRICKY, "Text": "}\n;Code=VideoLoss;action=Start;index=9"}
        body = re.sub(r'(?m)^( *"(?:[^"\\]|\\.)*"):', r"\1 :", json.dumps(data, indent=3, ensure_ascii=False))
        if mode == "truncated":
            body = body[: max(1, len(body) * 2 // 3)]
        return f"{line};data={body}".encode()

    def _data(self, event: SimEvent) -> dict[str, Any]:
        """Return the data of an event, with the moment as analytics tell it: true seconds, and the wall clock."""
        moment = event.when or self._device.clock.now()
        data = dict(event.data or {})
        if event.code in {"CrossLineDetection", "CrossRegionDetection"}:
            device = self._device.clock.to_device(moment)
            data |= {"LocaleTime": self._device.stamp(moment), "UTC": float(int(device.timestamp()))}
            data["UTCMS"] = device.microsecond // 1000
        return data

    def part(self, payload: bytes) -> bytes:
        """Wrap a payload as the stream's parts are."""
        faults = self._device.faults.events
        length = len(payload) + {"plus2": 2, "oversized": 64}.get(faults.length, 0)
        head = f"--{faults.boundary}\r\nContent-Type: text/plain\r\n"
        if faults.extra_header:
            head += "X-Device: simulated\r\n"
        if faults.length == "nospace":
            head += f"Content-Length:{length}\r\n"
        elif faults.length != "missing":
            head += f"Content-Length: {length}\r\n"
        return head.encode() + b"\r\n" + payload + b"\r\n" + b"\r\n" * faults.blank_lines


def motion_data(*, smart: bool) -> dict[str, Any]:
    """Return what VideoMotion carries."""
    data: dict[str, Any] = {"Id": [0], "RegionName": ["Region1"]}
    return data | {"SmartMotionEnable": True} if smart else data


def rule_data(code: str, target: str, number: int) -> dict[str, Any]:
    """Return what an IVS rule carries: who crossed, in 1/8192 of the picture."""
    box = [1024 + number % 512, 2048, 3072 + number % 512, 6144]
    center = [(box[0] + box[2]) // 2, (box[1] + box[3]) // 2]
    data: dict[str, Any] = {
        "Class": "Normal",
        "CountInGroup": 1,
        "EventSeq": number,
        "GroupID": number,
        "IndexInGroup": 0,
        "Name": "IVS-1" if code == "CrossLineDetection" else "IVS-2",
        "Object": {
            "Action": "Appear",
            "BoundingBox": box,
            "Center": center,
            "Confidence": 0,
            "ObjectID": 100 + number,
            "ObjectType": target,
            "RelativeID": 0,
            "Speed": 0,
        },
        "PTS": 42_998_760_000.0,
        "RuleId": 1 if code == "CrossLineDetection" else 2,
        "Track": None,
    }
    if code == "CrossLineDetection":
        return data | {"DetectLine": [[5400, 4800], [2500, 4200]], "Direction": "LeftToRight"}
    region = [[1000, 1000], [7000, 1000], [7000, 7000], [1000, 7000]]
    return data | {"Action": "Cross", "DetectRegion": region, "Direction": "Enter"}


class EventHub:
    """Sends events to everyone who listens, knows what is on now, and keeps streams alive."""

    def __init__(self, device: DahuaDevice) -> None:
        self._device = device
        self.renderer = EventRenderer(device)
        self._subscribers: set[_Subscriber] = set()
        self._on: dict[str, dict[int, None]] = {}
        self._sequence = 0
        device.on_boot.append(self._on.clear)

    def register(self, router: Router) -> None:
        """Add the calls."""
        router.cgi("eventManager.cgi", "attach", self.attach, right="live")
        router.cgi("eventManager.cgi", "getEventIndexes", self.indexes, right="live")
        router.cgi("eventManager.cgi", "getExposureEvents", lambda _request: text(flatten(list(_CODES), "events")))
        router.rpc("eventManager.getEventIndexes", self.rpc_indexes, right="live")

    @property
    def listeners(self) -> int:
        """How many streams are open."""
        return len(self._subscribers)

    def active(self, code: str) -> list[int]:
        """Return the indexes on which a code is on, in the order they began."""
        return list(self._on.get(code, {}))

    def emit(self, event: SimEvent) -> None:
        """Send one event and keep in mind what is on."""
        faults = self._device.faults.events
        if event.action == "Start":
            self._on.setdefault(event.code, {})[event.index] = None
        elif event.action == "Stop":
            self._on.get(event.code, {}).pop(event.index, None)
            if faults.lose_stops:
                return
        self._device.counters.events += 1
        self.send(self.renderer.part(self.renderer.payload(event)), event.code)

    def rule(self, code: str, index: int, action: str, target: str) -> None:
        """Send an event of an IVS rule."""
        self._sequence += 1
        self.emit(SimEvent(code, index, action, rule_data(code, target, self._sequence)))

    def burst(self, count: int, channels: list[int], *, vary: bool) -> bytes:
        """Render distinct events of alternating phases ahead; with `vary` each also tells where its target was."""
        pairs = [(code, number - 1) for code in _PAIRED for number in channels]
        parts = []
        for number in range(count):
            code, index = pairs[number // 2 % len(pairs)]
            data = rule_data(code, "Human", number + 1) if vary or code.startswith("Cross") else {"Id": [number // 2]}
            event = SimEvent(code, index, "Stop" if number % 2 else "Start", data)
            parts.append(self.renderer.part(self.renderer.payload(event)))
        self._device.counters.events += count
        return b"".join(parts)

    def send(self, data: bytes, code: str = _ALL) -> None:
        """Send ready bytes to every stream that asked for the code."""
        if self._device.faults.events.silent:
            return
        for subscriber in self._subscribers:
            if code == _ALL or subscriber.wants(code):
                subscriber.queue.append(data)
                subscriber.wake.set()

    def cut(self, *, inside_part: bool = False) -> None:
        """End every stream now, orderly or in the middle of a part."""
        if inside_part:
            whole = self.renderer.part(
                self.renderer.payload(SimEvent("VideoMotion", 0, "Start", motion_data(smart=False)))
            )
            self.send(whole[: len(whole) // 2])
        for subscriber in self._subscribers:
            subscriber.cut = True
            subscriber.wake.set()

    def attach(self, request: Request) -> Response:
        """Answer the stream: all channels, whatever is asked (dahua-cgi 12.1)."""
        device, faults = self._device, self._device.faults.events
        if faults.status:
            return missing(str(faults.status)) if faults.status in {400, 501} else text("Error", faults.status)
        asked = request.query.get("codes", "")
        if not (asked.startswith("[") and asked.endswith("]")) or (faults.refuse_all and asked == "[All]"):
            return bad_request()
        if len(self._subscribers) >= faults.limit:
            return text(["Error", "Unauthorized!"], 401)
        way = faults.long_codes or device.firmware.long_codes
        if len(asked) > _TRIMMED and way in {"400", "500"}:
            return bad_request() if way == "400" else text("Error", 500)
        if way == "trim":
            asked = asked[:_TRIMMED].rpartition(",")[0] + "]" if len(asked) > _TRIMMED else asked
        codes = frozenset(code.strip() for code in asked[1:-1].split(","))
        heartbeat = _seconds(request.query.get("heartbeat")) if faults.heartbeat is None else faults.heartbeat

        async def body(sink: Sink) -> None:
            await self._feed(sink, _Subscriber(codes), heartbeat)

        kind = f"multipart/x-mixed-replace; boundary={faults.boundary}"
        return Response(content_type=kind, stream=body, raw=True)

    async def _feed(self, sink: Sink, subscriber: _Subscriber, heartbeat: float) -> None:
        counters, faults = self._device.counters, self._device.faults.events
        loop = asyncio.get_running_loop()
        life = self._device.firmware.stream_life if faults.life is None else faults.life
        ends = loop.time() + life if life else float("inf")
        self._subscribers.add(subscriber)
        counters.event_streams += 1
        counters.event_streams_active = len(self._subscribers)
        beat = loop.time() + heartbeat if heartbeat else float("inf")
        try:
            if faults.first_blank:
                await sink.write(b"\r\n")
            while loop.time() < ends:
                try:
                    async with (
                        asyncio.timeout_at(min(beat, ends)) if min(beat, ends) < float("inf") else asyncio.timeout(None)
                    ):
                        await subscriber.wake.wait()
                except TimeoutError:
                    if loop.time() < ends:
                        beat += heartbeat
                        if not faults.silent:
                            await self._write(sink, self.renderer.part(b"Heartbeat"))
                    continue
                subscriber.wake.clear()
                data = b"".join(subscriber.queue)
                subscriber.queue.clear()
                await self._write(sink, data)
                if subscriber.cut:
                    return
        finally:
            self._subscribers.discard(subscriber)
            counters.event_streams_active = len(self._subscribers)

    async def _write(self, sink: Sink, data: bytes) -> None:
        """Send bytes; `split` sends them in pieces of so many, each on its own."""
        split = self._device.faults.events.split
        if not split:
            await sink.write(data)
            return
        for offset in range(0, len(data), split):
            await sink.write(data[offset : offset + split])
            await asyncio.sleep(0.0005)

    def indexes(self, request: Request) -> Response:
        """Answer where a code is on now."""
        if self._device.faults.events.no_indexes:
            return missing(self._device.firmware.missing)
        active = self.active(request.query.get("code", ""))
        return text(flatten(active, "channels")) if active else text("Error: No Events")

    async def rpc_indexes(self, params: dict[str, Any], _object: int | None, _session: RpcSession) -> RpcAnswer:
        """Answer where a code is on now."""
        if self._device.faults.events.no_indexes:
            raise RpcError(Code.METHOD_NOT_FOUND)
        return {"channels": self.active(str(params.get("code", "")))}


def _seconds(text_: str | None) -> float:
    """Return the asked heartbeat; 0 when none is asked. It lies between 1 and 60 seconds."""
    if not text_ or not text_.isdecimal():
        return 0.0
    return float(min(60, max(1, int(text_))))
