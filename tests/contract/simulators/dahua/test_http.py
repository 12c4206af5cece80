"""What the simulated Dahua unit says of itself over CGI and RPC2, judged by `requests` and hand-written calls."""

import asyncio
from datetime import UTC, datetime, timedelta
from io import BytesIO
import json
import socket
import sys
from typing import Any

import av
import pytest
import requests
from requests.auth import HTTPBasicAuth, HTTPDigestAuth

from tests.simulators.dahua import FIRMWARES, PASSWORD, USER, DahuaSimulator

from .rig import WRONG, config, values
from .visitor import Visitor, md5

BAD = (400, "Error\r\nBad Request!\r\n")
LOGIN_INVALID, LOCKED, CHALLENGE = 268632085, 268632081, 268632079


async def write(visitor: Visitor, query: str) -> tuple[int, str]:
    return await visitor.cgi(f"configManager.cgi?action=setConfig&{query}")


@pytest.mark.parametrize("profile", sorted(FIRMWARES))
async def test_every_firmware_tells_who_it_is(unit: DahuaSimulator, visitor: Visitor) -> None:
    assert (await values(visitor, "magicBox.cgi?action=getSerialNo"))["sn"] == unit.serial
    version = (await values(visitor, "magicBox.cgi?action=getSoftwareVersion"))["version"]
    assert version.startswith(unit.device.version)
    titles = await config(visitor, "ChannelTitle")
    assert [titles[f"table.ChannelTitle[{c.index}].Name"] for c in unit.device.channels.values()] == [
        c.title for c in unit.device.channels.values()
    ]
    told = datetime.fromisoformat(await clock(visitor))
    assert timedelta(0) <= unit.device.wall() - told < timedelta(seconds=10)
    picture = await visitor.get("/cgi-bin/snapshot.cgi?channel=1")
    with av.open(BytesIO(picture.content)) as container:
        assert container.streams.video[0].width == 640
    assert unit.counters.auth_failures == 0


@pytest.mark.parametrize(
    ("profile", "program", "table_"),
    [
        ("old400", BAD, BAD),
        ("new501", (501, "Error\r\nNot Implemented!\r\n"), (501, "Error\r\nNot Implemented!\r\n")),
        ("quirk200", BAD, (200, "Error: Error -1 getting param in name=Lighting[0][0]\r\n")),
    ],
)
async def test_what_a_firmware_lacks_it_says_its_own_way(
    unit: DahuaSimulator, visitor: Visitor, program: tuple[int, str], table_: tuple[int, str]
) -> None:
    assert await visitor.cgi("coaxialControlIO.cgi?action=getStatus&channel=1") == program
    assert await visitor.cgi("configManager.cgi?action=getConfig&name=Lighting[0][0]") == table_
    assert await visitor.cgi("magicbox.cgi?action=getSerialNo") == program, "names are case sensitive"
    assert await visitor.cgi("magicBox.cgi?x=1&action=getSerialNo") == BAD, "the action comes first"
    answer = "Error\r\nErrorID=2, Detail=Invalid Request!\r\n"
    assert await visitor.cgi("magicBox.cgi?action=factory.close&object=1") == (200, answer)
    unit.set_faults(without=["global.cgi"])
    assert await visitor.cgi("global.cgi?action=getCurrentTime") == program


async def test_recorder_hides_its_model_behind_a_number(visitor: Visitor) -> None:
    info = await values(visitor, "magicBox.cgi?action=getSystemInfo")
    assert (info["deviceType"], info["updateSerial"]) == ("31", "DH-NVR5232-4KS3/I")


async def test_spaces_in_a_request_line_are_refused(unit: DahuaSimulator) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", unit.http_port)
    writer.write(b"GET /cgi-bin/global.cgi?action=setCurrentTime&time=2026-01-01 10:00:00 HTTP/1.1\r\nHost: x\r\n\r\n")
    assert (await reader.readline()).startswith(b"HTTP/1.1 400 ")
    writer.close()


