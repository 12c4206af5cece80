"""The event stream of the simulated Dahua unit, read byte by byte as it comes."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
import json
import re
import time

import aiohttp
import pytest
import requests
from requests.auth import HTTPDigestAuth
from yarl import URL

from tests.simulators.dahua import PASSWORD, USER, DahuaSimulator
from tests.simulators.detector import Detector
from tests.simulators.footage import ChannelPlan, Incident, Kind

from .visitor import Visitor

pytestmark = pytest.mark.usefixtures("lasting_nonces")

ALL = "codes=[All]&heartbeat=1"


class Stream:
    """An open stream and what has come by it."""

    def __init__(self, answer: aiohttp.ClientResponse) -> None:
        self.answer = answer
        self.data = b""

    async def until(self, enough: Callable[[bytes], bool], seconds: float = 5) -> bytes:
        async with asyncio.timeout(seconds):
            while not enough(self.data):
                chunk = await self.answer.content.readany()
                if not chunk:
                    raise ConnectionResetError(self.data)
                self.data += chunk
        return self.data


@asynccontextmanager
async def attached(unit: DahuaSimulator, query: str = ALL) -> AsyncIterator[Stream]:
    """Attach with the login that one refusal teaches."""
    url = f"http://127.0.0.1:{unit.http_port}/cgi-bin/eventManager.cgi?action=attach&{query}"
    opened = unit.counters.event_streams
    target = requests.Request("GET", url).prepare().url or ""

    def sign() -> str:
        login = HTTPDigestAuth(USER, PASSWORD)
        other = f"http://127.0.0.1:{unit.http_port}/cgi-bin/magicBox.cgi?action=getSerialNo"
        requests.get(other, auth=login, timeout=5)
        return str(login.build_digest_header("GET", target))

    headers = {"Authorization": await asyncio.to_thread(sign)}
    async with (
        aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session,
        session.get(URL(target, encoded=True), headers=headers) as answer,
    ):
        if answer.status == 200:
            async with asyncio.timeout(5):
                while unit.counters.event_streams == opened:
                    await asyncio.sleep(0.005)
        yield Stream(answer)


def heads(data: bytes) -> list[dict[str, str]]:
    """Return Code, action and index of every event."""
    return [
        m.groupdict()
        for m in re.finditer(r"Code=(?P<code>\w+);action=(?P<action>\w+);index=(?P<index>-?\d+)", data.decode())
    ]


def told(data: bytes) -> list[tuple[str, str, int]]:
    return [(one["code"], one["action"], int(one["index"])) for one in heads(data)]


async def test_parts_are_exact_and_heartbeats_come_on_time(unit: DahuaSimulator) -> None:
    async with attached(unit) as stream:
        kind = "multipart/x-mixed-replace; boundary=myboundary"
        assert stream.answer.headers["Content-Type"] == kind
        assert stream.answer.headers["Connection"] == "close"
        begun = time.monotonic()
        beat = b"--myboundary\r\nContent-Type: text/plain\r\nContent-Length: 9\r\n\r\nHeartbeat\r\n\r\n"
        assert await stream.until(lambda data: data.count(b"Heartbeat") == 2) == beat * 2
        assert 1.8 < time.monotonic() - begun < 5
        unit.emit("AlarmLocal", 3, action="Start", data=None)
        head = b"--myboundary\r\nContent-Type: text/plain\r\nContent-Length: 36\r\n\r\n"
        part = head + b"Code=AlarmLocal;action=Start;index=2\r\n\r\n"
        assert (await stream.until(lambda data: b"Alarm" in data))[len(beat) * 2 :] == part
    async with attached(unit, "codes=[All]") as stream, asyncio.timeout(5):
        unit.motion(2)
        data = await stream.until(lambda data: b"RegionName" in data)
        assert b"Heartbeat" not in data, "nobody asked for one"
    async with asyncio.timeout(5):
        while unit.events.listeners:
            await asyncio.sleep(0.01)
    assert unit.counters.event_streams == 2


@pytest.mark.parametrize(
    ("length", "header"),
    [
        ("exact", "Content-Length: 36"),
        ("plus2", "Content-Length: 38"),
        ("nospace", "Content-Length:36"),
        ("oversized", "Content-Length: 100"),
        ("missing", ""),
    ],
)
@pytest.mark.parametrize("split", [0, 1, 7])
async def test_spellings_of_the_stream(unit: DahuaSimulator, length: str, header: str, split: int) -> None:
    unit.set_faults(events__length=length, events__split=split, events__first_blank=True, events__blank_lines=3)
    unit.set_faults(events__boundary="other", events__extra_header=True)
    async with attached(unit, "codes=[All]") as stream:
        unit.emit("AlarmLocal", 3, action="Start", data=None)
        unit.emit("AlarmLocal", 3, action="Stop", data=None)
        data = (await stream.until(lambda data: data.endswith(b"Stop;index=2" + b"\r\n" * 4))).decode()
    assert data.startswith("\r\n--other\r\nContent-Type: text/plain\r\nX-Device: simulated\r\n")
    assert header in data
    assert ("Content-Length" in data) == bool(header)
    assert told(data.encode()) == [("AlarmLocal", "Start", 2), ("AlarmLocal", "Stop", 2)]


async def test_rule_tells_who_crossed_and_when_by_both_clocks(unit: DahuaSimulator) -> None:
    unit.clock.skew = timedelta(seconds=40)
    async with attached(unit) as stream:
        unit.rule("CrossLineDetection", 5, target="Vehicle")
        data = await stream.until(lambda data: data.endswith(b"}\r\n\r\n"))
    body = data.decode().partition(";data=")[2]
    assert body.startswith('{\n   "Class" : "Normal",\n'), "pretty, with a blank before each colon"
    values = json.loads(body)
    assert values["Object"]["ObjectType"] == "Vehicle"
    moment = datetime.fromtimestamp(values["UTC"], UTC)
    assert timedelta(seconds=35) < moment - datetime.now(UTC) < timedelta(seconds=45)
    local = datetime.fromisoformat(values["LocaleTime"]).replace(tzinfo=unit.clock.zone)
    assert local == moment


@pytest.mark.parametrize(
    ("mode", "check"),
    [
        ("none", lambda tail: tail == ""),
        ("null", lambda tail: tail == "null"),
        ("tricky", lambda tail: json.loads(tail)["Text"].startswith("}\n;Code=VideoLoss")),
        ("truncated", lambda tail: tail.startswith("{") and not tail.rstrip().endswith("}")),
    ],
)
async def test_data_can_be_anything(unit: DahuaSimulator, mode: str, check: Callable[[str], bool]) -> None:
    unit.faults.events.data = mode
    async with attached(unit, "codes=[All]") as stream:
        unit.motion(1)
        await stream.until(lambda data: data.endswith(b"\r\n\r\n") and b"Code=VideoMotion;" in data)
    assert check(stream.data.decode().partition("Code=")[2].partition(";data=")[2].removesuffix("\r\n\r\n"))


@pytest.mark.parametrize(
    ("profile", "smart", "codes"),
    [
        ("nvr5232", b"SmartMotionEnable", ["VideoMotion", "SmartMotionHuman"]),
        ("nvr5464", b"SmartMotionEnable", ["VideoMotion"]),
        ("lorex", b"SmartMotionEnable", ["VideoMotion"]),
    ],
)
async def test_recorders_keep_the_class_to_themselves_or_tell_it(
    unit: DahuaSimulator, profile: str, smart: bytes, codes: list[str]
) -> None:
    async with attached(unit, "codes=[All]") as stream:
        unit.motion(1, target="person")
        data = await stream.until(lambda data: len(told(data)) == len(codes) and data.endswith(b"}\r\n\r\n"))
    assert [code for code, _, _ in told(data)] == codes
    assert (smart in data) == (profile == "nvr5464")


async def test_codes_are_filtered_by_the_list_and_long_lists_are_a_trap(unit: DahuaSimulator) -> None:
    async with attached(unit, "codes=[VideoLoss,AlarmLocal]") as stream:
        unit.motion(1)
        unit.emit("AlarmLocal", 2, data=None)
        data = await stream.until(lambda data: b"AlarmLocal" in data)
    assert told(data) == [("AlarmLocal", "Start", 1)]
    names = [f"Code{number:02d}Detection" for number in range(12)]
    for way, status in (("take", 200), ("400", 400), ("500", 500)):
        unit.faults.events.long_codes = way
        async with attached(unit, f"codes=[{','.join(names)}]") as stream:
            assert stream.answer.status == status
    unit.faults.events.long_codes = "trim"
    async with attached(unit, f"codes=[{','.join(names)}]") as stream:
        unit.emit(names[11], 1, data=None)
        unit.emit(names[0], 1, data=None)
        data = await stream.until(lambda data: names[0].encode() in data)
    assert told(data) == [(names[0], "Start", 0)], "what is beyond 100 characters never comes"
    unit.set_faults(events__refuse_all=True)
    async with attached(unit) as stream:
        assert stream.answer.status == 400


async def test_indexes_agree_with_what_was_told(unit: DahuaSimulator) -> None:
    visitor = Visitor(unit)
    ask = "eventManager.cgi?action=getEventIndexes&code=VideoMotion"
    assert await visitor.cgi(ask) == (200, "Error: No Events\r\n")
    for channel in (1, 6):
        unit.motion(channel)
    assert (await visitor.cgi(ask))[1] == "channels[0]=0\r\nchannels[1]=5\r\n"
    unit.faults.events.lose_stops = True
    async with attached(unit, "codes=[All]") as stream:
        unit.motion(1, on=False)
        unit.emit("AlarmLocal", 1, action="Pulse", data=None)
        data = await stream.until(lambda data: b"AlarmLocal" in data)
    assert told(data) == [("AlarmLocal", "Pulse", 0)], "the Stop got lost"
    assert (await visitor.cgi(ask))[1] == "channels[0]=5\r\n"
    await visitor.login()
    assert (await visitor.call("eventManager.getEventIndexes", {"code": "VideoMotion"}))["params"] == {"channels": [5]}


async def test_lost_camera_is_told(unit: DahuaSimulator) -> None:
    async with attached(unit, "codes=[All]") as stream:
        await unit.set_channel_online(4, online=False)
        await unit.set_channel_online(4, online=True)
        data = await stream.until(lambda data: b"Stop" in data)
    assert told(data) == [("VideoLoss", "Start", 3), ("VideoLoss", "Stop", 3)]


async def test_streams_end_by_themselves_by_limit_and_by_a_cut(unit: DahuaSimulator) -> None:
    unit.faults.events.life = 0.3
    begun = time.monotonic()
    async with attached(unit) as stream:
        with pytest.raises(ConnectionResetError):
            await stream.until(lambda _data: False)
    assert 0.2 < time.monotonic() - begun < 5
    unit.set_faults(events__life=0, events__limit=1)
    async with attached(unit) as stream:
        async with attached(unit) as second:
            assert second.answer.status == 401
        unit.cut_events(inside_part=True)
        with pytest.raises(ConnectionResetError):
            await stream.until(lambda _data: False)
    assert b"Code=VideoMotion" in stream.data
    assert not stream.data.endswith(b"\r\n")
    unit.faults.events.silent = True
    async with attached(unit) as stream:
        unit.motion(1)
        with pytest.raises(TimeoutError):
            await stream.until(bool, 1.5)


async def test_burst_is_distinct_and_in_pairs(unit: DahuaSimulator) -> None:
    ready = unit.burst(200, channels=4)
    async with attached(unit) as stream:
        unit.send_events(ready)
        data = await stream.until(lambda data: data.count(b"Code=") == 200 and data.endswith(b"\r\n\r\n"))
    events = told(data)
    assert {index for _, _, index in events} == {0, 1, 2, 3}
    assert all(
        a[0] == b[0] and (a[1], b[1]) == ("Start", "Stop") for a, b in zip(events[::2], events[1::2], strict=True)
    )
    assert len(data.split(unit.event_boundary)) == 201


async def test_what_moves_before_a_camera_is_told(unit: DahuaSimulator) -> None:
    unit.footage.plans = {1: ChannelPlan(incidents_per_hour=0)}
    detector = Detector(unit)
    async with attached(unit, "codes=[All]") as stream:
        now = unit.now()
        unit.footage.add_incident(Incident(1, Kind.SMART, now, now + timedelta(seconds=30), "person"))
        detector.look()
        detector.look()
        unit.clock.shift += timedelta(minutes=1)
        detector.look()
        data = await stream.until(lambda data: data.count(b"action=Stop") == 3)
    codes = ("VideoMotion", "SmartMotionHuman", "CrossRegionDetection")
    assert told(data) == [(code, action, 0) for action in ("Start", "Stop") for code in codes]
