"""The event side of the simulated recorder, and alertStream (hikvision-isapi 11; 19, item 16)."""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
import json

from ..webserver import Request, Response, Sink
from .device import Device
from .router import Code, Router, done, failure, unsupported
from .system_pages import SystemPages
from .triggers import Triggers
from .xmlout import Dialect, Node, el, fields, fragment, listing, named

_BOUNDARIES = {
    "plain": ("; boundary=boundary", "boundary"),
    "angle": ("; boundary=<boundary>", "<boundary>"),
    "quoted": ('; boundary="MIME_boundary"', "MIME_boundary"),
    "dashes": ("; boundary=--boundary", "boundary"),
    "missing": ("", "boundary"),
}
_LABELS = {"VMD": "Motion alarm", "videoloss": "videoloss alarm", "IO": "IO alarm"}
_LOCAL_TYPES = frozenset({"vmd", "videoloss", "io"})


@dataclass(slots=True)
class Alert:
    """One event as it leaves the unit. `when` is true time; None is now. `extra` are elements before channelName."""

    kind: str
    channel: int = 1
    state: str = "active"
    count: int = 1
    target: str | None = None
    region: int | None = None
    io: int | None = None
    description: str | None = None
    relation: str | None = None
    late: bool | None = None
    when: datetime | None = None
    picture: bytes | None = None
    as_json: bool = False
    extra: list[Node] = field(default_factory=list)


@dataclass(slots=True, eq=False)
class _Subscriber:
    """One open alertStream; parts wait in `queue` until the writer takes them all at once."""

    queue: deque[bytes] = field(default_factory=deque)
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    cut: bool = False
    sink: Sink | None = None


class AlertRenderer:
    """Turns alerts into documents and parts."""

    def __init__(self, device: Device, system: SystemPages) -> None:
        self._device = device
        self._system = system

    def node(self, alert: Alert) -> Node:
        """Build the v2.0 document of an alert."""
        device, firmware = self._device, self._device.firmware
        parts = fields(ipAddress=device.options.host, portNo=device.http_port)
        parts += [el(firmware.alert_protocol_tag, "HTTP"), el("macAddress", device.mac)]
        if firmware.alert_dynamic and alert.channel:
            parts.append(el("dynChannelID", alert.channel))
        parts += fields(
            channelID=alert.channel,
            dateTime=self._system.wall(alert.when),
            activePostCount=alert.count,
            eventType=alert.kind,
            eventState=alert.state,
            eventDescription=alert.description or _LABELS.get(alert.kind, f"{alert.kind} alarm"),
            inputIOPortID=alert.io,
        )
        if alert.region is not None:
            parts.append(self._region(alert))
        elif alert.target is not None:
            parts += fields(targetType=alert.target)
        parts += alert.extra
        if alert.relation is not None:
            parts.append(el("DurationList", [el("Duration", fields(relationEvent=alert.relation))]))
        channel = device.channels.get(alert.channel)
        if channel is not None and alert.count:
            parts.append(named("channelName", channel.name))
        if alert.picture is not None:
            parts += fields(detectionPictureTransType="binary", detectionPicturesNumber=1)
        parts += fields(isDataRetransmission=alert.late)
        return el("EventNotificationAlert", parts)

    @staticmethod
    def _region(alert: Alert) -> Node:
        corners = ((118, 327), (999, 326), (999, 626), (0, 630))
        coordinates = [el("RegionCoordinates", fields(positionX=x, positionY=y)) for x, y in corners]
        rectangle = fields(X="0.779688", Y="0.409722", width="0.209375", height="0.459722")
        entry = [
            *fields(regionID=alert.region, sensitivityLevel=50),
            listing("RegionCoordinatesList", coordinates, sized=False),
            *fields(detectionTarget=alert.target),
            el("TargetRect", rectangle),
        ]
        return el("DetectionRegionList", [el("DetectionRegionEntry", entry)])

    def body(self, alert: Alert) -> tuple[str, bytes]:
        """Return content type and bytes of an alert."""
        if alert.as_json:
            return "application/json", self._json(alert)
        dialect = self._device.dialect()
        nested = Dialect(dialect.namespace, "2.0" if self._device.firmware.namespace == "isapi" else "1.0")
        shape = Dialect(
            nested.namespace, nested.version, encoding=dialect.encoding, raw_ampersand=dialect.raw_ampersand
        )
        return 'application/xml; charset="UTF-8"', fragment(self.node(alert), shape)

    def _json(self, alert: Alert) -> bytes:
        value = {
            "ipAddress": self._device.options.host,
            "portNo": self._device.http_port,
            "protocol": "HTTP",
            "macAddress": self._device.mac,
            "channelID": alert.channel,
            "dateTime": self._system.wall(alert.when),
            "activePostCount": alert.count,
            "eventType": alert.kind,
            "eventState": alert.state,
            "eventDescription": alert.description or f"{alert.kind} alarm",
        }
        return json.dumps(value).encode()

    def part(self, content_type: str, body: bytes, extra: str = "") -> bytes:
        """Wrap a body as the firmware's multipart parts are (hikvision-isapi 11.1)."""
        faults = self._device.faults.alerts
        end = "\n" if faults.lf_only else "\r\n"
        _, token = _BOUNDARIES[faults.boundary]
        head = f"--{token}{end}Content-Type: {content_type}{end}{extra}"
        if not faults.no_length:
            head += f"Content-Length: {len(body) + faults.length_error}{end}"
        tail = end.encode() if faults.crlf else b""
        return (head + end).encode() + body + tail + b"\r\n" * faults.blank_lines

    def parts(self, alert: Alert) -> bytes:
        """Return an alert's parts: the document, then its picture."""
        data = self.part(*self.body(alert))
        if alert.picture is not None:
            name = f'Content-Disposition: form-data; name="detectionPicture"; filename="{alert.kind}.jpg"\r\n'
            data += self.part("image/jpeg", alert.picture, name)
        return data


