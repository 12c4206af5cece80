"""Searches, calendar, playback addresses and downloads of simulated firmware in all its dialects."""

import asyncio
from datetime import UTC, datetime, timedelta
import time
from typing import Any

import av
import pytest

from custom_components.nvr.core import errors
from custom_components.nvr.core.drivers.hikvision import HikvisionDriver, paging, recordings as recordings_module
from custom_components.nvr.core.drivers.hikvision.downloads import Downloads
from custom_components.nvr.core.models import Container, RecordingKind, RecordingSegment, StreamRole, TimeSpan
from custom_components.nvr.media.cover import Sample
from custom_components.nvr.media.rtsp.session import RtspSession
from custom_components.nvr.media.ticks import to_datetime
from tests.simulators.footage import Incident, Kind
from tests.simulators.hikvision.simulator import HikvisionSimulator
from tests.simulators.switches import PathFault
from tests.simulators.video.timecode import read_timecode

from .helpers import last, search
from .rigs.hikvision import config, driving, recorder

pytestmark = pytest.mark.usefixtures("socket_enabled")


# Ends before any file that may still be running: what a search of it finds is the same at any time.
SETTLED = 1.5


def spans(segments: list[RecordingSegment]) -> list[tuple[datetime, datetime]]:
    """Return the borders of closed segments."""
    return [(segment.span.start, segment.span.end) for segment in segments if not segment.open]


def running(simulator: HikvisionSimulator, span: TimeSpan) -> set[datetime]:
    """Return when the files began that are being written now: one, or two at a border and while something moves."""
    return {file.start.replace(microsecond=0) for file in simulator.footage.files(1, span.start, span.end) if file.open}


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"search__page_cap": 13},
        {"search__position": "postion"},
        {"search__position": "position"},
        {"search__more_empty": True},
        {"search__matches": "total"},
        {"search__uri_break": True, "search__uri_slash": False},
        {"search__status_tag": "responseStatusStrip"},
        {"search__namespace": "psia"},
        {"search__window_limit": 36000.0},
        {"search__mode": "utc"},
        {"search__concurrency": 1, "search__when_busy": "error"},
    ],
    ids=lambda changes: ",".join(f"{name}={value}" for name, value in changes.items()) or "plain",
)
async def test_every_dialect_finds_the_same(changes: dict[str, Any]) -> None:
    span = last(30, until=SETTLED)
    async with HikvisionSimulator(profile="nvr8") as simulator:
        async with driving(simulator) as driver:
            plain = await search(driver, 1, span)
        simulator.set_faults(**changes)
        async with driving(simulator) as driver:
            found = await search(driver, 1, span)
    assert len(plain) > 64
    assert spans(found) == spans(plain)
    assert len({segment.span.start for segment in found if segment.kind is RecordingKind.CONTINUOUS}) == len(
        [segment for segment in found if segment.kind is RecordingKind.CONTINUOUS]
    )


@pytest.mark.parametrize("mode", ["local", "utc"])
@pytest.mark.parametrize(
    ("suffix", "offset", "dst"),
    [
        ("right", -180, False),
        ("standard", 60, True),
        ("none", 120, True),
        ("right", 480, False),
        ("none", 0, True),
    ],
)
async def test_segments_are_true_in_every_zone(mode: str, suffix: str, offset: int, dst: bool) -> None:
    async with HikvisionSimulator(profile="nvr8", utc_offset=offset, dst=dst, channels=2) as simulator:
        simulator.set_faults(search__mode=mode, clock__suffix=suffix)
        now = datetime.now(UTC)
        moving = Incident(1, Kind.MOTION, now - timedelta(seconds=9), now + timedelta(minutes=2), "person")
        simulator.footage.add_incident(moving)
        async with driving(simulator) as driver:
            span = last(2)
            before = running(simulator, span)
            found = await search(driver, 1, span)
            ended = datetime.now(UTC)
            assert len(before) >= 2
            # A file may end while the search is under way: then either answer is right.
            growing = {segment.span.start for segment in found if segment.open}
            assert running(simulator, span) <= growing <= before
            assert all(span.end <= segment.span.end <= ended for segment in found if segment.open)
            truth = {item.start.replace(microsecond=0) for item in simulator.footage.files(1, span.start, span.end)}
            assert {segment.span.start for segment in found} == truth


