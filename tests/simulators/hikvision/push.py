"""httpHosts: the recorder posts its events to an alarm server (hikvision-isapi 11.6; 19, item 17)."""

import asyncio
from dataclasses import dataclass
from xml.etree import ElementTree as ET

import aiohttp

from ..webserver import Request, Response
from .alerts import Alert, AlertHub
from .device import Device
from .router import Code, Router, done, failure, unsupported, xml
from .settings import child_text, local
from .xmlout import EXTENSIONS_NAMESPACE, Dialect, Node, el, fields, fragment, listing

_TRIES = 4


@dataclass(slots=True)
class Host:
    """One slot of the list."""

    url: str = "/"
    protocol: str = "HTTP"
    addressing: str = "ipaddress"
    address: str = "0.0.0.0"
    port: int = 80
    authentication: str = "none"


class HostPush:
    """Keeps the slots and delivers to those that are set."""

    def __init__(self, device: Device, alerts: AlertHub) -> None:
        self._device = device
        self._alerts = alerts
        self.hosts = [Host() for _ in range(device.firmware.posts_hosts)]
        self.version = "1.0" if not device.is_camera else "2.0"
        self.retry_seconds = 2.0
        self._tasks: set[asyncio.Task[None]] = set()
        alerts.forward.append(self._queue)

    def register(self, router: Router) -> None:
        """Add the paths."""
        base = "/ISAPI/Event/notification/httpHosts"
        router.add("GET", base, self.page, right="parameters")
        router.add("PUT", base, self.write, right="parameters")
        router.add("GET", f"{base}/*", self.one, right="parameters")
        router.add("PUT", f"{base}/*", self.write_one, right="parameters")
        router.add("POST", f"{base}/*/test", self.test, right="parameters")

    async def close(self) -> None:
        """Stop delivering."""
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _node(self, index: int) -> Node:
        host = self.hosts[index]
        tag = "hostName" if host.addressing == "hostname" else "ipAddress"
        parts = fields(
            id=index + 1,
            url=host.url,
            protocolType=host.protocol,
            parameterFormatType="XML",
            addressingFormatType=host.addressing,
        )
        parts += [el(tag, host.address), el("portNo", host.port)]
        if self._device.is_camera:
            parts += fields(userName="", httpAuthenticationMethod=host.authentication, httpBroken=False)
        else:
            parts += fields(httpAuthenticationMethod=host.authentication)
            parts.append(el("Extensions", fields(intervalBetweenEvents=0), xmlns=EXTENSIONS_NAMESPACE))
        return el("HttpHostNotification", parts)

    def page(self, _request: Request, _argument: str) -> Response:
        """Answer all slots."""
        nodes = [self._node(index) for index in range(len(self.hosts))]
        return xml(self._device, listing("HttpHostNotificationList", nodes, sized=False))

    def _index(self, argument: str) -> int | None:
        return int(argument) - 1 if argument.isdecimal() and 0 < int(argument) <= len(self.hosts) else None

    def one(self, request: Request, argument: str) -> Response:
        """Answer one slot."""
        index = self._index(argument)
        return unsupported(self._device, request) if index is None else xml(self._device, self._node(index))

    def write(self, request: Request, _argument: str) -> Response:
        """Replace the list."""
        return self._write(request, "HttpHostNotificationList", None)

    def write_one(self, request: Request, argument: str) -> Response:
        """Replace one slot."""
        index = self._index(argument)
        if index is None:
            return unsupported(self._device, request)
        return self._write(request, "HttpHostNotification", index)

    def _write(self, request: Request, root_tag: str, index: int | None) -> Response:
        try:
            root = ET.fromstring(request.body)
        except ET.ParseError:
            return failure(self._device, request, 400, Code.BAD_FORMAT, "badXmlFormat")
        entries = [item for item in root.iter() if local(item.tag) == "HttpHostNotification"]
        if local(root.tag) != root_tag or len(entries) > len(self.hosts):
            return failure(self._device, request, 400, Code.BAD_CONTENT, "badXmlContent")
        for entry in entries:
            needed = ("url", "protocolType", "addressingFormatType", "portNo")
            if any(child_text(entry, tag) is None for tag in needed):
                return failure(self._device, request, 400, Code.BAD_CONTENT, "badXmlContent")
        for entry in entries:
            slot = self._index(child_text(entry, "id") or "1") if index is None else index
            if slot is None:
                return failure(self._device, request, 400, Code.BAD_CONTENT, "badParameters")
            self.hosts[slot] = Host(
                child_text(entry, "url") or "/",
                child_text(entry, "protocolType") or "HTTP",
                child_text(entry, "addressingFormatType") or "ipaddress",
                child_text(entry, "hostName") or child_text(entry, "ipAddress") or "0.0.0.0",
                int(child_text(entry, "portNo") or 80),
                child_text(entry, "httpAuthenticationMethod") or "none",
            )
        self._device.counters.writes += 1
        return done(self._device, request)

    async def test(self, request: Request, argument: str) -> Response:
        """Try to reach a slot's server."""
        index = self._index(argument)
        if index is None:
            return unsupported(self._device, request)
        if await self._deliver(self.hosts[index], "application/xml", b"<test/>", tries=1):
            return done(self._device, request)
        return failure(self._device, request, 500, Code.DEVICE_ERROR, "deviceError")

    def posted(self, alert: Alert) -> tuple[str, bytes]:
        """Return content type and body of a post: v1.0 with channel 32+n from recorders (hikvision-isapi 5.4)."""
        device = self._device
        if self.version == "2.0":
            document = fragment(self._alerts.renderer.node(alert), device.dialect())
        else:
            number = alert.channel
            if number and number not in range(1, device.analog + 1):
                number = 32 + number - device.analog
            pushed = f"{alert.kind}&&{device.serial},{device.clock.device_now().isoformat()},{number},1.0"
            extensions = [
                el("serialNumber", f"{device.serial}\n", xmlns=EXTENSIONS_NAMESPACE),
                Node("eventPush", pushed, name=True, attributes={"xmlns": EXTENSIONS_NAMESPACE}),
            ]
            parts = fields(channelID=number, dateTime=device.clock.device_now().replace(microsecond=0).isoformat())
            parts += fields(activePostCount=alert.count, eventType=alert.kind, eventState=alert.state)
            root = el("EventNotificationAlert", [*parts, el("Extensions", extensions)])
            raw = device.faults.documents.raw_ampersand
            document = fragment(root, Dialect("psia", "1.0", raw_ampersand=raw))
        if alert.picture is None:
            return "application/xml", document
        head = b'--MIME_boundary\r\nContent-Disposition: form-data; name="%b"\r\nContent-Type: %b\r\n\r\n'
        body = head % (b"alert.xml", b"application/xml") + document + b"\r\n"
        body += head % (b"picture.jpg", b"image/jpeg") + alert.picture + b"\r\n--MIME_boundary--\r\n"
        return "multipart/form-data; boundary=MIME_boundary", body

    def _queue(self, alert: Alert) -> None:
        for host in self.hosts:
            if host.address not in {"0.0.0.0", ""}:
                task = asyncio.get_running_loop().create_task(self._post(host, alert))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)

    async def _post(self, host: Host, alert: Alert) -> None:
        await self._deliver(host, *self.posted(alert), tries=_TRIES)

    async def _deliver(self, host: Host, content_type: str, body: bytes, *, tries: int) -> bool:
        url = f"{host.protocol.lower()}://{host.address}:{host.port}{host.url}"
        timeout = aiohttp.ClientTimeout(total=5)
        for attempt in range(tries):
            if attempt:
                await asyncio.sleep(self.retry_seconds)
            self._device.counters.posts += 1
            try:
                async with (
                    aiohttp.ClientSession(timeout=timeout) as session,
                    session.post(url, data=body, headers={"Content-Type": content_type}, ssl=False) as answer,
                ):
                    if answer.status == 200:
                        return True
            except aiohttp.ClientError, TimeoutError, OSError:
                pass
            self._device.counters.post_failures += 1
        return False