class AlertHub:
    """Sends alerts to everyone who listens, repeats motion every second, and keeps the stream alive."""

    def __init__(self, device: Device, triggers: Triggers, system: SystemPages) -> None:
        self._device = device
        self._triggers = triggers
        self.renderer = AlertRenderer(device, system)
        self._subscribers: set[_Subscriber] = set()
        self._moving: dict[int, str | None] = {}
        self._lost: set[int] = set()
        self._posts = 0
        self._ticker: asyncio.Task[None] | None = None
        self._history: deque[Alert] = deque(maxlen=128)
        self.forward: list[Callable[[Alert], None]] = []

    def register(self, router: Router) -> None:
        """Add the paths."""
        router.add("GET", "/ISAPI/Event/notification/alertStream", self.stream, cost="alerts", free=True)
        router.add("POST", "/ISAPI/Event/notification/subscribeEvent", self.subscribe, cost="alerts", free=True)
        router.add("GET", "/ISAPI/Event/notification/subscribeEventCap", self.capabilities)
        router.add("PUT", "/ISAPI/Event/notification/unSubscribeEvent", self.unsubscribe)

    @property
    def listeners(self) -> int:
        """How many streams are open."""
        return len(self._subscribers)

    def close(self) -> None:
        """Stop the motion ticker."""
        if self._ticker is not None:
            self._ticker.cancel()
            self._ticker = None

    def emit(self, alert: Alert) -> bool:
        """Send one alert; False when its trigger is not linked to `center`."""
        counters = self._device.counters
        if alert.kind == "IO":
            (self._device.inputs.add if alert.state == "active" else self._device.inputs.discard)(alert.io or 1)
        kind_channel = alert.io or 1 if alert.kind == "IO" else alert.channel
        if self._device.faults.alerts.enforce_center and not self._triggers.linked(alert.kind, kind_channel):
            counters.events_unlinked += 1
            return False
        counters.events += 1
        self._history.append(alert)
        self.send(self.renderer.parts(alert))
        for forward in self.forward:
            forward(alert)
        return True

    def send(self, data: bytes) -> None:
        """Send ready bytes to every stream."""
        if self._device.faults.alerts.silent:
            return
        for subscriber in self._subscribers:
            subscriber.queue.append(data)
            subscriber.wake.set()

    def motion(self, channel: int, *, on: bool, target: str | None = None) -> None:
        """Begin or end motion on a channel: told every second while it lasts."""
        if on:
            self._moving[channel] = target
            if self._ticker is None or self._ticker.done():
                self._ticker = asyncio.get_running_loop().create_task(self._tick())
            return
        if self._moving.pop(channel, "") == "":
            return
        says = self._device.faults.alerts.vmd_inactive
        if self._device.firmware.vmd_inactive if says is None else says:
            self.emit(Alert("VMD", channel, "inactive", 0))

    async def _tick(self) -> None:
        while self._moving:
            for index, (channel, target) in enumerate(sorted(self._moving.items()), 1):
                self._posts += 1
                count = index if self._device.faults.alerts.vmd_count == "index" else self._posts
                self.emit(Alert("VMD", channel, count=count, target=target))
            await asyncio.sleep(self._device.faults.alerts.vmd_period)

    def video_loss(self, channel: int, *, lost: bool) -> None:
        """Tell that a channel lost its picture, or has it again."""
        if lost:
            self._lost.add(channel)
        else:
            self._lost.discard(channel)
        self.emit(Alert("videoloss", channel, "active" if lost else "inactive", 1 if lost else 0))

    def cut(self, *, inside_part: bool = False) -> None:
        """End every stream now, orderly or in the middle of a part."""
        if inside_part:
            whole = self.renderer.parts(Alert("VMD", 1))
            self.send(whole[: len(whole) // 2])
        for subscriber in self._subscribers:
            subscriber.cut = True
            subscriber.wake.set()

    def burst(self, alerts: list[Alert]) -> bytes:
        """Render many alerts ahead, so that sending them costs nothing."""
        return b"".join(self.renderer.parts(alert) for alert in alerts)

    def capabilities(self, _request: Request, _argument: str) -> Response:
        """Answer what subscribeEvent can do."""
        parts = [el("heartbeat", min=5, max=180), el("channelMode", opt="all,list"), el("eventMode", opt="all,list")]
        return Response(200, fragment(el("SubscribeEventCap", parts), self._device.dialect()))

    def stream(self, request: Request, _argument: str) -> Response:
        """Answer alertStream, or refuse the fifth listener."""
        device, faults = self._device, self._device.faults.alerts
        if faults.status:
            return unsupported(device, request, faults.status)
        if len(self._subscribers) >= faults.limit:
            device.counters.busy += 1
            return failure(device, request, 503, Code.BUSY, "deviceBusy")
        return self._open(b"")

    def subscribe(self, request: Request, _argument: str) -> Response:
        """Answer subscribeEvent: the same stream behind a first part of its own."""
        if len(self._subscribers) >= self._device.faults.alerts.limit:
            return failure(self._device, request, 503, Code.BUSY, "deviceBusy")
        if b"SubscribeEvent" not in request.body:
            return failure(self._device, request, 400, Code.BAD_CONTENT, "badXmlContent")
        first = fragment(el("SubscribeEventResponse", [el("id", 1), el("FailedEventList")]), self._device.dialect())
        return self._open(self.renderer.part('application/xml; charset="UTF-8"', first))

    def unsubscribe(self, request: Request, _argument: str) -> Response:
        """End the streams."""
        self.cut()
        return done(self._device, request)

    async def flood(self, seconds: float = 8.0, *, size: int = 2 << 20, picture: bytes = b"\xff\xd8\xff\xe0") -> None:
        """Send `size` bytes of alerts with pictures over some seconds, as one speed dome does."""
        filler = picture + b"\x5a" * (64 * 1024 - len(picture))
        rounds = max(1, size // len(filler))
        for index in range(rounds):
            self.send(self.renderer.parts(Alert("VMD", 1, count=index + 1, picture=filler)))
            await asyncio.sleep(seconds / rounds)

    def _open(self, first: bytes) -> Response:
        faults = self._device.faults.alerts
        parameter, _ = _BOUNDARIES[faults.boundary]

        async def body(sink: Sink) -> None:
            await self._feed(sink, first)

        raw = faults.transfer == "raw"
        return Response(content_type=f"multipart/mixed{parameter}", stream=body, raw=raw)

    def _heartbeat(self) -> bytes:
        firmware, faults = self._device.firmware, self._device.faults.alerts
        channel = firmware.heartbeat_channel if faults.heartbeat_channel is None else faults.heartbeat_channel
        return self.renderer.parts(Alert("videoloss", channel, "inactive", 0))

    async def _feed(self, sink: Sink, first: bytes) -> None:
        counters, faults = self._device.counters, self._device.faults.alerts
        subscriber = _Subscriber(sink=sink)
        self._subscribers.add(subscriber)
        counters.alert_streams += 1
        counters.alert_streams_active = len(self._subscribers)
        try:
            opening = first + self._replay()
            if faults.heartbeat_first and faults.heartbeat and not faults.silent:
                opening += self._heartbeat()
            await self._write(sink, opening)
            while True:
                try:
                    async with asyncio.timeout(faults.heartbeat or None):
                        await subscriber.wake.wait()
                except TimeoutError:
                    if not faults.silent:
                        await self._write(sink, self._heartbeat())
                    continue
                subscriber.wake.clear()
                data = b"".join(subscriber.queue)
                subscriber.queue.clear()
                await self._write(sink, data)
                if subscriber.cut:
                    return
        finally:
            self._subscribers.discard(subscriber)
            counters.alert_streams_active = len(self._subscribers)

    def _replay(self) -> bytes:
        """Return old alerts that some firmwares send again after a reconnect."""
        count = self._device.faults.alerts.replay
        if not count:
            return b""
        now = self._device.clock.now()
        old = [Alert("VMD", 1 + n % 4, when=now - timedelta(seconds=300 + n), late=True) for n in range(count)]
        return self.burst(old)

    async def _write(self, sink: Sink, data: bytes) -> None:
        split = self._device.faults.alerts.split
        if not split:
            if data:
                await sink.write(data)
            return
        for start in range(0, len(data), split):
            await sink.write(data[start : start + split])
            await asyncio.sleep(0)