@pytest.mark.parametrize("mode", ["local", "utc"])
@pytest.mark.parametrize("offset", [60, -300])
async def test_summer_time_behind_a_suffix_that_stays_in_winter(mode: str, offset: int) -> None:
    today = datetime.now(UTC)
    shift = datetime(today.year, 7, 15, 12, tzinfo=UTC) - today
    async with HikvisionSimulator(profile="nvr8", utc_offset=offset, dst=True, channels=1) as simulator:
        simulator.device.clock.shift = shift
        simulator.set_faults(search__mode=mode, clock__suffix="standard")
        async with driving(simulator, utcnow=lambda: datetime.now(UTC) + shift) as driver:
            assert driver.clock is not None
            now = datetime.now(UTC) + shift
            zone = driver.clock.current.zone
            assert now.astimezone(zone).utcoffset() == timedelta(minutes=offset, hours=1)
            assert driver.clock.current.skew == timedelta(0)
            span = TimeSpan(now - timedelta(hours=2), now)
            truth = {item.start.replace(microsecond=0) for item in simulator.footage.files(1, span.start, span.end)}
            assert {segment.span.start for segment in await search(driver, 1, span)} == truth


@pytest.mark.parametrize("mode", ["local", "utc"])
@pytest.mark.parametrize("offset", [480, 0])
async def test_a_clock_that_stands_in_2004(mode: str, offset: int) -> None:
    skew = datetime(2004, 5, 5, 14, tzinfo=UTC) - datetime.now(UTC)
    options: dict[str, Any] = {"utc_offset": offset, "skew": skew.total_seconds(), "channels": 1}
    async with recorder(**options) as (simulator, driver):
        simulator.set_faults(search__mode=mode)
        span = last(2)
        truth = {item.start for item in simulator.footage.files(1, span.start, span.end)}
        found = sorted(segment.span.start for segment in await search(driver, 1, span))
        assert len(found) == len(truth) > 1
        assert all(abs(one - other) <= timedelta(seconds=2) for one, other in zip(found, sorted(truth), strict=True))
        assert driver.playback is not None
        assert "starttime=2004050" in (await driver.playback.request(1, span)).address.url


@pytest.mark.parametrize("mode", ["local", "utc"])
@pytest.mark.parametrize("minutes", [(-190, 190), (-50, 5), (-10, 10), (5, 55), (40, 80)])
async def test_the_hour_that_occurs_twice(mode: str, minutes: tuple[int, int]) -> None:
    now = datetime.now(UTC)
    year = now.year if now.month > 10 else now.year - 1
    sunday = next(day for day in range(31, 24, -1) if datetime(year, 10, day, tzinfo=UTC).weekday() == 6)
    change = datetime(year, 10, sunday, 1, tzinfo=UTC)
    span = TimeSpan(*(change + timedelta(minutes=one) for one in minutes))
    async with HikvisionSimulator(profile="nvr16", channels=1, days=400.0, utc_offset=60, dst=True) as simulator:
        simulator.set_faults(search__mode=mode)
        async with driving(simulator) as driver:
            found = await search(driver, 1, span)
        files = simulator.footage.files(1, span.start, span.end)
        truth = {(file.start.replace(microsecond=0), file.end.replace(microsecond=0)) for file in files}
        assert set(spans(found)) == truth


def remembered(mode: str) -> dict[str, object]:
    return {"firmware": "V4.62.210 build 230619", "quirks": {"z_mode": mode, "z_proven": True}}


