"""Search, calendar and clocks: a careful stranger finds every file, and each dialect and fault shows."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
import time
from xml.etree import ElementTree as ET

import pytest

from tests.simulators.hikvision import HikvisionSimulator

from .rig import Visitor, every, find, search_all, search_body, texts

DAY = timedelta(days=1)


def local_window(simulator: HikvisionSimulator, *, days: float = 2) -> tuple[datetime, datetime]:
    now = simulator.device.clock.device_now().replace(tzinfo=None, microsecond=0)
    return now - timedelta(days=days), now


def held(simulator: HikvisionSimulator, start: datetime, end: datetime) -> list[str]:
    wire = simulator.search.wire
    return [file.name for file in simulator.footage.files(1, wire.decode(start), wire.decode(end))]


@pytest.mark.parametrize("cap", [7, 40, 64])
async def test_pages_add_up_to_all_files_once(simulator: HikvisionSimulator, visitor: Visitor, cap: int) -> None:
    simulator.faults.search.page_cap = cap
    start, end = local_window(simulator)
    items = await search_all(visitor, 101, start, end, size=200)
    names = [find(item, "name") for item in items]
    assert len(names) == len(set(names)) > 64
    assert names == held(simulator, start, end + timedelta(seconds=1))
    starts = [find(item, "startTime") or "" for item in items]
    assert starts == sorted(starts)
    assert simulator.counters.searches == 1
    assert simulator.counters.search_pages == -(-len(names) // cap)


async def test_wrong_spelling_of_the_position_gets_the_first_page_again(
    simulator: HikvisionSimulator, visitor: Visitor
) -> None:
    start, end = local_window(simulator)
    for spelling, other in (
        ("searchResultPostion", "searchResultPosition"),
        ("searchResultPosition", "searchResultPostion"),
    ):
        simulator.faults.search.position = spelling.removeprefix("searchResult").lower()
        right = await visitor.search(search_body(101, start, end, position=5, size=1, spelling=spelling))
        wrong = await visitor.search(search_body(101, start, end, position=5, size=1, spelling=other))
        first = await visitor.search(search_body(101, start, end, size=1))
        name = [find(ET.fromstring(one.content), "name") for one in (right, wrong, first)]
        assert name[0] != name[1] == name[2]


async def test_running_file_has_an_end_in_the_future_and_files_overlap(
    simulator: HikvisionSimulator, visitor: Visitor
) -> None:
    # Not every day has a gap.
    start, end = local_window(simulator, days=4)
    items = await search_all(visitor, 101, start, end + timedelta(hours=1))
    spans = [
        (find(item, "startTime") or "", find(item, "endTime") or "")
        for item in items
        if "timing" in (find(item, "metadataDescriptor") or "")
    ]
    assert spans[-1][1] > f"{end:%Y-%m-%dT%H:%M:%SZ}"
    seams = [(datetime.fromisoformat(b[0]) - datetime.fromisoformat(a[1])).total_seconds() for a, b in pairwise(spans)]
    assert seams.count(-3) > len(seams) / 2
    assert max(seams) > 200, "there are gaps"


async def test_z_is_local_or_utc(simulator: HikvisionSimulator, visitor: Visitor) -> None:
    now = datetime.now(UTC).replace(tzinfo=None)
    offset = timedelta(minutes=simulator.device.zone.minutes)
    for mode, shift in (("utc", timedelta(0)), ("local", offset)):
        simulator.faults.search.mode = mode
        items = await search_all(visitor, 101, now + shift - timedelta(minutes=20), now + shift + timedelta(minutes=5))
        newest = max(datetime.fromisoformat(find(i, "endTime") or "").replace(tzinfo=None) for i in items)
        assert newest >= now + shift - timedelta(minutes=2)
        assert min(find(i, "startTime") or "" for i in items) <= f"{now + shift:%Y-%m-%dT%H:%M:%SZ}"


async def test_types_are_filtered_refused_or_ignored(simulator: HikvisionSimulator, visitor: Visitor) -> None:
    start, end = local_window(simulator)
    answer = await visitor.search(search_body(101, start, end, size=64, kind="/motion"))
    kinds = {text.rpartition("/")[2] for text in texts(ET.fromstring(answer.content), "metadataDescriptor")}
    assert kinds == {"motion"}
    simulator.faults.search.types = "error"
    assert (await visitor.search(search_body(101, start, end, kind="/motion"))).status_code == 400
    simulator.faults.search.types = "ignore"
    answer = await visitor.search(search_body(101, start, end, size=64, kind="/motion"))
    assert len(set(texts(ET.fromstring(answer.content), "metadataDescriptor"))) > 1
    simulator.faults.search.types = "nomatches"
    root = ET.fromstring((await visitor.search(search_body(101, start, end, kind="/motion"))).content)
    assert (find(root, "responseStatusStrg"), every(root, "matchList")) == ("NO MATCHES", [])


async def test_refusals(simulator: HikvisionSimulator, visitor: Visitor) -> None:
    faults = simulator.faults.search
    start, end = local_window(simulator)
    named = await visitor.search(search_body(101, start, end, search_id="search-1"))
    assert (named.status_code, find(ET.fromstring(named.content), "statusCode")) == (400, "6")
    faults.strict_uuid = False
    assert (await visitor.search(search_body(101, start, end, search_id="search-1"))).status_code == 200
    unknown = await visitor.search(search_body(9901, start, end))
    assert (unknown.status_code, find(ET.fromstring(unknown.content), "description")) == (400, "Invalid track id.")
    faults.unknown_track = "ignore"
    both = ET.fromstring((await visitor.search(search_body("9901,201", start, end))).content)
    assert set(texts(both, "trackID")) == {"201"}
    faults.window_limit = 3600.0 * 40
    assert (await visitor.search(search_body(101, start, end))).status_code == 400
    assert (await visitor.search(search_body(101, end - timedelta(hours=1), end))).status_code == 200
    faults.window_limit = 0
    faults.status = 403
    assert (await visitor.search(search_body(101, start, end))).status_code == 403
    faults.status = 0
    assert (await visitor.search("<CMSearchDescription>")).status_code == 400


async def test_counts_and_ends_may_lie(simulator: HikvisionSimulator, visitor: Visitor) -> None:
    faults = simulator.faults.search
    start, end = local_window(simulator, days=7)
    for matches, expected in (("page", 40), ("plus", 41), ("total", len(held(simulator, start, end)))):
        faults.matches = matches
        root = ET.fromstring((await visitor.search(search_body(101, start, end))).content)
        assert abs(int(find(root, "numOfMatches") or 0) - expected) <= 1
        assert len(every(root, "searchMatchItem")) == 40
    faults.total_cap = 100
    assert len(await search_all(visitor, 101, start, end)) == 100
    faults.total_cap, faults.more_empty = 4000, True
    small = end - timedelta(hours=2)
    first = len(await search_all(visitor, 101, small, end))
    root = ET.fromstring((await visitor.search(search_body(101, small, end, position=first))).content)
    assert (find(root, "responseStatusStrg"), every(root, "searchMatchItem")) == ("MORE", [])


async def test_oldest_files_go_while_the_client_pages(simulator: HikvisionSimulator, visitor: Visitor) -> None:
    start, end = local_window(simulator)
    whole = len(await search_all(visitor, 101, start, end, size=10))
    simulator.faults.search.retention_shift = 2
    shifted = await search_all(visitor, 101, start, end, size=10)
    assert len(shifted) < whole


async def test_one_search_at_a_time(simulator: HikvisionSimulator) -> None:
    simulator.faults.search.latency_ms = 100
    start, end = local_window(simulator)
    visitors = [Visitor(simulator) for _ in range(3)]
    began = time.monotonic()
    answers = await asyncio.gather(*(one.search(search_body(101, start, end)) for one in visitors))
    assert [answer.status_code for answer in answers] == [200] * 3
    assert time.monotonic() - began >= 0.3
    assert simulator.counters.max_searches_active == 1
    simulator.faults.search.when_busy = "error"
    answers = await asyncio.gather(*(one.search(search_body(101, start, end)) for one in visitors))
    refused = [find(ET.fromstring(a.content), "subStatusCode") for a in answers if a.status_code == 400]
    assert refused == ["noSearchIDResource"] * 2


async def test_search_handles_run_out(simulator: HikvisionSimulator, visitor: Visitor) -> None:
    faults = simulator.faults.search
    faults.strict_handles, faults.handles, faults.handle_life = True, 2, 3.0
    start, end = local_window(simulator)
    statuses = [(await visitor.search(search_body(101, start, end, size=1))).status_code for _ in range(3)]
    assert statuses == [200, 200, 400]
    await asyncio.sleep(3.1)
    faults.handle_life = 0.3
    assert (await visitor.search(search_body(101, start, end, size=1))).status_code == 200
    await asyncio.sleep(0.35)
    for strict in (False, True):
        faults.strict_handles, faults.handles = strict, 0
        assert (await visitor.search(search_body(101, start, end, size=1))).status_code == 400


async def test_playback_uri_in_all_its_forms(simulator: HikvisionSimulator, visitor: Visitor) -> None:
    faults = simulator.faults.search
    start, end = local_window(simulator)

    async def uri(track: int = 101) -> str:
        answer = await visitor.search(search_body(track, start, end, size=1))
        return next(e.text or "" for e in every(ET.fromstring(answer.content), "playbackURI"))

    assert "/Streaming/tracks/101/?starttime=" in await uri()
    faults.uri_slash, faults.uri_host, faults.uri_port = False, "192.0.2.9", "http"
    assert (await uri()).startswith(f"rtsp://192.0.2.9:{simulator.http_port}/Streaming/tracks/101?starttime=")
    faults.uri_break, faults.uri_port = True, "none"
    broken = await uri()
    assert "&\n" in broken
    assert "192.0.2.9/" in broken
    picture = await uri(103)
    assert "starttime=20" in picture
    assert picture.partition("starttime=")[2][4] == "-"
    assert "_SC_01&size=" in picture


async def test_calendar_tells_the_kind_of_each_day(simulator: HikvisionSimulator, visitor: Visitor) -> None:
    today = simulator.device.clock.device_now().date()
    body = f"<trackDailyParam><year>{today.year}</year><monthOfYear>{today.month}</monthOfYear></trackDailyParam>"
    path = "/ISAPI/ContentMgmt/record/tracks/{}/dailyDistribution"
    found = {}
    for track in (101, 401):
        root = ET.fromstring((await visitor.ask("POST", path.format(track), data=body)).content)
        found[track] = {int(find(n, "dayOfMonth") or 0): find(n, "recordType") for n in every(root, "day")}
        assert len(found[track]) >= 28
    assert (found[101][today.day], found[401][today.day]) in {("time", "event"), ("time", None)}
    assert all(kind is None for day, kind in found[101].items() if day > today.day)
    simulator.faults.search.calendar = "404"
    assert (await visitor.ask("POST", path.format(101), data=body)).status_code == 404


async def test_clock_faults(simulator: HikvisionSimulator, visitor: Visitor) -> None:
    async def told() -> str:
        return find(await visitor.xml("System/time"), "localTime") or ""

    simulator.device.set_zone(60, dst=True)
    summer = datetime(2026, 7, 1, tzinfo=UTC) - datetime.now(UTC)
    simulator.device.clock.shift = summer
    assert (await told()).endswith("+02:00")
    simulator.faults.clock.suffix = "standard"
    assert (await told()).endswith("+01:00")
    assert (await told()).startswith("2026-07-01T02:")
    simulator.faults.clock.suffix = "none"
    assert datetime.fromisoformat(await told()).tzinfo is None
    simulator.device.clock.skew = timedelta(seconds=90)
    assert datetime.fromisoformat(await told()).strftime("%M:%S") >= "01:30"
    simulator.faults.clock.fixed = "2004-05-05T22:44:07+08:00"
    assert (await told()).startswith("2004-")


@pytest.fixture(name="many")
async def big_recorder(socket_enabled: None) -> AsyncIterator[HikvisionSimulator]:
    async with HikvisionSimulator(profile="nvr32", segments=500, latency_ms=0, rtsp=False) as simulator:
        yield simulator


async def test_benchmark_recorder_is_not_the_bottleneck(many: HikvisionSimulator) -> None:
    many.faults.search.concurrency = 4
    start, end = (many.search.wire.encode(many.now() + days) for days in (-30 * DAY, DAY))
    visitor = Visitor(many)
    items = await search_all(visitor, 101, start, end, size=100)
    assert len(items) == 500
    began = time.process_time()
    for channel in range(2, 10):
        assert len(await search_all(visitor, channel * 100 + 1, start, end, size=100)) == 500
    assert (time.process_time() - began) / 40 < 0.05, "CPU seconds a page, client included"
