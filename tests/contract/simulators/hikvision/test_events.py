"""The alert stream byte by byte: forms, heartbeats, repeats, pictures, floods and cuts."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from io import BytesIO
import json
import time
from xml.etree import ElementTree as ET

import aiohttp
from aiohttp import web
from PIL import Image
import pytest

from tests.simulators.hikvision import PASSWORD, USER, HikvisionSimulator

from .rig import Visitor, every, find, parts_of

STREAM = "/ISAPI/Event/notification/alertStream"


class Listener:
    """Collects what an alert stream sends."""

    def __init__(self, answer: aiohttp.ClientResponse) -> None:
        self.answer = answer
        self.data = bytearray()

    async def until(self, enough: Callable[[bytes], bool], seconds: float = 3.0) -> bytes:
        async with asyncio.timeout(seconds):
            while not enough(bytes(self.data)):
                chunk = await self.answer.content.readany()
                assert chunk, "the stream ended"
                self.data += chunk
        return bytes(self.data)

    async def parts(self, count: int, seconds: float = 3.0) -> list[tuple[str, bytes]]:
        data = await self.until(lambda got: len(list(parts_of(got))) >= count, seconds)
        return list(parts_of(data))


@asynccontextmanager
async def listen(simulator: HikvisionSimulator) -> AsyncIterator[Listener]:
    middleware = aiohttp.DigestAuthMiddleware(USER, PASSWORD)
    async with (
        aiohttp.ClientSession(middlewares=(middleware,)) as session,
        session.get(f"http://127.0.0.1:{simulator.http_port}{STREAM}") as answer,
    ):
        assert answer.status == 200
        yield Listener(answer)


@pytest.fixture(autouse=True)
def quiet(simulator: HikvisionSimulator) -> None:
    simulator.faults.alerts.heartbeat_first = False


async def test_event_has_the_captured_wire_form(simulator: HikvisionSimulator) -> None:
    async with listen(simulator) as listener:
        assert listener.answer.headers["Content-Type"] == "multipart/mixed; boundary=boundary"
        assert simulator.emit("VMD", 2)
        assert simulator.emit("fielddetection", 3, region=2, target="vehicle")
        data = await listener.until(lambda got: got.count(b"</EventNotificationAlert>") == 2)
    head, _, rest = data.partition(b"\r\n\r\n")
    assert head.startswith(b'--boundary\r\nContent-Type: application/xml; charset="UTF-8"\r\nContent-Length: ')
    assert rest.startswith(b'<EventNotificationAlert version="2.0" xmlns="http://www.isapi.org/ver20/XMLSchema">\n')
    assert b"</EventNotificationAlert>\n--boundary\r\n" in data, (
        "nothing but the body's own line end before a delimiter"
    )
    motion, field = [ET.fromstring(body) for _, body in parts_of(data)]
    assert [find(motion, tag) for tag in ("dynChannelID", "channelID", "eventType", "eventState")] == [
        "2",
        "2",
        "VMD",
        "active",
    ]
    assert find(motion, "channelName") == "Driveway"
    assert (find(motion, "dateTime") or "").endswith("-03:00")
    assert (find(field, "regionID"), find(field, "detectionTarget")) == ("2", "vehicle")


@pytest.mark.parametrize(
    ("boundary", "parameter", "token"),
    [
        ("plain", "; boundary=boundary", b"boundary"),
        ("angle", "; boundary=<boundary>", b"<boundary>"),
        ("quoted", '; boundary="MIME_boundary"', b"MIME_boundary"),
        ("dashes", "; boundary=--boundary", b"boundary"),
        ("missing", "", b"boundary"),
    ],
)
async def test_boundary_profiles(simulator: HikvisionSimulator, boundary: str, parameter: str, token: bytes) -> None:
    simulator.faults.alerts.boundary = boundary
    simulator.faults.alerts.crlf = True
    simulator.faults.alerts.transfer = "chunked"
    async with listen(simulator) as listener:
        assert listener.answer.headers["Content-Type"] == f"multipart/mixed{parameter}"
        simulator.emit("VMD", 1)
        simulator.emit("VMD", 1)
        data = await listener.until(lambda got: got.count(b"</EventNotificationAlert>") == 2)
    assert data.count(b"--" + token + b"\r\n") == 2
    assert b"</EventNotificationAlert>\n\r\n--" + token in data


async def test_heartbeats_come_by_themselves(simulator: HikvisionSimulator) -> None:
    simulator.faults.alerts.heartbeat = 0.05
    async with listen(simulator) as listener:
        parts = await listener.parts(3)
    beat = ET.fromstring(parts[0][1])
    values = [find(beat, tag) for tag in ("channelID", "activePostCount", "eventType", "eventState")]
    assert values == ["0", "0", "videoloss", "inactive"]
    simulator.faults.alerts.silent = True
    async with listen(simulator) as listener:
        simulator.emit("VMD", 1)
        with pytest.raises(TimeoutError):
            await listener.until(bool, 0.3)


async def test_motion_repeats_and_counts(simulator: HikvisionSimulator) -> None:
    simulator.faults.alerts.vmd_period = 0.05
    simulator.faults.alerts.vmd_inactive = True
    async with listen(simulator) as listener:
        simulator.motion(1)
        simulator.motion(4, target="human")
        parts = await listener.parts(6)
        simulator.motion(1, on=False)
        simulator.motion(4, on=False)
        data = await listener.until(lambda got: got.count(b"<eventState>inactive</eventState>") == 2)
    told = [(find(r, "channelID"), find(r, "activePostCount")) for r in (ET.fromstring(b) for _, b in parts)]
    assert told[:4] in (
        [("1", "1"), ("4", "2"), ("1", "1"), ("4", "2")],
        [("1", "1"), ("1", "1"), ("4", "2"), ("1", "1")],
    )
    assert b"<targetType>human</targetType>" in data


async def test_only_linked_triggers_tell_and_linking_is_a_write(
    simulator: HikvisionSimulator, visitor: Visitor
) -> None:
    simulator.triggers.unlinked.add(("linedetection", 2))
    assert not simulator.emit("linedetection", 2)
    assert simulator.emit("linedetection", 1)
    path = "Event/triggers/linedetection-2"
    text = (await visitor.get(path)).text
    assert "center" not in text
    linked = text.replace(
        "</EventTriggerNotificationList>",
        "<EventTriggerNotification><id>center</id><notificationMethod>center</notificationMethod>"
        "</EventTriggerNotification></EventTriggerNotificationList>",
    )
    assert (await visitor.put(path, "<EventTrigger><id>linedetection-2</id></EventTrigger>")).status_code == 400
    assert (await visitor.put(path, linked)).status_code == 200
    assert "center" in (await visitor.get(path)).text
    assert simulator.emit("linedetection", 2)
    assert simulator.counters.events_unlinked == 1


async def test_pictures_and_json(simulator: HikvisionSimulator) -> None:
    picture = await simulator.studio.jpeg(1, width=320, height=180)
    async with listen(simulator) as listener:
        simulator.emit("linedetection", 1, picture=picture)
        simulator.emit("faceCapture", 1, as_json=True)
        parts = await listener.parts(3)
    assert [kind.partition(";")[0] for kind, _ in parts] == ["application/xml", "image/jpeg", "application/json"]
    assert Image.open(BytesIO(parts[1][1])).size == (320, 180)
    assert json.loads(parts[2][1])["eventType"] == "faceCapture"


async def test_lengths_may_be_wrong_and_parts_cut(simulator: HikvisionSimulator) -> None:
    simulator.faults.alerts.length_error = -3
    async with listen(simulator) as listener:
        simulator.emit("VMD", 1)
        data = await listener.until(lambda got: b"</EventNotificationAlert>" in got)
        length = int(data.partition(b"Content-Length: ")[2].partition(b"\r\n")[0])
        assert length == len(data.partition(b"\r\n\r\n")[2]) - 3
        simulator.alerts.cut(inside_part=True)
        async with asyncio.timeout(2):
            rest = await listener.answer.content.read()
    assert b"<EventNotificationAlert" in rest
    assert b"</EventNotificationAlert>" not in rest


async def test_streams_are_limited_and_come_back(simulator: HikvisionSimulator, visitor: Visitor) -> None:
    simulator.faults.alerts.limit = 2
    async with listen(simulator), listen(simulator):
        assert simulator.alerts.listeners == 2
        assert (await visitor.ask("GET", STREAM)).status_code == 503
    async with asyncio.timeout(2):
        while simulator.alerts.listeners:
            await asyncio.sleep(0.01)
    simulator.faults.alerts.status = 404
    assert (await visitor.ask("GET", STREAM)).status_code == 404


async def test_old_alerts_are_sent_again_at_connect(simulator: HikvisionSimulator) -> None:
    simulator.faults.alerts.replay = 128
    async with listen(simulator) as listener:
        parts = await listener.parts(128)
    assert all(find(ET.fromstring(body), "isDataRetransmission") == "true" for _, body in parts)


@pytest.mark.parametrize("split", [0, 4096])
async def test_ten_thousand_events_back_to_back(simulator: HikvisionSimulator, split: int) -> None:
    simulator.faults.alerts.split = split
    data = simulator.burst(10_000)
    async with listen(simulator) as listener:
        began = time.process_time()
        simulator.alerts.send(data)
        received = 0
        async with asyncio.timeout(10):
            while received < len(data):
                received += len(await listener.answer.content.readany())
        assert 10_000 / (time.process_time() - began) > 5_000, "events a CPU second, reader included"
    keys = [(find(r, "eventType"), find(r, "channelID"), find(r, "eventState"), find(r, "activePostCount"))
            for r in (ET.fromstring(body) for _, body in parts_of(data))]  # fmt: skip
    assert len(set(keys)) == 10_000


async def test_flood_of_pictures(simulator: HikvisionSimulator) -> None:
    async with listen(simulator) as listener:
        task = asyncio.create_task(simulator.alerts.flood(0.3, size=1 << 20))
        await listener.until(lambda got: len(got) > 1 << 20, 5)
        await task


async def test_subscribing_is_a_stream_with_an_answer_in_front(simulator: HikvisionSimulator) -> None:
    middleware = aiohttp.DigestAuthMiddleware(USER, PASSWORD)
    body = "<SubscribeEvent><heartbeat>30</heartbeat><channelMode>all</channelMode></SubscribeEvent>"
    url = f"http://127.0.0.1:{simulator.http_port}/ISAPI/Event/notification/subscribeEvent"
    async with (
        aiohttp.ClientSession(middlewares=(middleware,)) as session,
        session.post(url, data=body) as answer,
    ):
        listener = Listener(answer)
        await listener.parts(1)
        simulator.emit("VMD", 1)
        parts = await listener.parts(2)
    assert b"SubscribeEventResponse" in parts[0][1]
    assert b"<eventType>VMD" in parts[1][1]


@pytest.fixture(name="alarm_server")
async def alarm_server_fixture(socket_enabled: None) -> AsyncIterator[tuple[int, list[tuple[str, bytes]], list[int]]]:
    """A receiver: its port, what came, and the statuses to answer (200 when the list is empty)."""
    came: list[tuple[str, bytes]] = []
    statuses: list[int] = []

    async def receive(request: web.Request) -> web.Response:
        came.append((request.content_type, await request.read()))
        return web.Response(status=statuses.pop(0) if statuses else 200)

    application = web.Application()
    application.router.add_post("/api/alarm", receive)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield runner.addresses[0][1], came, statuses
    await runner.cleanup()


async def eventually(condition: Callable[[], bool], seconds: float = 3.0) -> None:
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.01)


async def test_alarm_server_gets_posts_with_the_old_channel_numbers(
    simulator: HikvisionSimulator, visitor: Visitor, alarm_server: tuple[int, list[tuple[str, bytes]], list[int]]
) -> None:
    port, came, statuses = alarm_server
    simulator.push.retry_seconds = 0.05
    current = (await visitor.get("Event/notification/httpHosts")).text
    written = (
        current.replace("<url>/</url>", "<url>/api/alarm</url>")
        .replace("0.0.0.0", "127.0.0.1")
        .replace("<portNo>80</portNo>", f"<portNo>{port}</portNo>")
    )
    assert (await visitor.put("Event/notification/httpHosts", written)).status_code == 200
    assert (await visitor.get("Event/notification/httpHosts")).text == written
    statuses.append(500)
    simulator.emit("fielddetection", 2)
    await eventually(lambda: len(came) == 2)
    root = ET.fromstring(came[1][1])
    assert root.tag == "{urn:psialliance-org}EventNotificationAlert"
    assert find(root, "channelID") == "34"
    assert find(root, "serialNumber") == simulator.serial
    simulator.push.version = "2.0"
    simulator.emit("VMD", 2, picture=b"\xff\xd8\xff\xd9")
    await eventually(lambda: len(came) == 3)
    assert came[2][0] == "multipart/form-data"
    assert simulator.counters.post_failures == 1
    empty = (
        "<HttpHostNotificationList><HttpHostNotification><id>1</id></HttpHostNotification></HttpHostNotificationList>"
    )
    assert (await visitor.put("Event/notification/httpHosts", empty)).status_code == 400


async def test_lost_channel_tells_and_shows_everywhere(simulator: HikvisionSimulator, visitor: Visitor) -> None:
    async with listen(simulator) as listener:
        await simulator.set_channel_online(4, online=False)
        lost = ET.fromstring((await listener.parts(1))[0][1])
        assert [find(lost, t) for t in ("eventType", "eventState", "channelID")] == ["videoloss", "active", "4"]
        states = every(await visitor.xml("ContentMgmt/InputProxy/channels/status"), "InputProxyChannelStatus")
        assert [find(s, "online") for s in states] == ["true"] * 3 + ["false"] + ["true"] * 4
        assert (await visitor.get("Streaming/channels/401")).status_code == 403
        assert (await visitor.get("Streaming/channels/401/picture")).status_code == 500
        assert "401" not in (await visitor.get("Streaming/channels")).text
        await simulator.set_channel_online(4, online=True)
        back = ET.fromstring((await listener.parts(2))[1][1])
        assert [find(back, t) for t in ("eventState", "channelID")] == ["inactive", "4"]
    assert (await visitor.get("Streaming/channels/401")).status_code == 200


async def test_channels_come_and_go_and_change(simulator: HikvisionSimulator, visitor: Visitor) -> None:
    async def names() -> list[str | None]:
        nodes = every(await visitor.xml("ContentMgmt/InputProxy/channels"), "InputProxyChannel")
        return [find(node, "name") for node in nodes]

    await simulator.remove_channel(3)
    assert len(await names()) == 7
    simulator.add_channel(3, "New one")
    simulator.rename_channel(1, "Renamed")
    assert (await names())[:3] == ["Renamed", "Driveway", "New one"]
    simulator.set_codec(1, "H.265", width=960, height=544)
    stream = await visitor.xml("Streaming/channels/101")
    assert (find(stream, "videoCodecType"), find(stream, "videoResolutionWidth")) == ("H.265", "960")
