"""Reboot, power, stall, upgrade, writes, and the control port of a simulator in a process of its own."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
import json
import signal
import sys
from typing import Any

import aiohttp
import pytest
import requests

from tests.simulators.hikvision import PASSWORD, HikvisionSimulator, SimulatorOptions

from .rig import Visitor, exchange, find

INFO = "System/deviceInfo"
BARE = b"GET /ISAPI/System/deviceInfo HTTP/1.1\r\n\r\n"


@pytest.fixture(name="options")
def with_rtsp(options: SimulatorOptions) -> SimulatorOptions:
    return replace(options, rtsp=True)


async def test_power_off_resets_everything_and_power_on_takes_the_same_ports(simulator: HikvisionSimulator) -> None:
    ports = (simulator.http_port, simulator.rtsp_port)
    reader, writer = await asyncio.open_connection("127.0.0.1", ports[0])
    await simulator.power_off()
    with pytest.raises(ConnectionResetError):
        await reader.read()
    writer.close()
    for port in ports:
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", port)
    await simulator.power_on()
    assert (simulator.http_port, simulator.rtsp_port) == ports
    assert (await Visitor(simulator).get(INFO)).status_code == 200
    assert int(find(await Visitor(simulator).xml("System/status"), "deviceUpTime") or 99) < 5


async def test_power_off_may_leave_connecting_without_an_answer(simulator: HikvisionSimulator) -> None:
    await simulator.power_off(blackhole=True)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.4):
            await asyncio.open_connection("127.0.0.1", simulator.http_port)
    await simulator.power_on()
    assert (await Visitor(simulator).get(INFO)).status_code == 200


async def test_reboot_answers_goes_and_comes_back_slowly(simulator: HikvisionSimulator, visitor: Visitor) -> None:
    nonce = (await visitor.get(INFO)).request.headers["Authorization"]
    assert (await visitor.put("System/reboot", b"")).status_code == 200
    async with asyncio.timeout(5):
        for expected in (False, True):
            while simulator.powered is not expected:
                await asyncio.sleep(0.01)
    assert (await visitor.get("ContentMgmt/InputProxy/channels")).status_code == 503
    again = f"GET /ISAPI/{INFO} HTTP/1.1\r\nConnection: close\r\nAuthorization: {nonce!s}\r\n\r\n".encode()
    assert b'stale="TRUE"' in await exchange(simulator.http_port, again)
    await simulator.restarted()
    assert (await visitor.get("ContentMgmt/InputProxy/channels")).status_code == 200
    assert simulator.counters.reboots == 1


async def test_upgrade_counts_up_and_leaves_another_version(simulator: HikvisionSimulator, visitor: Visitor) -> None:
    assert (await visitor.put("System/updateFirmware", b"\0" * 1000)).status_code == 200
    assert (await visitor.put("System/updateFirmware", b"\0")).status_code == 503
    seen = set()
    async with asyncio.timeout(10):
        while not simulator.counters.reboots:
            seen.add(int(find(await visitor.xml("System/upgradeStatus"), "percent") or 0))
            await asyncio.sleep(0.03)
    await simulator.restarted()
    assert len(seen) > 3
    assert find(await visitor.xml(INFO), "firmwareVersion") == "V4.84.020"


async def test_stall_keeps_sockets_open_without_a_byte(simulator: HikvisionSimulator) -> None:
    simulator.stall()
    assert await exchange(simulator.http_port, BARE, seconds=0.3) == b""
    assert await exchange(simulator.rtsp_port, b"OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n", seconds=0.3) == b""
    simulator.stall(on=False)
    assert (await exchange(simulator.http_port, BARE, seconds=0.3)).startswith(b"HTTP/1.1 401")


async def test_writes_need_the_whole_document(simulator: HikvisionSimulator, visitor: Visitor) -> None:
    path = "ContentMgmt/InputProxy/channels/1/video/motionDetection"
    whole = (await visitor.get(path)).text
    changed = whole.replace("<sensitivityLevel>60<", "<sensitivityLevel>180<")
    assert (await visitor.put(path, changed)).status_code == 200
    assert "<sensitivityLevel>100<" in (await visitor.get(path)).text, "brought back into bounds without a word"
    for bad in (
        "<MotionDetection><enabled>false</enabled></MotionDetection>",
        whole.replace("MotionDetection", "VideoLoss"),
        whole.replace("http://www.isapi.org/ver20/XMLSchema", "urn:unknown"),
        whole[:-10],
    ):
        assert (await visitor.put(path, bad)).status_code == 400, bad
    name = (await visitor.get("ContentMgmt/InputProxy/channels/1")).text
    assert (await visitor.put("ContentMgmt/InputProxy/channels/1", name.replace("Front door", "Porch"))).ok
    assert simulator.device.channels[1].name == "Porch"
    assert simulator.counters.writes == 2


async def test_functions_that_exclude_each_other_and_busy_audio(visitor: Visitor) -> None:
    body = json.dumps({"function": "facedetection", "channelID": 1})
    answer = await visitor.ask("POST", "/ISAPI/System/mutexFunction?format=json", data=body)
    assert answer.json()["MutexFunctionList"][0]["mutexFunction"] == "fielddetection"
    talk = "System/TwoWayAudio/channels/1"
    assert [(await visitor.put(f"{talk}/{verb}", b"")).status_code for verb in ("open", "open", "close", "open")] == [
        200,
        403,
        200,
        200,
    ]


async def test_leaving_while_requests_are_in_flight_leaves_nothing(socket_enabled: None) -> None:
    async with HikvisionSimulator(latency_ms=500) as simulator:
        waiting = [asyncio.create_task(exchange(simulator.http_port, BARE)) for _ in range(6)]
        await asyncio.sleep(0.1)
    assert await asyncio.gather(*waiting) == [b""] * 6


@pytest.fixture(name="process")
async def process_fixture(socket_enabled: None) -> AsyncIterator[tuple[asyncio.subprocess.Process, dict[str, Any]]]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.simulators", "hikvision", "--channels", "3", "--latency-ms", "1"),
        *("--profile", "nvr32", "--fault", "search.page_cap=40", "--fault", "auth.digest=a", "--time-scale", "0.01"),
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    ready = json.loads(await process.stdout.readline())
    yield process, ready
    if process.returncode is None:
        process.kill()
        await process.wait()


async def test_other_processes_can_do_the_same(process: tuple[asyncio.subprocess.Process, dict[str, Any]]) -> None:
    running, ready = process
    base = f"http://127.0.0.1:{ready['control_port']}"
    session = requests.Session()
    session.auth = requests.auth.HTTPDigestAuth("admin", PASSWORD)
    isapi = f"http://127.0.0.1:{ready['http_port']}/ISAPI"
    assert (await asyncio.to_thread(session.get, f"{isapi}/{INFO}", timeout=5)).text.count(ready["serial"]) == 1

    async with aiohttp.ClientSession(base) as control:

        async def post(action: str, body: dict[str, Any] | None = None, *, status: int = 200) -> dict[str, Any]:
            async with control.post(f"/{action}", json=body or {}) as answer:
                assert answer.status == status, await answer.text()
                return dict(await answer.json())

        async def get(what: str) -> dict[str, Any]:
            async with control.get(f"/{what}") as answer:
                return dict(await answer.json())

        assert (await get("counters"))["by_path"] == {f"/ISAPI/{INFO}": 2}
        assert (await get("faults"))["search"]["page_cap"] == 40
        await post("faults", {"search.page_cap": 50, "rtsp.delivery": 4, "paths.*/status": {"status": 503}})
        now = await get("faults")
        assert (now["search"]["page_cap"], now["rtsp"]["delivery"]) == (50, 4.0)
        assert now["paths"]["*/status"]["status"] == 503
        await post("faults", {"search.nonsense": 1}, status=400)
        assert await post("event", {"kind": "VMD", "channel": 2}) == {"sent": True}
        assert await post("event", {"kind": "scenechangedetection", "channel": 2}) == {"sent": False}
        assert (await post("burst", {"prepare": "a", "count": 100}))["bytes"] > 50_000
        assert (await post("burst", {"send": "a"}))["bytes"] > 50_000
        await post("channel", {"channel": 2, "online": False, "name": "Shed"})
        await post("clock", {"skew": 90, "utc_offset": 120})
        state = await get("state")
        assert state["channels"]["2"] == {"name": "Shed", "online": False}
        assert state["zone"] == "CST-2:00:00"
        await post("power", {"on": False})
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", ready["http_port"])
        await post("power", {"on": True})
        await post("password", {"password": "another-fake-1"})
        assert (await asyncio.to_thread(session.get, f"{isapi}/{INFO}", timeout=5)).status_code == 401
        await post("counters")
        assert (await get("counters"))["requests"] == 0
    running.send_signal(signal.SIGTERM)
    assert await asyncio.wait_for(running.wait(), 5) == 0