@pytest.mark.parametrize("mode", ["md5", "md5sess", "sha256", "authint", "commas", "noqop", "both"])
async def test_every_challenge_can_be_answered(unit: DahuaSimulator, visitor: Visitor, mode: str) -> None:
    unit.faults.auth.mode = mode
    if mode == "md5sess":
        unit.faults.auth.quote_algorithm = True
    path = visitor.url("/cgi-bin/magicBox.cgi?action=getSerialNo")

    def ask() -> tuple[str, list[int]]:
        header = requests.get(path, timeout=5).headers["WWW-Authenticate"]
        return header, [visitor.session.get(path, timeout=5).status_code for _ in range(3)]

    header, answers = await asyncio.to_thread(ask)
    assert f'realm="Login to {unit.serial}' in header
    assert ('qop="' in header) == (mode != "noqop")
    assert answers == [200, 200, 200]
    assert unit.counters.unauthorized == 2, "the probe above, and one for three calls"
    assert unit.counters.logins == (3 if mode == "noqop" else 1)
    assert unit.counters.auth_failures == 0


async def test_basic_alone_and_basic_for_one_account(unit: DahuaSimulator, visitor: Visitor) -> None:
    visitor.session.auth = HTTPBasicAuth(USER, PASSWORD)
    assert (await visitor.cgi("magicBox.cgi?action=getSerialNo"))[0] == 401
    assert unit.counters.auth_failures == 0, "where digest is on nobody looks at the password"
    unit.faults.auth.basic_users = frozenset({USER})
    assert (await visitor.cgi("magicBox.cgi?action=getSerialNo"))[0] == 200
    unit.faults.auth.mode, unit.faults.auth.basic_users = "basic", frozenset()
    answer = await visitor.get("/cgi-bin/magicBox.cgi?action=getSerialNo", auth=("x", "y"))
    assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, 'Basic realm="Device_CGI"')


@pytest.mark.parametrize("profile", ["nvr5464"])
async def test_nonce_that_is_good_once(unit: DahuaSimulator, visitor: Visitor) -> None:
    for _ in range(4):
        await values(visitor, "magicBox.cgi?action=getSerialNo")
    assert (unit.counters.requests, unit.counters.unauthorized, unit.counters.stale_nonces) == (8, 4, 3)
    assert unit.counters.connections == 8, "every answer closes its connection"
    unit.faults.auth.stale_403 = True
    status, text = await visitor.cgi("magicBox.cgi?action=getSerialNo")
    assert (status, text) == (403, "Authority:check failure.\r\n")


async def test_signature_covers_the_raw_target(unit: DahuaSimulator, visitor: Visitor) -> None:
    plain = visitor.url("/cgi-bin/configManager.cgi?action=getConfig&name=Encode[0]")
    target = "/cgi-bin/configManager.cgi?action=getConfig&name=Encode%5B0%5D"

    def ask() -> requests.Response:
        login = HTTPDigestAuth(USER, PASSWORD)
        requests.get(plain, auth=login, timeout=5)
        signed = login.build_digest_header("GET", plain)
        return requests.get(visitor.url(target), headers={"Authorization": str(signed)}, timeout=5)

    answer = await asyncio.to_thread(ask)
    assert answer.status_code == 401
    assert unit.counters.auth_failures == 1


async def test_fifth_wrong_password_locks_all_doors(unit: DahuaSimulator, visitor: Visitor) -> None:
    general = await config(visitor, "General")
    assert general["table.General.LockLoginTimes"] == "5"
    assert general["table.General.LoginFailLockTime"] == "300"
    path = visitor.url("/cgi-bin/magicBox.cgi?action=getSerialNo")
    for _ in range(3):
        answer = await asyncio.to_thread(requests.get, path, auth=HTTPDigestAuth(USER, WRONG), timeout=5)
        assert answer.status_code == 401
    assert unit.counters.auth_failures == 3
    assert await rpc_login(unit, WRONG) == (LOGIN_INVALID, {"remainLockSecond": 0, "remainLoginTimes": 1})
    code, params = await rpc_login(unit, WRONG)
    assert (code, params["remainLoginTimes"]) == (LOGIN_INVALID, 0)
    assert 295 <= params["remainLockSecond"] <= 300
    assert (await rpc_login(unit, PASSWORD))[0] == LOCKED, "the right password helps nobody now"
    assert (await visitor.cgi("magicBox.cgi?action=getSerialNo"))[0] == 401
    unit.faults.auth.locked_status = 403
    assert (await visitor.cgi("magicBox.cgi?action=getSerialNo"))[0] == 403
    unit.faults.auth.lock_seconds = 0
    assert (await visitor.cgi("magicBox.cgi?action=getSerialNo"))[0] == 200
    assert unit.counters.lockouts == 1


