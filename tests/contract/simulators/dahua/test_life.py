"""Connections, TLS, broken calls and reboots of the simulated Dahua unit, and it as a program with a control port."""

import asyncio
import json
import socket
import sys
from typing import Any

import pytest
import requests
from requests.auth import HTTPDigestAuth

from tests.simulators.dahua import PASSWORD, USER, DahuaSimulator

from .rig import config
from .visitor import Visitor


@pytest.mark.parametrize("profile", ["nvr5464"])
async def test_heads_are_spelled_as_the_recorder_does(unit: DahuaSimulator) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", unit.http_port)
    writer.write(b"GET /cgi-bin/magicBox.cgi?action=getSerialNo HTTP/1.1\r\nHost: x\r\n\r\n")
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    assert head.startswith("HTTP/1.1 401 Unauthorized\r\n")
    assert "\r\nCONNECTION: close\r\n" in head
    assert "\r\nSet-Cookie:secure; HttpOnly\r\n" in head
    assert "\r\nCONTENT-LENGTH: " in head
    assert await reader.read() == b"Error\r\nUnauthorized!\r\n"
    writer.close()


async def test_spaces_in_a_request_line_are_refused(unit: DahuaSimulator) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", unit.http_port)
    writer.write(b"GET /cgi-bin/global.cgi?action=setCurrentTime&time=2026-01-01 10:00:00 HTTP/1.1\r\nHost: x\r\n\r\n")
    assert (await reader.readline()).startswith(b"HTTP/1.1 400 ")
    writer.close()


async def test_too_many_connections_look_like_a_wrong_password(unit: DahuaSimulator, visitor: Visitor) -> None:
    unit.faults.http.connection_limit = 3
    held = [await asyncio.open_connection("127.0.0.1", unit.http_port) for _ in range(3)]
    async with asyncio.timeout(5):
        while unit.open_connections() < 3:
            await asyncio.sleep(0.005)
    assert (await visitor.cgi("magicBox.cgi?action=getSerialNo"))[0] == 401
    assert unit.counters.auth_failures == 0
    for _, writer in held:
        writer.close()
        await writer.wait_closed()
    async with asyncio.timeout(5):
        while unit.open_connections() > 2:
            await asyncio.sleep(0.005)
    assert (await visitor.cgi("magicBox.cgi?action=getSerialNo"))[0] == 200


async def test_plain_requests_are_sent_to_tls(socket_enabled: None) -> None:
    async with DahuaSimulator(latency_ms=0, rtsp=False, https_port=0) as unit:
        unit.faults.http.redirect_https = True
        visitor = Visitor(unit)
        path = "/cgi-bin/magicBox.cgi?action=getSerialNo"
        moved = await visitor.get(path, allow_redirects=False)
        target = f"https://127.0.0.1:{unit.https_port}{path}"
        assert (moved.status_code, moved.headers["Location"]) == (302, target)
        answer = await asyncio.to_thread(
            requests.get, target, auth=HTTPDigestAuth(USER, PASSWORD), verify=False, timeout=5
        )
        assert answer.text == f"sn={unit.serial}\r\n"


async def test_one_call_can_be_broken(unit: DahuaSimulator, visitor: Visitor) -> None:
    name = "configManager.cgi?getConfig:Encode"
    unit.apply_faults({f"paths.{name}": {"kind": "error", "count": 1}})
    first = await visitor.cgi("configManager.cgi?action=getConfig&name=Encode")
    assert first == (200, "Error\r\nErrorID=2, Detail=Invalid Request!\r\n")
    assert (await config(visitor, "Encode"))["table.Encode[1].MainFormat[0].Video.Compression"] == "H.265"
    unit.apply_faults({f"paths.{name}": {"kind": "status", "status": 403}})
    assert (await visitor.cgi("configManager.cgi?action=getConfig&name=Encode"))[0] == 403
    unit.apply_faults({f"paths.{name}": {"kind": "drop"}})
    with pytest.raises(requests.ConnectionError):
        await visitor.cgi("configManager.cgi?action=getConfig&name=Encode")
    unit.apply_faults({f"paths.{name}": None})
    assert (await visitor.cgi("configManager.cgi?action=getConfig&name=Encode"))[0] == 200
    with pytest.raises(ValueError, match="no such switch"):
        unit.set_faults(config__nonsense=1)