@pytest.mark.parametrize("offset", [480, -180])
@pytest.mark.parametrize("mode", ["local", "utc"])
@pytest.mark.parametrize("hours", [2, 30])
async def test_a_meaning_of_z_that_no_longer_holds_is_found_out(offset: int, mode: str, hours: float) -> None:
    span = last(hours)
    async with HikvisionSimulator(profile="nvr8", channels=1, utc_offset=offset) as simulator:
        simulator.set_faults(search__mode=mode)
        wrong = remembered("utc" if mode == "local" else "local")
        async with driving(simulator, memory=wrong) as driver:
            found = await search(driver, 1, span)
            truth = {item.start.replace(microsecond=0) for item in simulator.footage.files(1, span.start, span.end)}
            assert {segment.span.start for segment in found} == truth
            assert driver.memory["quirks"]["z_mode"] == mode  # type: ignore[index]


async def test_a_meaning_of_z_that_still_holds_costs_one_search() -> None:
    async with HikvisionSimulator(profile="nvr8", channels=1, utc_offset=480) as simulator:
        async with driving(simulator, memory=remembered("local")) as driver:
            await search(driver, 1, last(1))
            assert simulator.counters.searches == 2
            await search(driver, 1, last(1))
            assert simulator.counters.searches == 3
        simulator.footage.stop_recording(1)
        simulator.footage.add_gap(1, *(datetime.now(UTC) + timedelta(hours=h) for h in (-3, 1)))
        async with driving(simulator, memory=remembered("local")) as driver:
            await search(driver, 1, last(1))
            before = simulator.counters.searches
            await search(driver, 1, last(1))
            assert simulator.counters.searches == before + 1
            assert driver.memory["quirks"]["z_mode"] == "local"  # type: ignore[index]


async def test_a_meaning_that_changes_in_the_middle_is_no_answer() -> None:
    async with HikvisionSimulator(profile="nvr8", channels=1, utc_offset=480) as simulator:
        simulator.set_faults(search__mode="utc")
        async with driving(simulator) as driver:
            assert driver.recordings is not None
            found = driver.recordings.search(1, last(30))
            await anext(found)
            simulator.set_faults(search__mode="local")
            with pytest.raises(errors.NvrResponseError):
                async for _ in found:
                    pass


def step_clock(simulator: HikvisionSimulator, by: timedelta) -> datetime:
    """Set the recorder's clock 20 minutes ago, between two files; return when the first file after that begins."""
    at = datetime.now(UTC) - timedelta(minutes=20)
    simulator.footage.add_gap(1, at - timedelta(seconds=20), at + timedelta(seconds=20))
    simulator.device.clock.step(by, at)
    return at


def begun_since(simulator: HikvisionSimulator, at: datetime) -> set[datetime]:
    files = simulator.footage.files(1, at, datetime.now(UTC))
    return {file.start.replace(microsecond=0) for file in files if file.start >= at}


# A full hour looks like summer time, and counts as such; what no zone explains is the clock's own.
STEPS = [
    *(("local", offset, minutes) for offset in (480, 60, -60, -180) for minutes in (60, 52.5)),
    *(("utc", offset, 52.5) for offset in (480, 60, 0, -60, -180)),
]


@pytest.mark.parametrize(("mode", "offset", "minutes"), STEPS)
async def test_footage_ahead_after_the_clock_was_put_back_hides_nothing_and_proves_nothing(
    mode: str, offset: int, minutes: float
) -> None:
    async with HikvisionSimulator(profile="nvr8", channels=1, utc_offset=offset) as simulator:
        simulator.set_faults(search__mode=mode)
        async with driving(simulator) as driver:
            assert driver.clock is not None
            await search(driver, 1, last(3))
            known = driver.memory["quirks"]
            assert not offset or known["z_mode"] == mode  # type: ignore[index]
            at = step_clock(simulator, timedelta(minutes=-minutes))
            # The rest of the day is asked for, too: that is where it shows.
            await driver.clock.read()
            for _ in range(2):
                found = {segment.span.start for segment in await search(driver, 1, last(3, until=-2))}
                assert begun_since(simulator, at) <= found
                assert found > begun_since(simulator, at)
            assert not offset or driver.memory["quirks"]["z_mode"] == mode  # type: ignore[index]
            before = simulator.counters.requests
            await search(driver, 1, last(3, until=-2))
            assert simulator.counters.requests == before + 1


