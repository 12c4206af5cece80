"""What the simulated Dahua unit says and hands out of its footage, judged by strangers' clients."""

import asyncio
import base64
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from io import BytesIO
from itertools import pairwise
import os
from pathlib import Path
import time
from typing import Any
from urllib.parse import quote

import av
import pytest
import requests

from tests.simulators.dahua import DahuaSimulator
from tests.simulators.dahua.catalogue import Catalogue
from tests.simulators.dahua.dhav import dhav_stream
from tests.simulators.footage import Incident, Kind
from tests.simulators.video.profile import AudioProfile, VideoProfile
from tests.simulators.video.timecode import TimeCode, read_timecode

from ..conftest import gray
from .rig import HOUR, MINUTE, SECOND, frames, look, yesterday
from .visitor import Visitor, items, table

pytestmark = pytest.mark.usefixtures("lasting_nonces")


@pytest.fixture(name="profile")
def default_profile() -> str:
    return "nvr5464"


def tells_wall_time(unit: DahuaSimulator, shown: list[tuple[datetime, TimeCode]]) -> bool:
    """Tell whether times are wall times; the reader loses a millisecond where the counter of a header wraps."""
    late = [unit.device.wall(code.time) - pts.replace(tzinfo=None) for pts, code in shown]
    return all(timedelta(0) <= each <= timedelta(milliseconds=1) for each in late)