async def rpc_login(unit: DahuaSimulator, password: str, user: str = USER) -> tuple[int, dict[str, Any]]:
    """Log in by hand; return the error code, 0 for none, and what came with it."""
    visitor = Visitor(unit)
    ask = {"method": "global.login", "params": {"userName": user, "password": ""}, "id": 1}
    first = (await visitor.post("/RPC2_Login", ask)).json()
    assert (first["result"], first["error"]["code"]) == (False, CHALLENGE)
    given = first["params"]
    assert given["realm"] == f"Login to {unit.serial}"
    secret = md5(f"{user}:{given['random']}:{md5(f'{user}:{given["realm"]}:{password}')}")
    params = {"userName": user, "password": secret, "authorityType": given["encryption"], "passwordType": "Default"}
    again = {"method": "global.login", "params": params, "id": 2, "session": first["session"]}
    second = (await visitor.post("/RPC2_Login", again)).json()
    if second["result"]:
        assert second["session"] != first["session"], "the second session is the one that counts"
        return 0, second["params"]
    return int(second["error"]["code"]), dict(second.get("params", {}))


@pytest.mark.parametrize("profile", ["nvr5232", "old400"])
async def test_rpc_session_lives_by_its_keep_alive(unit: DahuaSimulator, visitor: Visitor) -> None:
    assert await rpc_login(unit, PASSWORD) == (0, {"keepAliveInterval": 60})
    await visitor.login()
    assert isinstance(visitor.rpc_session, int) == unit.device.firmware.int_session
    alive = await visitor.call("global.keepAlive", {"timeout": 300, "active": True})
    assert (alive["result"], alive["params"]) == (True, {"timeout": 60})
    assert (await visitor.call("magicBox.getSerialNo"))["params"] == {"sn": unit.serial}
    assert unit.counters.rpc_sessions == 2
    unit.faults.rpc.idle_seconds = 0
    gone = await visitor.call("global.keepAlive", {"timeout": 300})
    assert (gone["result"], gone["error"]["code"]) == (False, 287637505)
    unit.faults.rpc.idle_seconds = 75
    await visitor.login()
    assert (await visitor.call("global.logout"))["result"] is True
    assert (await visitor.call("magicBox.getSerialNo"))["error"]["code"] == 287637505
    assert unit.counters.logins == 3
    assert unit.counters.logouts == 1


async def test_rpc_errors_have_the_firmwares_codes(unit: DahuaSimulator, visitor: Visitor) -> None:
    await visitor.login()
    codes = {
        name: (await visitor.call(name, params))["error"]["code"]
        for name, params in {
            "magicBox.getMAC": {},
            "Nonsense.getThing": {},
            "configManager.getConfig": {"name": "Nothing"},
            "magicBox.getProductDefinition": {"name": "Nothing"},
        }.items()
    }
    assert list(codes.values()) == [268894210, 268632064, 268959743, 268959743]
    huge = await visitor.call("configManager.setConfig", {"name": "General", "table": {"MachineName": "x" * 17_500}})
    assert huge["error"]["code"] == 287638033
    unit.add_user("guard", "guard-pass-1", frozenset({"live"}))
    guard = Visitor(unit)
    guard.session.auth = HTTPDigestAuth("guard", "guard-pass-1")
    assert (await guard.cgi("configManager.cgi?action=getConfig&name=General"))[0] == 403
    assert (await guard.cgi("snapshot.cgi?channel=1"))[0] == 200
    unit.faults.rights = frozenset({"live"})
    denied = await visitor.call("configManager.getConfig", {"name": "General"})
    assert (denied["error"]["code"], denied["error"]["message"]) == (285278249, "Authority:check failure.")
    assert (await visitor.cgi("configManager.cgi?action=getConfig&name=General"))[0] == 403
    unit.set_faults(rights=None, rpc__api_header=True)
    assert (await visitor.call("magicBox.getSerialNo"))["error"]["code"] == 287637505
    unit.faults.rpc.busy = True
    assert (await rpc_login(unit, PASSWORD))[0] == 268632075
    unit.faults.rpc.gone = True
    answer = await visitor.post("/RPC2", {"method": "magicBox.getSerialNo", "id": 1, "session": visitor.rpc_session})
    assert answer.status_code == 404