@pytest.mark.parametrize(("mode", "offset", "minutes"), STEPS)
async def test_a_clock_put_forward_since_it_was_read_is_read_again(mode: str, offset: int, minutes: float) -> None:
    async with HikvisionSimulator(profile="nvr8", channels=1, utc_offset=offset) as simulator:
        simulator.set_faults(search__mode=mode)
        async with driving(simulator) as driver:
            assert driver.clock is not None
            assert driver.recordings is not None
            await search(driver, 1, last(3))
            reading = driver.recordings.reading
            before, at = driver.clock.current, step_clock(simulator, timedelta(minutes=minutes))
            found = {segment.span.start for segment in await search(driver, 1, last(3, until=-2))}
            now = datetime.now(UTC)
            moved = driver.clock.current.to_wall(now) - before.to_wall(now)
            assert abs(moved - timedelta(minutes=minutes)) <= timedelta(seconds=2)
            assert begun_since(simulator, at) <= found
            assert driver.recordings.reading == reading


async def test_a_clock_that_cannot_be_read_again_leaves_the_search_its_answer() -> None:
    async with recorder(channels=1, utc_offset=-180) as (simulator, driver):
        assert driver.clock is not None
        await search(driver, 1, last(3))
        step_clock(simulator, timedelta(minutes=-52.5))
        known = await driver.clock.read()
        simulator.faults.paths["/ISAPI/System/time"] = PathFault(status=503, code=2, sub="deviceBusy")
        assert await search(driver, 1, last(3))
        assert driver.clock.current == known


async def test_an_unknown_track_is_not_an_empty_one() -> None:
    async with recorder(channels=2) as (simulator, driver):
        simulator.device.remove_channel(2)
        with pytest.raises(errors.NvrNotFoundError):
            await search(driver, 2, last(1))
        assert await search(driver, 1, last(1))


async def test_the_total_cap_of_one_search_is_passed(monkeypatch: pytest.MonkeyPatch) -> None:
    span = last(30, until=SETTLED)
    async with recorder() as (simulator, driver):
        plain = await search(driver, 1, span)
        simulator.set_faults(search__total_cap=60)
        monkeypatch.setattr(paging, "TOTAL_CAP", 60)
        assert spans(await search(driver, 1, span)) == spans(plain)


async def test_kinds_are_filtered_by_the_recorder_or_here() -> None:
    span = last(30, until=SETTLED)
    wanted = frozenset({RecordingKind.MOTION})
    async with HikvisionSimulator(profile="nvr8") as simulator, driving(simulator) as driver:
        every = [item for item in await search(driver, 1, span) if item.kind in wanted]
        assert every
        for types in ("filter", "error", "nomatches", "ignore"):
            simulator.set_faults(search__types=types)
            async with driving(simulator) as fresh:
                assert spans(await search(fresh, 1, span, kinds=wanted)) == spans(every)
        both = frozenset({RecordingKind.MOTION, RecordingKind.CONTINUOUS})
        assert {item.kind for item in await search(driver, 1, span, kinds=both)} == both


async def test_a_recorder_that_refuses_searches_says_so() -> None:
    async with recorder() as (simulator, driver):
        with pytest.raises(errors.NvrNotFoundError):
            await search(driver, 99, last(1))
        with pytest.raises(errors.NvrUnsupportedError):
            await search(driver, 1, last(1), role=StreamRole.SUB)
        await search(driver, 1, last(1))
        simulator.set_faults(search__status=403)
        with pytest.raises((errors.NvrPermissionError, errors.NvrUnsupportedError)):
            await search(driver, 1, last(1))