async def test_reboot_forgets_logins_sessions_and_what_was_on(unit: DahuaSimulator, visitor: Visitor) -> None:
    await visitor.login()
    unit.motion(1)
    assert (await visitor.cgi("magicBox.cgi?action=reboot"))[1] == "OK\r\n"
    async with asyncio.timeout(5):
        while unit.powered:
            await asyncio.sleep(0.005)
    with pytest.raises(OSError, match="onnect"):
        await asyncio.open_connection("127.0.0.1", unit.http_port)
    await unit.restarted()
    assert (await visitor.call("magicBox.getSerialNo"))["error"]["code"] == 287637505
    assert (await visitor.cgi("eventManager.cgi?action=getEventIndexes&code=VideoMotion"))[1] == "Error: No Events\r\n"
    assert unit.counters.stale_nonces == 1
    assert unit.counters.reboots == 1


@pytest.mark.parametrize("profile", ["lorex", "nvr5232"])
async def test_sound_is_asked_for_at_ones_peril(unit: DahuaSimulator, visitor: Visitor) -> None:
    answer = await visitor.get("/cgi-bin/audio.cgi?action=getAudio&channel=0")
    assert answer.status_code == 401, "channel 0 is stale for ever"
    assert "stale=TRUE" in answer.headers["WWW-Authenticate"]
    assert unit.counters.auth_failures == 0
    with pytest.raises(requests.ConnectionError):
        await asyncio.to_thread(requests.post, visitor.url("/cgi-bin/audio.cgi?action=postAudio&channel=1"), timeout=5)
    lorex = unit.device.firmware.lorex_audio
    assert unit.counters.audio_outages == (1 if lorex else 0)
    if lorex:
        await unit.restarted()
        assert unit.counters.reboots == 1


async def test_program_of_its_own_with_a_control_port(socket_enabled: None) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.simulators", "dahua", "--profile", "nvr5464", "--latency-ms", "1", "--detect"),
        *("--fault", "auth.rotate=false", "--time-scale", "0.01"),
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    try:
        ready = json.loads(await asyncio.wait_for(process.stdout.readline(), 60))
        base = f"http://127.0.0.1:{ready['control_port']}"

        async def post(path: str, **body: Any) -> requests.Response:
            return await asyncio.to_thread(requests.post, f"{base}/{path}", json=body, timeout=5)

        state = (await asyncio.to_thread(requests.get, f"{base}/state", timeout=5)).json()
        assert (state["serial"], state["channels"]["13"]["slot"]) == (ready["serial"], "stale")
        assert (await post("event", code="AlarmLocal", channel=2, action="Pulse")).json() == {"sent": True}
        assert (await post("event", nonsense=2)).status_code == 400
        assert (await post("rule", code="CrossLineDetection", channel=1)).json() == {"ok": True}
        assert (await post("disk", mode="error")).json() == {"ok": True}
        assert (await post("faults", **{"storage.mode": "ok", "find.limit": 2})).json() == {"ok": True}
        assert (await post("nonsense")).status_code == 404
        faults = (await asyncio.to_thread(requests.get, f"{base}/faults", timeout=5)).json()
        assert (faults["find"]["limit"], faults["auth"]["rotate"]) == (2, False)
        answer = await asyncio.to_thread(
            requests.get,
            f"http://127.0.0.1:{ready['http_port']}/cgi-bin/magicBox.cgi?action=getSerialNo",
            auth=HTTPDigestAuth(USER, PASSWORD),
            timeout=5,
        )
        assert answer.text == f"sn={ready['serial']}\r\n"
        counters = (await asyncio.to_thread(requests.get, f"{base}/counters", timeout=5)).json()
        assert counters["by_call"] == {"magicBox.cgi?getSerialNo": 2}
        assert counters["logins"] == 1
        assert (await post("power", on=False)).json() == {"powered": False}
        with pytest.raises(OSError, match="refused"):
            socket.create_connection(("127.0.0.1", ready["http_port"]), timeout=2)
    finally:
        process.terminate()
        assert await asyncio.wait_for(process.wait(), 20) == 0