async def test_rpc_batch_reads_no_configuration(visitor: Visitor) -> None:
    await visitor.login()
    calls = [
        {"method": "magicBox.getSerialNo", "params": {}, "id": 5},
        {"method": "configManager.getConfig", "params": {"name": "General"}, "id": 6},
    ]
    answer = await visitor.call("system.multicall", {"calls": calls})
    assert [one["result"] for one in answer["params"]["calls"]] == [True, False]


async def test_slots_hold_all_that_is_found_in_real_ones(unit: DahuaSimulator, visitor: Visitor) -> None:
    await unit.set_channel_online(3, online=False)
    prefix = "table.RemoteDevice.uuid:System_CONFIG_NETCAMERA_INFO_"
    remote = await config(visitor, "RemoteDevice")
    assert remote[f"{prefix}0.Enable"] == "true"
    assert remote[f"{prefix}8.Enable"] == "false"
    assert remote[f"{prefix}10.ProtocolType"] == "Onvif"
    assert (remote[f"{prefix}12.Enable"], remote[f"{prefix}14.Address"]) == ("true", "1.1.1.1")
    assert remote[f"{prefix}0.Password"] == "******"
    assert len(await config(visitor, "ChannelTitle")) == 32, "a title and a serial for all slots"
    await visitor.login()
    cameras = (await visitor.call("LogicDeviceManager.getCameraAll"))["params"]["camera"]
    assert [one["UniqueChannel"] for one in cameras if one["Type"] == "Compose"] == [48]
    assert [one["UniqueChannel"] for one in cameras if one["Enable"]] == [*range(8), 10, 12, 14, 48]
    states = (await visitor.call("LogicDeviceManager.getCameraState", {"uniqueChannels": [-1]}))["params"]["states"]
    words = [one["connectionState"] for one in states]
    assert (words[0], words[2], words[8], words[10], words[12]) == (
        *("Connected", "Unconnect", "Empty"),
        *("Connected", "Unconnect"),
    )
    assert {number for number in range(1, 17) if await is_live(visitor, number)} == {1, 2, 4, 5, 6, 7, 8}
    unit.faults.channels.state = "ragged"
    states = (await visitor.call("LogicDeviceManager.getCameraState", {"uniqueChannels": [8]}))["params"]["states"]
    assert states == [{"channel": 8}]
    unit.faults.channels.needs_instance = True
    assert (await visitor.call("LogicDeviceManager.getCameraAll"))["error"]["code"] == 4026990593
    handle = (await visitor.call("LogicDeviceManager.factory.instance"))["result"]
    assert (await visitor.call("LogicDeviceManager.getCameraAll", target=handle))["result"] is True


async def is_live(visitor: Visitor, number: int) -> bool:
    answer = await visitor.get(f"/cgi-bin/snapshot.cgi?channel={number}")
    assert (answer.status_code == 200) == answer.content.startswith(b"\xff\xd8")
    return answer.status_code == 200


async def test_state_has_a_cgi_twin(unit: DahuaSimulator, visitor: Visitor) -> None:
    url = visitor.url("/cgi-bin/api/LogicDeviceManager/getCameraState")
    answer = await asyncio.to_thread(visitor.session.post, url, json={"uniqueChannels": [-1]}, timeout=5)
    assert len(answer.json()["states"]) == len(unit.device.channels)


@pytest.mark.parametrize("profile", ["old400", "nv4116", "lorex", "ipc_sd"])
async def test_older_firmware_knows_no_states(unit: DahuaSimulator, visitor: Visitor) -> None:
    await visitor.login()
    answer = await visitor.call("LogicDeviceManager.getCameraState", {"uniqueChannels": [-1]})
    assert answer["error"]["code"] == (268632064 if unit.device.is_camera else 268894210)
    if unit.device.is_camera:
        assert await visitor.cgi("configManager.cgi?action=getConfig&name=RemoteDevice") == BAD
        assert (await values(visitor, "devVideoInput.cgi?action=getCollect"))["result"] == "1"
    elif unit.device.firmware.legacy_remote:
        assert (await config(visitor, "RemoteDevice"))["table.RemoteDevice[0].Enable"] == "true"


