"""What the simulated Dahua unit says of itself over CGI and RPC2, judged by `requests` and hand-written calls."""

import asyncio
from datetime import UTC, datetime, timedelta
from io import BytesIO

import av
import pytest

from tests.simulators.dahua import FIRMWARES, DahuaSimulator

from .rig import config, values
from .visitor import Visitor

BAD = (400, "Error\r\nBad Request!\r\n")


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
    both = "MotionDetect[0].Enable=false&RecordMode[3].Mode=2"
    assert await write(visitor, both) == BAD, "what belongs to them is left out"
    beside = "MotionDetect[0].DetectVersion=V3.0&RecordMode[3].ModeExtra1=2&RecordMode[3].ModeExtra2=2"
    assert await write(visitor, f"{both}&{beside}") == done
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