async def test_search_handles_are_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    async with recorder() as (simulator, driver):
        await search(driver, 1, last(1))
        simulator.set_faults(search__handles=0, search__strict_handles=True)
        waits: list[float] = []

        async def sleep(seconds: float) -> None:
            waits.append(seconds)
            if len(waits) == 2:
                simulator.set_faults(search__handles=16)

        source = driver.recordings
        assert isinstance(source, recordings_module.Recordings)
        monkeypatch.setattr(source, "_sleep", sleep)
        monkeypatch.setattr(driver._context.client.transport.gate, "pause", lambda *_: None)
        assert await search(driver, 1, last(1))
        assert len(waits) == 2


async def test_a_search_that_is_left_leaves_nothing() -> None:
    async with recorder() as (simulator, driver):
        source = driver.recordings
        assert source is not None
        async for _ in source.search(1, last(48)):
            break
        simulator.set_faults(search__latency_ms=2000.0)
        task = asyncio.ensure_future(search(driver, 1, last(48)))
        await asyncio.sleep(0.1)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        simulator.set_faults(search__latency_ms=0.0)
        await asyncio.sleep(0.05)
        assert await search(driver, 2, last(1))


@pytest.mark.parametrize("calendar", ["ok", "404", "400"])
async def test_days(calendar: str) -> None:
    async with HikvisionSimulator(profile="nvr8", days=4.0) as simulator:
        async with driving(simulator) as driver:
            assert driver.recordings is not None
            assert driver.clock is not None
            today = driver.clock.current.date_of(datetime.now(UTC))
            truth = await driver.recordings.day_map(1, today.year, today.month)
        simulator.set_faults(search__calendar=calendar)
        async with driving(simulator) as driver:
            assert driver.recordings is not None
            assert await driver.recordings.day_map(1, today.year, today.month) == truth
            assert today.day in truth.days
            assert (await driver.recordings.day_map(1, today.year + 1, 1)).days == frozenset()


async def test_a_calendar_that_fails_once_is_asked_again() -> None:
    path = "/ISAPI/ContentMgmt/record/tracks/*/dailyDistribution"
    async with recorder(channels=2) as (simulator, driver):
        assert driver.recordings is not None
        today = datetime.now(UTC)
        truth = await driver.recordings.day_map(1, today.year, today.month)
        for fault in (PathFault(kind="garbage", count=1), PathFault(status=500, code=3, sub="deviceError", count=1)):
            simulator.faults.paths[path] = fault
            assert await driver.recordings.day_map(1, today.year, today.month) == truth
            before = simulator.counters.requests
            assert await driver.recordings.day_map(1, today.year, today.month) == truth
            assert simulator.counters.requests == before + 1
        simulator.device.remove_channel(2)
        with pytest.raises(errors.NvrNotFoundError):
            await driver.recordings.day_map(2, today.year, today.month)
        before = simulator.counters.requests
        await driver.recordings.day_map(1, today.year, today.month)
        assert simulator.counters.requests == before + 1


async def test_playback_addresses_are_in_the_recorders_own_time() -> None:
    async with HikvisionSimulator(profile="nvr8", utc_offset=480, skew=90.0) as simulator:
        for mode, offset in (("local", timedelta(hours=8, seconds=90)), ("utc", timedelta(seconds=90))):
            simulator.set_faults(search__mode=mode)
            async with driving(simulator) as driver:
                assert driver.playback is not None
                span = last(2, 1)
                request = await driver.playback.request(3, span)
                assert abs(request.wire_offset - offset) <= timedelta(seconds=2)
                wire = (span.start + request.wire_offset).strftime("%Y%m%dT%H%M%SZ")
                assert f":{simulator.rtsp_port}/Streaming/tracks/301/?starttime={wire}&endtime=" in request.address.url
                assert "nvr-test-pass" not in repr(request)
                with pytest.raises(errors.NvrNotFoundError):
                    await driver.playback.request(99, span)