@pytest.mark.parametrize("profile", ["xvr"])
async def test_analogue_channels_are_no_remote_devices(visitor: Visitor) -> None:
    remote = await config(visitor, "RemoteDevice")
    assert not any("INFO_3." in key for key in remote)
    await visitor.login()
    cameras = (await visitor.call("LogicDeviceManager.getCameraAll"))["params"]["camera"]
    assert [one["Type"] for one in cameras[:5]] == ["Local"] * 4 + ["Remote"]


async def test_writes_have_the_firmwares_traps(unit: DahuaSimulator, visitor: Visitor) -> None:
    done = (200, "OK\r\n")
    assert await write(visitor, "ChannelTitle[1].Name=Yard%20%231%20") == done
    assert unit.device.channels[2].title == "Yard #1", "blanks at the end are cut"
    assert await write(visitor, "ChannelTitle[1].Name=") == done
    assert unit.device.channels[2].title == "Yard #1", "an empty value is taken and ignored"
    assert await write(visitor, "ChannelTitle[1].Name=A%26B") == done, "decoded first, then split: what follows is lost"
    assert unit.device.channels[2].title == "A"
    assert await write(visitor, "ChannelTitle[1].Name=%20") == done
    assert unit.device.channels[2].title == ""
    assert await write(visitor, "channeltitle[1].Name=x") == BAD
    assert await write(visitor, "MotionDetect[0].Enable=maybe") == BAD
    assert await write(visitor, "MotionDetect[0].Enable=false&RecordMode[3].Mode=2") == done
    assert (await config(visitor, "MotionDetect[0].Enable"))["table.MotionDetect[0].Enable"] == "false"
    assert (await config(visitor, "RecordMode[3]"))["table.RecordMode[3].Mode"] == "2"
    assert (await config(visitor, "RecordMode[2]"))["table.RecordMode[2].Mode"] == "0"
    await visitor.login()
    taken = await visitor.call("configManager.setConfig", {"name": "General", "table": {"MachineName": "A & B"}})
    assert taken["result"] is True
    assert (await visitor.call("configManager.getConfig", {"name": "General"}))["params"]["table"][
        "MachineName"
    ] == "A & B"


async def test_clock_is_wall_time_without_a_zone(unit: DahuaSimulator, visitor: Visitor) -> None:
    summer = datetime(2026, 7, 1, 10, 0, tzinfo=UTC)
    unit.clock.shift = summer - datetime.now(UTC)
    assert (await clock(visitor)).startswith("2026-07-01 12:00:0")
    fall = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    told = []
    for hours in (0, 1, 2):
        unit.clock.shift = fall + timedelta(hours=hours) - datetime.now(UTC)
        told.append((await clock(visitor))[11:16])
    assert told == ["02:30", "02:30", "03:30"], "an hour comes twice in autumn"
    unit.clock.shift = timedelta(0)
    unit.clock.skew = timedelta(seconds=95)
    moment = unit.device.true(datetime.fromisoformat(await clock(visitor)))
    assert abs(moment - datetime.now(UTC)) < timedelta(seconds=2)
    text = (datetime.now(UTC) + timedelta(hours=1)).astimezone(unit.clock.zone).strftime("%Y-%m-%d%%20%H:%M:%S")
    assert await visitor.cgi(f"global.cgi?action=setCurrentTime&time={text}.500") == BAD, "no fractions"
    assert (await visitor.cgi(f"global.cgi?action=setCurrentTime&time={text}"))[0] == 200
    assert timedelta(minutes=59) < unit.clock.skew < timedelta(minutes=61)
    unit.faults.clock.fixed = "2000-01-01 00:00:00"
    assert await clock(visitor) == "2000-01-01 00:00:00"


async def clock(visitor: Visitor) -> str:
    return (await values(visitor, "global.cgi?action=getCurrentTime"))["result"]