@pytest.mark.parametrize("codec", ["h264", "h265"])
@pytest.mark.parametrize("audio", [None, "pcma", "pcmu"])
async def test_frames_are_read_by_a_stranger(unit: DahuaSimulator, codec: str, audio: str | None) -> None:
    sound = AudioProfile("pcma" if audio == "pcma" else "pcmu") if audio else None
    picture = VideoProfile("h265" if codec == "h265" else "h264", 320, 180, 10, audio=sound, bit_rate=100_000)
    start = yesterday(unit, 11, 2, 7)
    gap = [(start, start + 3 * SECOND), (start + 9 * SECOND, start + 11 * SECOND)]
    for size in (None, 400_000):
        data = b"".join([chunk async for chunk in dhav_stream(unit.studio, 1, picture, gap, size=size)])
        assert len(data) == (size or len(data))
        names, shown = look(data)
        assert names[0] == ("hevc" if codec == "h265" else "h264")
        assert names[1:] == ([{"pcma": "pcm_alaw", "pcmu": "pcm_mulaw"}[audio]] if audio else [])
        assert len(shown) == 50
        assert [code.time for _, code in shown] == [
            begin + index * timedelta(milliseconds=100)
            for begin, end in gap
            for index in range((end - begin) // SECOND * 10)
        ]
        assert {code.channel for _, code in shown} == {1}
        assert tells_wall_time(unit, shown)


async def test_a_day_is_found_whole_however_it_is_paged(visitor: Visitor, unit: DahuaSimulator) -> None:
    day = yesterday(unit, 0)
    whole = await visitor.find(1, day, day + 24 * HOUR, "&condition.VideoStream=Main")
    assert len(whole) > 40
    for short, count in ((False, 7), (True, 20), (True, 5000)):
        unit.faults.find.short_pages = short
        assert await visitor.find(1, day, day + 24 * HOUR, "&condition.VideoStream=Main", count=count) == whole
    assert {item["Channel"] for item in whole} == {"0"}
    for item in whole:
        assert unit.device.true(datetime.fromisoformat(item["EndTime"])) > day
        assert int(item["CutLength"]) <= int(item["Length"])
    starts = [item["StartTime"] for item in whole]
    assert starts == sorted(starts)
    gaps = [b["StartTime"] for a, b in pairwise(whole) if b["StartTime"] > a["EndTime"]]
    assert f"{day.astimezone(unit.clock.zone):%Y-%m-%d} 03:14:00" in gaps
    mixed = await visitor.find(1, day, day + HOUR)
    assert {item["VideoStream"] for item in mixed} == {"Main", "Extra1"}
    assert unit.counters.finders_open == 0
    unit.faults.find.end = "error"
    assert await visitor.find(1, day, day + HOUR) == mixed


async def test_the_repeated_hour_has_two_files_of_one_name(visitor: Visitor, unit: DahuaSimulator) -> None:
    # 25 October 2026, Berlin: 03:00 summer time is 02:00 winter time, 01:00 UTC.
    change = datetime(2026, 10, 25, 1, tzinfo=UTC)
    unit.clock.shift = change + 9 * HOUR - unit.now()
    plan = replace(unit.footage.plans[1], file_seconds=(1800, 1800))
    unit.footage.plans[1] = plan
    catalogue = Catalogue(unit.footage, unit.device.firmware)
    found = catalogue.files(1, "Main", change - HOUR, change + HOUR)
    assert [file.start for file in found] == [change + n * HOUR / 2 for n in range(-2, 2)]
    names = [file.path.rpartition("/")[2] for file in found]
    assert names[0] == names[2]
    assert [catalogue.named(file.path) for file in found] == found
    wall = "&condition.StartTime=2026-10-25%2002:10:00&condition.EndTime=2026-10-25%2002:20:00"
    handle = await visitor.finder()
    ask = f"mediaFileFind.cgi?action=findFile&object={handle}&condition.Channel=1&condition.VideoStream=Main{wall}"
    assert (await visitor.cgi(ask))[0] == 200
    _, page = await visitor.cgi(f"mediaFileFind.cgi?action=findNextFile&object={handle}&count=100")
    assert [item["FilePath"] for item in items(table(page))] == [found[0].path, found[2].path]


@pytest.mark.parametrize("profile", ["old400"])
async def test_old_firmware_lacks_what_came_later(visitor: Visitor, unit: DahuaSimulator) -> None:
    start = yesterday(unit)
    path = (await visitor.find(1, start, start + HOUR))[0]["FilePath"]
    refused = await visitor.get(f"/cgi-bin/RPC_Loadfile{quote(path)}")
    assert (refused.status_code, refused.text) == (400, "Error\r\nBad Request!\r\n")
    await visitor.login()
    for method in ("workDirectory.factory.instance", "SmdDataFinder.startFind", "log.startFind"):
        assert (await visitor.call(method, {"name": "/"}))["error"]["code"] in {268632064, 268894210}
    _, shown = look((data := (await visitor.loadfile(1, start, start + SECOND)).content)[frames(data)[0] :])
    assert shown[0][1].time == start


async def test_what_find_file_refuses(visitor: Visitor, unit: DahuaSimulator) -> None:
    start, handle = yesterday(unit), await visitor.finder()
    ask = f"mediaFileFind.cgi?action=findFile&object={handle}&"
    good = visitor.window(1, start, start + HOUR)
    refused = (400, "Error\r\nBad Request!\r\n")
    for wrong in (
        visitor.window(0, start, start + HOUR),
        visitor.window(12, start, start + HOUR),
        visitor.window(1, start + HOUR, start),
        visitor.window(1, start + 48 * HOUR, start + 49 * HOUR),
        good.replace(str(start.year), "2000"),
        good.replace("%20", ".5%20"),
        good.replace(":00&", ":00.250&"),
        good.replace("Types[0]=dav", "Types[0]=mp4"),
    ):
        assert await visitor.cgi(ask + wrong) == refused, wrong
    assert (await visitor.cgi(ask + good))[0] == 200
    padded = good.replace("-0", "-").replace("%200", "%20")
    assert (await visitor.cgi(ask + padded))[0] == 200
    assert "ErrorID=2" in (await visitor.cgi(f"mediaFileFind.cgi?action=factory.close&object={handle}"))[1]
    assert "ErrorID=2" in (await visitor.cgi(f"mediaFileFind.cgi?action=factory.destroy&object={handle}"))[1]
    assert unit.counters.finders_open == 1


async def test_finders_run_out_and_a_reboot_frees_them(visitor: Visitor, unit: DahuaSimulator) -> None:
    for _ in range(8):
        await visitor.finder()
    assert (await visitor.cgi("mediaFileFind.cgi?action=factory.create"))[0] == 400
    unit.reboot(off_seconds=0)
    await unit.restarted()
    assert unit.counters.finders_open == 0
    await visitor.finder()


async def test_the_file_of_now_grows(visitor: Visitor, unit: DahuaSimulator) -> None:
    async def newest() -> dict[str, str]:
        now = unit.now()
        return (await visitor.find(1, now - HOUR, now + HOUR, "&condition.VideoStream=Main"))[-1]

    first = await newest()
    unit.clock.shift += timedelta(seconds=30)
    second = await newest()
    if second["StartTime"] == first["StartTime"]:
        assert int(second["Length"]) - int(first["Length"]) >= 29 * 64_000
    assert second["EndTime"] > first["EndTime"]


@pytest.mark.parametrize("profile", ["nvr5232", "nv4116", "nvr5464"])
async def test_event_filters_hold_or_not_by_firmware(visitor: Visitor, unit: DahuaSimulator) -> None:
    day = yesterday(unit, 0)
    extra = "&condition.VideoStream=Main&condition.Flags[0]=Event&condition.Events[0]=VideoMotion"
    found = await visitor.find(1, day, day + 6 * HOUR, extra)
    motion = await visitor.find(4, day, day + 6 * HOUR, extra)
    assert bool(found) is not unit.device.firmware.filters_events
    assert any("[M]" in item["FilePath"] and item["Events[0]"] == "VideoMotion" for item in motion)


@pytest.mark.parametrize(("profile", "key"), [("nvr5232", "infos"), ("nv4116", "items")])
async def test_rpc_finds_what_cgi_finds(visitor: Visitor, unit: DahuaSimulator, key: str) -> None:
    start = yesterday(unit)
    unit.faults.find.rpc_page_cap = 3
    by_cgi = await visitor.find(2, start, start + 3 * HOUR, "&condition.VideoStream=Extra1")
    await visitor.login()
    handle = (await visitor.call("mediaFileFind.factory.create"))["result"]
    condition: dict[str, Any] = {
        "Channel": 1,
        "Types": ["dav"],
        "Events": ["*"],
        "Flags": None,
        "VideoStream": "Extra1",
    }
    condition |= {"StartTime": visitor.digits(start), "EndTime": visitor.digits(start + 3 * HOUR)}
    assert (await visitor.call("mediaFileFind.findFile", {"condition": condition}, handle))["result"] is True
    count = (await visitor.call("mediaFileFind.getCount", {}, handle))["params"]["count"]
    found: list[dict[str, Any]] = []
    while page := (await visitor.call("mediaFileFind.findNextFile", {"count": 100}, handle))["params"]:
        if not page["found"]:
            assert page == {"found": 0, key: None}
            break
        found += page[key]
    assert [item["FilePath"] for item in found] == [item["FilePath"] for item in by_cgi]
    assert count == len(found)
    assert found[0]["Channel"] == 1
    await visitor.call("mediaFileFind.setQueryResultOptions", {"options": {"offset": count - 1}}, handle)
    assert (await visitor.call("mediaFileFind.findNextFile", {"count": 9}, handle))["params"][key] == found[-1:]
    condition |= {"StartTime": "2031-01-01 00:00:00", "EndTime": "2031-01-02 00:00:00"}
    assert (await visitor.call("mediaFileFind.findFile", {"condition": condition}, handle))["result"] is False
    unit.end_sessions()
    assert unit.counters.finders_open == 0
    await visitor.login()
    answer = await visitor.call("mediaFileFind.findNextFile", {"count": 1}, handle)
    assert answer["error"]["code"] == 4026990593


async def test_the_calendar_has_a_bit_a_day_and_none_for_an_empty_month(visitor: Visitor, unit: DahuaSimulator) -> None:
    await visitor.login()
    unit.clock.shift = datetime(2026, 3, 5, 12, tzinfo=UTC) - unit.now()
    handle = (await visitor.call("workDirectory.factory.instance", {"name": "/"}))["result"]

    async def days(channel: int, month: int) -> list[int] | int:
        condition = {"Channel": channel, "Types": ["dav"], "Events": ["*"], "Year": 2026, "Month": month}
        answer = await visitor.call("workDirectory.getBitmapEx", {"condition": condition}, handle)
        if "error" in answer:
            return int(answer["error"]["code"])
        return [day for day in range(1, 32) if answer["params"]["bitmap"] >> day & 1]

    assert await days(0, 3) == [1, 2, 3, 4, 5]
    assert await days(0, 2) == [25, 26, 27, 28]
    assert isinstance(await days(0, 1), int)
    unit.footage.add_gap(1, datetime(2026, 2, 26, 20, tzinfo=UTC), datetime(2026, 2, 28, 1, tzinfo=UTC))
    assert await days(0, 2) == [25, 26, 28]
    assert await days(-1, 2) == [25, 26, 27, 28]


async def test_people_and_events_are_found_by_rpc(visitor: Visitor, unit: DahuaSimulator) -> None:
    start = yesterday(unit)
    unit.footage.add_incident(Incident(2, Kind.MOTION, start + MINUTE, start + 2 * MINUTE, "person"))
    await visitor.login()
    window = {"StartTime": visitor.digits(start), "EndTime": visitor.digits(start + HOUR)}
    condition = {**window, "Channels": [1], "SmdType": ["smdTypeHuman"], "Order": "ascOrder"}
    opened = (await visitor.call("SmdDataFinder.startFind", {"Condition": condition}))["params"]
    page = {"Token": opened["Token"], "Offset": 0, "Count": 100}
    people = (await visitor.call("SmdDataFinder.doFind", page))["params"]["SmdInfo"]
    assert len(people) == opened["Count"]
    assert {
        "Channel": 1,
        "StartTime": visitor.digits(start + MINUTE),
        "EndTime": visitor.digits(start + 2 * MINUTE),
        "Type": "smdTypeHuman",
    } in people
    assert (await visitor.call("SmdDataFinder.stopFind", {"Token": opened["Token"]}))["result"] is True
    asked = {**window, "Types": ["Event.VideoMotion.Start"], "Translate": True, "Order": "Descent"}
    token = (await visitor.call("log.startFind", {"condition": asked}))["params"]["token"]
    count = (await visitor.call("log.getCount", {"token": token}))["params"]["count"]
    lines = (await visitor.call("log.doSeekFind", {"token": token, "offset": 0, "count": 500}))["params"]["items"]
    assert len(lines) == count
    mine = [line for line in lines if line["Channel"] == 2 and line["Time"] == visitor.digits(start + MINUTE)]
    assert mine[0]["UTCTime"] == (start + MINUTE).timestamp()
    assert [line["Time"] for line in lines] == sorted((line["Time"] for line in lines), reverse=True)


@pytest.mark.parametrize("subtype", [0, 1])
async def test_a_cut_by_time_begins_with_rubbish_and_holds_the_asked_time(
    visitor: Visitor, unit: DahuaSimulator, subtype: int
) -> None:
    start = yesterday(unit, 10, 17, 3)
    answer = await visitor.loadfile(3, start, start + 6 * SECOND, subtype=subtype)
    assert answer.headers["Content-Type"] == "application/http"
    first, found = frames(answer.content)
    assert 8_000 <= first <= 13_000
    assert b"DHAV" not in answer.content[:first]
    assert found[0][0] == 0xFD
    names, shown = look(answer.content[first:])
    assert names == ["h264", "pcm_alaw"] if subtype == 0 else ["h264"]
    assert shown[0][1].time == start - SECOND  # the group it is in began on the even second
    assert timedelta(0) < start + 6 * SECOND - shown[-1][1].time <= SECOND / 5
    assert tells_wall_time(unit, shown)


async def test_the_defects_of_cuts(visitor: Visitor, unit: DahuaSimulator) -> None:
    faults, start = unit.faults.loadfile, yesterday(unit, 10, 15)
    faults.preamble = "false"
    data = (await visitor.loadfile(1, start, start + SECOND)).content
    first, _ = frames(data)
    assert 0 < data.index(b"DHAV") < first
    faults.preamble, faults.seek = "none", -36
    _, shown = look((await visitor.loadfile(1, start, start + 2 * SECOND)).content)
    assert shown[0][1].time == start - 36 * SECOND
    faults.seek, faults.empty_on_five = 0, True
    with pytest.raises(requests.exceptions.ChunkedEncodingError, match="IncompleteRead"):
        await visitor.loadfile(1, start, start + SECOND)
    assert (await visitor.loadfile(1, start + SECOND, start + 2 * SECOND)).content
    unit.faults.dhav.mid_group = True
    _, found = frames((await visitor.loadfile(1, start + SECOND, start + 4 * SECOND)).content)
    assert found[0][0] == 0xFC
    unit.faults.dhav.mid_group = False
    item = (await visitor.find(1, start, start + SECOND, "&condition.VideoStream=Main"))[0]
    border = unit.device.true(datetime.fromisoformat(item["EndTime"]))
    faults.truncate = True
    _, shown = look((await visitor.loadfile(1, border - 2 * SECOND, border + 30 * SECOND)).content)
    assert border - shown[-1][1].time <= SECOND / 5
    answer = await visitor.loadfile(1, start + 48 * HOUR, start + 49 * HOUR)
    assert (answer.status_code, answer.text[:5]) == (200, "Error")


@pytest.mark.parametrize("profile", ["quirk200"])
async def test_a_cut_by_byte_position_is_found_by_asking_again(visitor: Visitor, unit: DahuaSimulator) -> None:
    wanted = asked = yesterday(unit, 10, 11, 3)
    misses = []
    for _ in range(3):
        data = (await visitor.loadfile(1, asked, asked + 2 * SECOND)).content
        _, shown = look(data[frames(data)[0] :])
        misses.append(shown[0][1].time - wanted)
        asked -= misses[-1]
    assert -36 * SECOND <= misses[0] < -10 * SECOND
    assert abs(misses[-1]) <= 2 * SECOND


async def test_damaged_frames_are_skipped_by_who_checks_sums(visitor: Visitor, unit: DahuaSimulator) -> None:
    unit.faults.dhav.damage_every = 10
    start = yesterday(unit, 10, 17)
    data = (await visitor.loadfile(1, start, start + 3 * SECOND)).content
    first, found = frames(data)
    at, wrong = first, 0
    for _, length in found:
        wrong += sum(data[at : at + 23]) & 0xFF != data[at + 23]
        at += length
    assert wrong == 3


async def test_clients_that_hang_up_wedge_it_until_a_reboot(visitor: Visitor, unit: DahuaSimulator) -> None:
    unit.faults.loadfile.wedge_after = 3
    unit.faults.loadfile.rate = 50_000
    start = yesterday(unit, 10, 15)
    url = f"/cgi-bin/loadfile.cgi?action=startLoad&channel=1&startTime={visitor.digits(start)}"
    url = f"{url}&endTime={visitor.digits(start + 5 * MINUTE)}&subtype=0".replace(" ", "%20")
    for _ in range(3):
        answer = await visitor.get(url, stream=True)
        answer.close()
    deadline = time.monotonic() + 15
    while (answer := await visitor.get(url, stream=True)).status_code == 200 and time.monotonic() < deadline:
        answer.close()
    assert (answer.status_code, answer.text) == (400, "Error\r\nBad Request!\r\n")
    assert (await visitor.cgi("magicBox.cgi?action=getSerialNo"))[0] == 200
    unit.faults.loadfile.rate = 0
    unit.reboot(off_seconds=0)
    await unit.restarted()
    assert (await visitor.loadfile(1, start, start + SECOND)).status_code == 200
    assert unit.counters.transfers_active == 0


async def short_file(visitor: Visitor, unit: DahuaSimulator, channel: int = 4) -> dict[str, str]:
    """Return an event's file, which is short."""
    day = yesterday(unit, 0)
    found = await visitor.find(channel, day, day + 12 * HOUR, "&condition.VideoStream=Extra1")
    return min(found, key=lambda item: int(item["Length"]))


@pytest.mark.parametrize("profile", ["nvr5232", "nvr5464", "ipc_sd"])
async def test_a_whole_file_is_what_its_entry_says(visitor: Visitor, unit: DahuaSimulator, profile: str) -> None:
    camera = profile == "ipc_sd"
    if camera:
        unit.footage.add_gap(1, yesterday(unit, 12, 0, 20), yesterday(unit, 12, 5))
        start = yesterday(unit, 12)
        item = (await visitor.find(1, start, start + MINUTE, "&condition.VideoStream=Extra1"))[0]
        unit.footage.add_gap(1, yesterday(unit, 11, 50), start)
        item = (await visitor.find(1, start, start + MINUTE, "&condition.VideoStream=Extra1"))[0]
    else:
        item = await short_file(visitor, unit)
    path = item["FilePath"]
    assert path.endswith(".mp4" if camera else ".dav")
    multipart = profile == "nvr5232"
    for spelled in (path, quote(path)):
        answer = await visitor.get(f"/cgi-bin/RPC_Loadfile{spelled}")
        assert answer.status_code == 200
        assert answer.headers["Content-Type"].startswith("multipart/" if multipart else "application/http")
        data = answer.content
        if multipart:
            assert b'"result": true' in data[:200]
            data = data[data.index(b"DHAV") : data.rindex(b"\r\n--")]
        assert len(data) == int(item["Length"])
    _, shown = look(data)
    start, end = (unit.device.true(datetime.fromisoformat(item[key])) for key in ("StartTime", "EndTime"))
    assert timedelta(0) <= shown[0][1].time - start < SECOND / 5
    assert timedelta(0) < end - shown[-1][1].time <= SECOND / 5
    assert (await visitor.get(f"/cgi-bin/RPC_Loadfile{path[:-5]}x.dav")).status_code == 400


async def test_spellings_index_cookie_and_stills(visitor: Visitor, unit: DahuaSimulator) -> None:
    item = await short_file(visitor, unit)
    path, faults = item["FilePath"], unit.faults.file
    faults.spelling = "encoded"
    encoded = quote(path)
    assert "%5B" in encoded
    assert "%40" in encoded
    assert (await visitor.get(f"/cgi-bin/RPC_Loadfile{path}")).status_code == 400
    faults.dhii = True
    data = (await visitor.get(f"/cgi-bin/RPC_Loadfile{encoded}")).content
    assert data.startswith(b"DHII")
    assert frames(data)[0] == 1024
    faults.dhii = False
    await visitor.login()
    url, cookie = visitor.url(f"/RPC_Loadfile{encoded}"), {"Cookie": f"WebClientSessionID={visitor.rpc_session}"}
    assert (await asyncio.to_thread(requests.get, url, timeout=20)).status_code == 401
    assert (await asyncio.to_thread(requests.get, url, timeout=20, headers=cookie)).content == data[1024:]
    day = yesterday(unit, 0)
    handle = await visitor.finder()
    window = visitor.window(1, day, day + 24 * HOUR).replace("dav", "jpg")
    await visitor.cgi(f"mediaFileFind.cgi?action=findFile&object={handle}&{window}")
    _, page = await visitor.cgi(f"mediaFileFind.cgi?action=findNextFile&object={handle}&count=1")
    still = items(table(page))[0]
    answer = await visitor.get(f"/cgi-bin/RPC_Loadfile{quote(still['FilePath'])}")
    assert answer.content[:2] + answer.content[-2:] == b"\xff\xd8\xff\xd9"
    faults.jpg_extra = 200
    answer = await visitor.get(f"/cgi-bin/RPC_Loadfile{quote(still['FilePath'])}", stream=True)
    body = await asyncio.to_thread(answer.raw.read, 10_000_000, decode_content=False)
    assert int(answer.headers["Content-Length"]) == len(body) + 200


@pytest.mark.parametrize("shape", ["json", "base64", "multipart"])
async def test_one_key_picture_of_a_moment(visitor: Visitor, unit: DahuaSimulator, shape: str) -> None:
    await visitor.login()
    unit.faults.file.iframe = shape
    moment = yesterday(unit, 9, 30, 5)
    infos = {"Channel": 1, "Time": visitor.digits(moment), "VideoStream": "Main"}
    call = {"method": "StorageAssistant.getIFrameData", "params": {"Infos": infos}, "session": visitor.rpc_session}
    assert (await visitor.post("/RPC3_Loadfile", call)).json()["error"]["code"] == 287637505
    answer = await visitor.post("/RPC3_Loadfile", call, **{"X-Api-Session": str(visitor.rpc_session)})
    data = answer.content
    if shape == "multipart":
        data = data[data.index(b"application/http") :].split(b"\r\n\r\n", 1)[1]
    else:
        data = base64.b64decode(answer.json()["params"]["body"] if shape == "json" else data)
    with av.open(BytesIO(data), "r", format="hevc") as container:
        picture = next(container.decode(video=0))
    code = read_timecode(gray(picture))
    assert code is not None
    assert (code.channel, code.time) == (2, moment - SECOND)


def resident() -> int:
    """Return the bytes of memory that this process holds."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGESIZE")


@pytest.mark.parametrize(("total", "rate"), [(1 << 30, 0), (6_000_000, 3_000_000)])
async def test_a_large_file_needs_no_memory(visitor: Visitor, unit: DahuaSimulator, total: int, rate: int) -> None:
    item = await short_file(visitor, unit)
    seconds = int(item["Length"]) // (64_000 * 3 // 8)
    unit.footage.plans[4] = replace(unit.footage.plans[4], bytes_per_second=total * 8 // 3 // seconds)
    unit.faults.file.rate = rate
    path = f"/cgi-bin/RPC_Loadfile{quote(item['FilePath'])}"
    before, began = resident(), time.monotonic()
    answer = await visitor.get(path, stream=True)

    def read() -> tuple[int, int]:
        got = peak = 0
        for chunk in answer.iter_content(1 << 20):
            got, peak = got + len(chunk), max(peak, resident())
        return got, peak

    got, peak = await asyncio.to_thread(read)
    assert got == int(answer.headers["Content-Length"])
    assert got > total * 0.9
    assert peak - before < 80 << 20  # the pictures of some seconds, and what the sockets hold
    if rate:
        assert time.monotonic() - began > got / rate * 0.9