@pytest.mark.parametrize(("search_mode", "playback_mode"), [("utc", "local"), ("local", "utc"), ("local", "local")])
@pytest.mark.parametrize("offset", [480, -180])
async def test_playback_may_follow_another_rule_than_search(search_mode: str, playback_mode: str, offset: int) -> None:
    options: dict[str, Any] = {"channels": 1, "utc_offset": offset, "main_size": (320, 180), "h264_only": True}
    async with HikvisionSimulator(profile="nvr8", **options) as simulator:
        simulator.set_faults(search__mode=search_mode, search__playback_mode=playback_mode)
        async with driving(simulator) as driver:
            span = last(1.1, 1)
            await search(driver, 1, span)
            assert driver.memory["quirks"]["playback_z"] == playback_mode  # type: ignore[index]
            memory = dict(driver.memory)
        async with driving(simulator, memory=memory) as driver:
            assert driver.playback is not None
            session = await RtspSession.open(await driver.playback.request(1, span), driver.guard)
            try:
                (first, *_) = await session.read()
                shown = read_timecode(decoded(session, first))
            finally:
                await session.close()
            assert shown is not None
            # At the key frame before the asked moment, and dated as the picture itself says.
            assert timedelta(0) <= span.start - shown.time <= timedelta(seconds=3)
            assert abs(to_datetime(first.time) - shown.time) <= timedelta(seconds=0.2)


def decoded(session: RtspSession, sample: Sample) -> Any:
    """Return the grey picture of a key frame."""
    codec = av.CodecContext.create("h264", "r")
    assert isinstance(codec, av.VideoCodecContext)
    data, stream = sample.data, b""
    while data:
        size = int.from_bytes(data[:4])
        stream, data = stream + b"\0\0\0\1" + data[4 : 4 + size], data[4 + size :]
    (frame,) = [*codec.decode(av.Packet(stream)), *codec.decode(None)]
    return frame.to_ndarray(format="gray")


async def fetch(driver: HikvisionDriver, segment: RecordingSegment) -> tuple[Container, int]:
    assert driver.downloads is not None
    received = 0
    async with driver.downloads.open(segment) as download:
        async for chunk in download:
            received += len(chunk)
        assert download.size in {None, received}
        return download.container, received


async def short(driver: HikvisionDriver) -> RecordingSegment:
    """Return the shortest closed segment of the last hours."""
    found = [item for item in await search(driver, 1, last(30)) if not item.open]
    return min(found, key=lambda item: item.span.duration)


@pytest.mark.parametrize(
    ("changes", "container"),
    [
        ({}, Container.MPEG_PS),
        ({"download__verbs": "post"}, Container.MPEG_PS),
        ({"download__verbs": "query"}, Container.MPEG_PS),
        ({"download__container": "ps"}, Container.MPEG_PS),
        ({"download__container": "mp4"}, Container.MP4),
        ({"download__length": False}, Container.MPEG_PS),
        ({"search__uri_host": "10.99.99.99", "search__uri_break": True}, Container.MPEG_PS),
        ({"download__by_name": False, "download__by_time": True, "download__need_size": False}, Container.MPEG_PS),
    ],
    ids=str,
)
async def test_download_dialects(changes: dict[str, Any], container: Container) -> None:
    async with recorder(channels=2) as (simulator, driver):
        simulator.set_faults(**changes)
        segment = await short(driver)
        first = await fetch(driver, segment)
        assert first[0] is container
        assert first[1] > 1000
        before = simulator.counters.requests
        assert await fetch(driver, segment) == first
        assert simulator.counters.requests - before == 1


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"download__cut_after": 5000}, errors.NvrResponseError),
        ({"download__ok_status": 3}, errors.NvrResponseError),
        ({"download__status": 503}, errors.NvrBusyError),
        ({"download__status": 403}, errors.NvrError),
    ],
    ids=str,
)
async def test_download_faults_are_told(changes: dict[str, Any], error: type[errors.NvrError]) -> None:
    async with recorder(channels=2) as (simulator, driver):
        segment = await short(driver)
        simulator.set_faults(**changes)
        with pytest.raises(error):
            await fetch(driver, segment)
        simulator.set_faults(download__cut_after=0, download__ok_status=0, download__status=0)
        await asyncio.sleep(0.05)
        assert (await fetch(driver, segment))[1] > 1000
        assert simulator.counters.downloads_active == 0