async def test_zone_by_name_by_city_or_by_index_alone(unit: DahuaSimulator, visitor: Visitor) -> None:
    seen = []
    for label in ("iana", "city", "index"):
        unit.faults.clock.label = label
        ntp = await config(visitor, "NTP")
        seen.append((ntp.get("table.NTP.TimeZoneDesc"), ntp["table.NTP.TimeZone"]))
    assert seen == [("Europe/Berlin", "1"), ("Berlin", "1"), (None, "1")]
    locales = await config(visitor, "Locales")
    assert locales["table.Locales.DSTEnable"] == "true"
    assert [locales[f"table.Locales.DSTEnd.{part}"] for part in ("Month", "Week", "Day", "Hour")] == [
        "10",
        "-1",
        "0",
        "3",
    ]
    assert (await write(visitor, "NTP.TimeZone=13"))[0] == 200
    assert unit.device.zone.minutes == 480


async def test_disks_are_full_and_well(unit: DahuaSimulator, visitor: Visitor) -> None:
    call = "storageDevice.cgi?action=getDeviceAllInfo"
    disks = await values(visitor, call)
    parts = [key.removesuffix("TotalBytes") for key in disks if key.endswith("TotalBytes")]
    assert len(parts) == 4
    assert all(disks[f"{part}TotalBytes"] == disks[f"{part}UsedBytes"] for part in parts)
    assert disks["list.info[0].State"] == "Success"
    unit.set_disk("partition")
    assert "true" in [value for key, value in (await values(visitor, call)).items() if key.endswith("IsError")]
    assert (await visitor.cgi("eventManager.cgi?action=getEventIndexes&code=StorageFailure"))[1] == "channels[0]=0\r\n"
    unit.set_disk("error")
    assert (await values(visitor, call))["list.info[0].State"] == "Error"
    unit.set_disk("ok")
    assert (await visitor.cgi("eventManager.cgi?action=getEventIndexes&code=StorageFailure"))[
        1
    ] == "Error: No Events\r\n"
    unit.set_disk("none")
    assert await visitor.cgi(call) == BAD
    await visitor.login()
    assert (await visitor.call("storage.getDeviceAllInfo"))["result"] is False


async def test_log_tells_of_logins_and_lost_cameras(unit: DahuaSimulator, visitor: Visitor) -> None:
    await visitor.login()
    await unit.set_channel_online(2, online=False)
    day = unit.device.stamp()[:10]
    window = f"condition.StartTime={day}%2000:00:00&condition.EndTime={day}%2023:59:59"
    token = (await values(visitor, f"log.cgi?action=startFind&{window}&condition.Types=[Storage]"))["token"]
    page = await values(visitor, f"log.cgi?action=doFind&token={token}&count=100")
    assert (page["found"], page["items[0].Type"], page["items[1].Type"]) == (
        "2",
        "User logged in.",
        "IPC Offline Alarm",
    )
    assert page["items[1].Detail"].splitlines()[1] == "Channel:2"
    assert (await values(visitor, f"log.cgi?action=doFind&token={token}&count=100"))["found"] == "0"
    assert await visitor.cgi(f"log.cgi?action=stopFind&token={token}") == (200, "OK\r\n")
    assert await visitor.cgi(f"log.cgi?action=stopFind&token={token}") == BAD


async def test_stills_come_one_at_a_time_and_can_lie(unit: DahuaSimulator, visitor: Visitor) -> None:
    await values(visitor, "magicBox.cgi?action=getSerialNo")
    await asyncio.gather(*(is_live(Visitor(unit), number) for number in (1, 2, 4)))
    assert unit.counters.snapshots == 3
    unit.set_faults(snapshot__mode="400", snapshot__count=1)
    assert not await is_live(visitor, 1)
    assert await is_live(visitor, 1)
    unit.faults.snapshot.base = 0
    assert not await is_live(visitor, 8), "counted from 0, that is slot 9"


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


async def test_unit_without_cgi_still_speaks_rpc(unit: DahuaSimulator, visitor: Visitor) -> None:
    unit.faults.http.cgi_gone = True
    assert (await visitor.get("/cgi-bin/magicBox.cgi?action=getSerialNo")).status_code == 404
    await visitor.login()
    assert (await visitor.call("magicBox.getSerialNo"))["params"] == {"sn": unit.serial}


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