@pytest.mark.parametrize("length", [True, False])
async def test_a_download_that_drops_before_its_first_byte_is_tried_once_more(length: bool) -> None:
    async with recorder(channels=2) as (simulator, driver):
        segment = await short(driver)
        simulator.set_faults(download__drops=1, download__length=length)
        assert (await fetch(driver, segment))[1] > 1000
        simulator.set_faults(download__drops=2)
        with pytest.raises((errors.NvrResponseError, errors.NvrUnreachableError)):
            await fetch(driver, segment)
        assert simulator.faults.download.drops == 0
        assert (await fetch(driver, segment))[1] > 1000


async def test_a_download_that_trickles_or_falls_silent_ends() -> None:
    async with recorder(channels=2) as (simulator, driver):
        segment = await short(driver)
        driver.downloads = Downloads(driver._context, idle=1.0, grace=0.5)
        simulator.set_faults(download__trickle=True)
        began = time.monotonic()
        with pytest.raises(errors.NvrTimeoutError, match="trickles"):
            await fetch(driver, segment)
        assert 0.5 <= time.monotonic() - began < 5
        simulator.set_faults(download__trickle=False, download__first_byte=20.0)
        began = time.monotonic()
        with pytest.raises(errors.NvrTimeoutError):
            await fetch(driver, segment)
        assert time.monotonic() - began < 5
        simulator.set_faults(download__first_byte=0.0)
        async with asyncio.timeout(5):
            while simulator.counters.downloads_active:
                await asyncio.sleep(0.02)


async def test_a_reader_that_takes_its_time_is_no_trickle() -> None:
    async with recorder(channels=2) as (_, driver):
        segment = await short(driver)
        _, size = await fetch(driver, segment)
        later, received = 0.0, 0
        slow = Downloads(driver._context, monotonic=lambda: time.monotonic() + later, grace=0.0)
        async with slow.open(segment) as download:
            async for chunk in download:
                received += len(chunk)
                later += 100.0
        assert received == size


async def test_a_download_right_after_another_is_tried_again() -> None:
    async with HikvisionSimulator(profile="nvr8", channels=2) as simulator, driving(simulator) as driver:
        segment = await short(driver)
        simulator.set_faults(download__fail_soon=1.0)
        await fetch(driver, segment)
        assert (await fetch(driver, segment))[1] > 1000


async def test_a_download_that_is_left_is_closed() -> None:
    async with recorder(channels=2) as (simulator, driver):
        assert driver.downloads is not None
        segment = await short(driver)
        simulator.set_faults(download__rate=20_000.0)
        async with driver.downloads.open(segment) as download:
            async for _ in download:
                break
        async with asyncio.timeout(5):
            while simulator.counters.downloads_active:
                await asyncio.sleep(0.02)


async def test_a_login_that_dies_under_way_is_renewed() -> None:
    async with recorder() as (simulator, driver):
        source = driver.recordings
        assert source is not None
        found = 0
        async for _ in source.search(1, last(30)):
            found += 1
            if found % 40 == 1:
                simulator.rotate_nonces()
        assert found > 64
        assert simulator.counters.auth_failures == 0
        assert config(simulator).username == "admin"
