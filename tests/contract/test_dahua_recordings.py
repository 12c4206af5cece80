"""Searches, calendar, playback addresses and downloads of simulated Dahua firmware in all its dialects."""

import asyncio
from datetime import UTC, date, datetime, timedelta
import io
import itertools
from typing import Any

import av
import pytest

from custom_components.nvr.core import errors
from custom_components.nvr.core.drivers.dahua import DahuaDriver
from custom_components.nvr.core.drivers.dahua.dhav import MAX_FRAME, frames
from custom_components.nvr.core.models import (
    Container,
    RecordingKind,
    RecordingSegment,
    StreamRole,
    TimeSpan,
)
from custom_components.nvr.media.rtsp.session import RtspSession
from tests.simulators.dahua.simulator import DahuaSimulator
from tests.simulators.footage import Incident, Kind
from tests.simulators.switches import PathFault

from .dahua_driver import driving, last, recorder, search

pytestmark = pytest.mark.usefixtures("socket_enabled")

SETTLED = 1.5
PROFILES = ("nvr5232", "nvr5464", "new501", "old400", "quirk200", "nv4116", "xvr", "lorex", "ipc_sd")


def spans(segments: list[RecordingSegment]) -> list[tuple[datetime, datetime]]:
    """Return the borders of closed segments."""
    return [(segment.span.start, segment.span.end) for segment in segments if not segment.open]


def cover(segments: list[RecordingSegment], span: TimeSpan) -> timedelta:
    """Return how much of a span segments cover."""
    parts = [part for segment in segments if (part := segment.span.clip(span)) is not None]
    return sum((part.duration for part in parts), timedelta())


def truth(simulator: DahuaSimulator, channel: int, span: TimeSpan) -> timedelta:
    """Return how much of a span is listed as recorded."""
    footage = simulator.footage.recorded(channel, span.start, span.end, holes=False)
    return sum((end - start for start, end in footage), timedelta())


def nothing_is_left(simulator: DahuaSimulator) -> None:
    assert simulator.counters.finders_open == 0
    assert simulator.counters.max_finders_open <= 1
    assert simulator.counters.transfers_active == 0


@pytest.mark.parametrize("profile", PROFILES)
async def test_every_firmware_lists_all_that_is_recorded(profile: str) -> None:
    span = last(30, until=SETTLED)
    async with recorder(profile) as (simulator, driver):
        found = await search(driver, 1, span)
        assert len(found) > 20
        assert abs(cover(found, span) - truth(simulator, 1, span)) <= timedelta(seconds=2 * len(found))
        assert [segment.span.start for segment in found] == sorted({segment.span.start for segment in found})
        assert all(segment.kind is not RecordingKind.UNKNOWN for segment in found)
        sub = await search(driver, 1, span, role=StreamRole.SUB)
        assert spans(sub) == spans(found)
        assert not {segment.locator for segment in sub} & {segment.locator for segment in found}
        nothing_is_left(simulator)


@pytest.mark.parametrize(
    "changes",
    [
        {"find__rpc_page_cap": 7},
        {"find__reverse": True},
        {"find__short_pages": True},
        {"rpc__null_handle": True},
        {"rpc__gone": True},
        {"rpc__gone": True, "find__end": "error"},
        {"rpc__gone": True, "find__end": "error", "find__short_pages": True, "find__page_cap": 9},
        {"rpc__gone": True, "find__reverse": True},
        {"auth__rotate": True, "rpc__gone": True},
        {"find__limit": 1},
    ],
    ids=lambda changes: ",".join(f"{name}={value}" for name, value in changes.items()),
)
async def test_every_dialect_finds_the_same(changes: dict[str, Any]) -> None:
    span = last(30, until=SETTLED)
    async with DahuaSimulator(profile="nvr5232") as simulator:
        async with driving(simulator) as driver:
            plain = await search(driver, 1, span)
        simulator.set_faults(**changes)
        async with driving(simulator) as driver:
            found = await search(driver, 1, span)
        nothing_is_left(simulator)
    assert len(plain) > 50
    assert spans(found) == spans(plain)


async def test_a_bound_is_passed_by_smaller_windows_and_told_where_it_cannot_be(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    span = last(72, until=SETTLED)
    async with recorder("nvr5232") as (simulator, driver):
        plain = await search(driver, 1, span)
        monkeypatch.setattr("custom_components.nvr.core.drivers.dahua.finder.BOUND", 12)
        assert spans(await search(driver, 1, span)) == spans(plain)
        assert driver.statistics["counters"]["searches_bounded"]  # type: ignore[index]
        monkeypatch.setattr("custom_components.nvr.core.drivers.dahua.finder.BOUND", 1)
        with pytest.raises(errors.NvrResponseError):
            await search(driver, 1, span)
        nothing_is_left(simulator)


@pytest.mark.parametrize("skew", [0.0, 420.0, -420.0])
@pytest.mark.parametrize(("offset", "dst"), [(-180, False), (60, True), (480, False), (0, True)])
async def test_segments_are_true_in_every_zone(offset: int, dst: bool, skew: float) -> None:
    options = {"utc_offset": offset, "dst": dst, "skew": skew}
    async with recorder("nvr5232", **options) as (simulator, driver):
        span = last(6)
        found = await search(driver, 1, span)
        files = simulator.footage.files(1, span.start, span.end)
        assert abs(found[0].span.start - min(file.start for file in files)) < timedelta(seconds=2)
        assert abs(cover(found, span) - truth(simulator, 1, span)) <= timedelta(seconds=3 * len(found))
        assert found[-1].open
        assert abs(found[-1].span.end - datetime.now(UTC)) < timedelta(seconds=5)
        assert not any(segment.open for segment in found[:-1])


NIGHTS = {"spring": date(2026, 3, 29), "autumn": date(2026, 10, 25)}


@pytest.mark.parametrize("way", ["rpc", "cgi"])
@pytest.mark.parametrize("night", NIGHTS)
async def test_a_night_when_clocks_change(night: str, way: str) -> None:
    async with DahuaSimulator(profile="nvr5232", days=300.0) as simulator:
        simulator.set_faults(rpc__gone=way == "cgi")
        async with driving(simulator) as driver:
            assert driver.clock is not None
            day = driver.clock.current.day(NIGHTS[night])
            assert day.duration == timedelta(hours=23 if night == "spring" else 25)
            found = await search(driver, 1, day)
            real = [
                (start.replace(microsecond=0), end.replace(microsecond=0))
                for start, end in simulator.footage.recorded(1, day.start, day.end, holes=False)
            ]
            assert abs(cover(found, day) - truth(simulator, 1, day)) <= timedelta(seconds=2 * len(found) + len(real))
            ordered = [segment.span for segment in found]
            assert ordered == sorted(ordered)
            assert all(later.start >= earlier.end for earlier, later in itertools.pairwise(ordered))
            hour = TimeSpan(day.start + timedelta(hours=1, minutes=30), day.start + timedelta(hours=2, minutes=30))
            part = await search(driver, 1, hour)
            assert abs(cover(part, hour) - truth(simulator, 1, hour)) <= timedelta(seconds=2 * len(part) + 2)
            nothing_is_left(simulator)


@pytest.mark.parametrize("way", ["rpc", "cgi"])
async def test_a_search_that_is_cancelled_anywhere_leaves_no_finder(way: str) -> None:
    span = last(72, until=SETTLED)
    async with DahuaSimulator(profile="nvr5232", latency_ms=15.0) as simulator:
        simulator.set_faults(rpc__gone=way == "cgi", find__rpc_page_cap=20, find__page_cap=20)
        async with driving(simulator) as driver:
            await search(driver, 1, last(3))
            made = simulator.counters.finders_made
            for step in range(14):
                task = asyncio.ensure_future(search(driver, 1, span))
                await asyncio.sleep(0.012 * step)
                task.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await task
                nothing_is_left(simulator)
            assert simulator.counters.finders_made > made + 5
            assert len(await search(driver, 1, span)) > 50


async def test_a_reader_who_stops_keeps_no_finder_and_nobody_waiting() -> None:
    async with recorder("nvr5232") as (simulator, driver):
        assert driver.recordings is not None
        first = driver.recordings.search(1, last(100))
        await anext(first)
        assert simulator.counters.finders_open == 0
        assert await search(driver, 2, last(3))


async def test_a_session_that_dies_in_the_middle_is_made_anew() -> None:
    span = last(72, until=SETTLED)
    async with recorder("nvr5232", latency_ms=10.0) as (simulator, driver):
        plain = await search(driver, 1, span)
        simulator.set_faults(find__rpc_page_cap=10)
        task = asyncio.ensure_future(search(driver, 1, span))
        pages = simulator.counters.search_pages
        async with asyncio.timeout(5):
            while simulator.counters.search_pages < pages + 3:
                await asyncio.sleep(0.002)
        simulator.end_sessions()
        assert spans(await task) == spans(plain)


async def test_searches_at_once_take_turns() -> None:
    async with recorder("nvr5232") as (simulator, driver):
        found = await asyncio.gather(*(search(driver, number, last(12)) for number in range(1, 7)))
        assert all(found)
        nothing_is_left(simulator)


async def test_a_channel_that_is_not_there() -> None:
    async with recorder("nvr5232") as (_, driver):
        assert driver.recordings is not None
        with pytest.raises(errors.NvrNotFoundError):
            await search(driver, 60, last(3))
        with pytest.raises(errors.NvrNotFoundError):
            await driver.recordings.day_map(60, 2026, 5)


async def test_kinds_are_told_and_filtered() -> None:
    now = datetime.now(UTC)
    async with DahuaSimulator(profile="nvr5232", incidents=0.0) as simulator:
        moment = now - timedelta(hours=2)
        # This channel records what happens only.
        simulator.footage.add_incident(Incident(4, Kind.MOTION, moment, moment + timedelta(seconds=40), "person"))
        async with driving(simulator) as driver:
            found = await search(driver, 4, last(4), kinds=frozenset({RecordingKind.MOTION}))
            assert not await search(driver, 4, last(4), kinds=frozenset({RecordingKind.CONTINUOUS}))
    assert [segment.kind for segment in found] == [RecordingKind.MOTION]
    assert found[0].span.overlaps(TimeSpan(moment, moment + timedelta(seconds=40)))


@pytest.mark.parametrize(
    ("profile", "changes", "learned"),
    [
        ("nvr5232", {}, "0"),
        ("nvr5232", {"find__calendar_base": 1}, "1"),
        ("nvr5232", {"find__calendar_wrong": True}, "none"),
        ("nvr5232", {"rpc__gone": True}, None),
        ("old400", {}, "none"),
        ("ipc_sd", {}, "0"),
    ],
)
async def test_days_with_footage(profile: str, changes: dict[str, Any], learned: str | None) -> None:
    async with DahuaSimulator(profile=profile, days=40.0) as simulator:
        now = datetime.now(UTC)
        simulator.footage.add_gap(1, now - timedelta(days=9), now - timedelta(days=6))
        simulator.set_faults(**changes)
        async with driving(simulator) as driver:
            assert driver.recordings is not None
            local = simulator.clock.device_now()
            for back in (0, 1, 5):
                first = (local.replace(day=1) - timedelta(days=30 * back)).date().replace(day=1)
                found = await driver.recordings.day_map(1, first.year, first.month)
                assert found.days == _days(simulator, 1, first), back
            assert driver.memory["quirks"].get("bitmap") == learned  # type: ignore[attr-defined]
        nothing_is_left(simulator)


def _days(simulator: DahuaSimulator, channel: int, first: date) -> set[int]:
    found, day = set(), first
    while day.month == first.month:
        start, end = simulator.clock.day_start(day), simulator.clock.day_start(day + timedelta(days=1))
        if simulator.footage.recorded(channel, start, min(end, simulator.now()), holes=False) if start < end else False:
            found.add(day.day)
        day += timedelta(days=1)
    return found


async def test_a_calendar_once_checked_costs_one_request() -> None:
    async with recorder("nvr5232") as (simulator, driver):
        assert driver.recordings is not None
        now = datetime.now(UTC)
        await driver.recordings.day_map(1, now.year, now.month)
        before = simulator.counters.requests
        await driver.recordings.day_map(2, now.year, now.month)
        assert simulator.counters.requests == before + 1


@pytest.mark.parametrize(
    ("by_time", "form"), [("playback", "playback"), ("realmonitor", "realmonitor"), ("none", "file")]
)
async def test_the_form_of_playback_is_found_out_once_and_plays(by_time: str, form: str) -> None:
    async with DahuaSimulator(profile="nvr5232") as simulator:
        simulator.set_faults(playback__by_time=by_time)
        async with driving(simulator) as driver:
            assert driver.playback is not None
            segment = next(each for each in await search(driver, 1, last(5)) if not each.open)
            start = segment.span.start + timedelta(seconds=40)
            span = TimeSpan(start, segment.span.end)
            request = await driver.playback.request(1, span)
            assert driver.memory["quirks"]["playback_form"] == form  # type: ignore[index]
            session = await RtspSession.open(request, driver.guard)
            try:
                samples = await session.read()
            finally:
                await session.close()
            assert samples
            assert abs(samples[0].time / 90_000 - start.timestamp()) < 5
            probes = driver.statistics["counters"]["playback_probes"]  # type: ignore[index]
            await driver.playback.request(1, span)
            assert driver.statistics["counters"]["playback_probes"] == probes  # type: ignore[index]


async def test_playback_of_nothing_teaches_nothing() -> None:
    async with DahuaSimulator(profile="nvr5232") as simulator, driving(simulator) as driver:
        assert driver.playback is not None
        long_ago = TimeSpan(datetime(2024, 1, 1, tzinfo=UTC), datetime(2024, 1, 1, 1, tzinfo=UTC))
        with pytest.raises(errors.NvrNotFoundError):
            await driver.playback.request(1, long_ago)
        assert "playback_form" not in driver.memory["quirks"]  # type: ignore[operator]


async def small(driver: DahuaDriver, hours: float = 120, least: int = 0) -> RecordingSegment:
    """Return the smallest closed file of a while, of at least so many bytes."""
    found = [each for each in await search(driver, 1, last(hours)) if not each.open and (each.size or 0) >= least]
    return min(found, key=lambda each: each.size or 0)


async def fetched(driver: DahuaDriver, segment: RecordingSegment) -> tuple[bytes, Container, int | None]:
    assert driver.downloads is not None
    async with driver.downloads.open(segment) as download:
        data = b"".join([chunk async for chunk in download])
        return data, download.container, download.size


def pictures(data: bytes) -> list[float]:
    """Return the moments (s) of the pictures a stranger's demuxer finds, by the recorder's wall clock."""
    with av.open(io.BytesIO(data), "r", format="dhav") as container:
        assert container.streams.video
        return [float(p.pts * p.time_base) for p in container.demux(video=0) if p.pts is not None and p.time_base]


@pytest.mark.parametrize(
    "changes",
    [
        {"file__multipart": False},
        {"file__multipart": True},
        {"file__multipart": False, "file__dhii": True},
        {"file__spelling": "encoded"},
        {"file__spelling": "raw"},
        {"file__spelling": "encoded", "file__multipart": True, "file__dhii": True},
    ],
    ids=lambda changes: ",".join(f"{name}={value}" for name, value in changes.items()),
)
async def test_a_whole_file_is_exact(changes: dict[str, Any]) -> None:
    async with DahuaSimulator(profile="nvr5232") as simulator:
        simulator.set_faults(**changes)
        async with driving(simulator) as driver:
            segment = await small(driver)
            data, container, size = await fetched(driver, segment)
            again, _, _ = await fetched(driver, segment)
        assert simulator.counters.transfers_aborted == 0
        nothing_is_left(simulator)
    assert container is Container.DHAV
    assert data == again
    places = list(frames(data))
    assert sum(found.size for found, _ in places) == len(data)
    assert size in (None, len(data))
    assert len(data) == segment.size
    assert len(pictures(data)) > 10


@pytest.mark.parametrize("seek", [0.0, -30.0, 11.0])
@pytest.mark.parametrize("preamble", ["random", "false", "none"])
async def test_a_clip_by_time_holds_what_was_asked_for(preamble: str, seek: float) -> None:
    async with DahuaSimulator(profile="old400") as simulator:
        simulator.set_faults(loadfile__preamble=preamble, loadfile__seek=seek)
        async with driving(simulator) as driver:
            found = [each for each in await search(driver, 1, last(30)) if each.span.duration > timedelta(minutes=10)]
            whole = found[0]
            start = whole.span.start + timedelta(minutes=5, seconds=13)
            span = TimeSpan(start, start + timedelta(seconds=20))
            part = RecordingSegment(1, span, whole.kind, locator=whole.locator)
            data, container, _ = await fetched(driver, part)
            assert driver.clock is not None
            wall = driver.clock.current.to_wall(start).replace(tzinfo=UTC).timestamp()
            # Clients that hang up wedge some recorders until they are rebooted.
            assert simulator.counters.transfers_aborted == 0
    assert container is Container.DHAV
    moments = pictures(data)
    assert wall - 7 <= moments[0] <= wall + 0.1
    assert wall + 15 <= moments[-1] < wall + 21


async def test_a_part_of_a_file_where_cuts_miss_comes_from_the_file() -> None:
    async with DahuaSimulator(profile="nvr5232") as simulator:
        simulator.set_faults(loadfile__seek=40.0)
        async with driving(simulator) as driver:
            whole = next(s for s in await search(driver, 1, last(30)) if s.span.duration > timedelta(minutes=5))
            start = whole.span.start + timedelta(minutes=1)
            part = RecordingSegment(
                1, TimeSpan(start, start + timedelta(seconds=15)), whole.kind, locator=whole.locator
            )
            data, _, _ = await fetched(driver, part)
            assert driver.memory["quirks"]["download_by"] == "file"  # type: ignore[index]
            assert driver.clock is not None
            wall = driver.clock.current.to_wall(start).replace(tzinfo=UTC).timestamp()
            before = simulator.counters.transfers
            assert (await fetched(driver, part))[0] == data
            assert simulator.counters.transfers == before + 1
            assert simulator.counters.transfers_aborted == 1
    assert wall - 7 <= pictures(data)[0] <= wall + 0.1


@pytest.mark.parametrize("changes", [{"loadfile__empty": 99}, {"loadfile__wedge_after": 1}])
async def test_a_cut_that_brings_nothing_is_an_error_in_words(changes: dict[str, Any]) -> None:
    async with DahuaSimulator(profile="old400") as simulator:
        simulator.set_faults(**changes)
        async with driving(simulator) as driver:
            # One that does not fit into what is on its way: then to leave it is to hang up.
            segment = await small(driver, least=12_000_000)
            assert driver.downloads is not None
            if "loadfile__wedge_after" in changes:
                async with driver.downloads.open(segment) as download:
                    await anext(aiter(download))
                await asyncio.sleep(0.1)
            with pytest.raises(errors.NvrError):
                await fetched(driver, segment)
        nothing_is_left(simulator)


async def test_a_cut_download_is_told() -> None:
    async with DahuaSimulator(profile="nvr5232") as simulator:
        async with driving(simulator) as driver:
            segment = await small(driver)
            assert segment.size is not None
            for multipart in (True, False):
                simulator.set_faults(file__cut_after=segment.size // 2, file__multipart=multipart)
                with pytest.raises(errors.NvrError):
                    await fetched(driver, segment)
        nothing_is_left(simulator)


async def test_a_download_is_held_in_one_frame_of_memory() -> None:
    async with DahuaSimulator(profile="nvr5232") as simulator, driving(simulator) as driver:
        segment = max(await search(driver, 1, last(3)), key=lambda each: each.size or 0)
        assert driver.downloads is not None
        most = total = 0
        async with driver.downloads.open(segment) as download:
            async for chunk in download:
                total += len(chunk)
                most = max(most, len(chunk), download._filter.held)  # type: ignore[attr-defined]
                if total > 40_000_000:
                    break
        assert most < MAX_FRAME / 4


async def test_a_recorder_that_reboots_during_a_search_or_a_download_is_an_error_in_words() -> None:
    async with DahuaSimulator(profile="nvr5232", latency_ms=10.0) as simulator, driving(simulator) as driver:
        segment = max(await search(driver, 1, last(30)), key=lambda each: each.size or 0)
        simulator.set_faults(find__rpc_page_cap=5, file__rate=2_000_000.0)
        searching = asyncio.ensure_future(search(driver, 1, last(72)))
        loading = asyncio.ensure_future(fetched(driver, segment))
        await asyncio.sleep(0.3)
        simulator.reboot(off_seconds=1.0)
        outcomes = await asyncio.gather(searching, loading, return_exceptions=True)
        assert isinstance(outcomes[1], errors.NvrError)
        assert isinstance(outcomes[0], errors.NvrError | list)
        async with asyncio.timeout(20):
            while True:
                try:
                    found = await search(driver, 1, last(3))
                    break
                except errors.NvrError:
                    await asyncio.sleep(0.3)
        assert found


async def test_a_refused_search_is_no_empty_list() -> None:
    async with DahuaSimulator(profile="nvr5232") as simulator, driving(simulator) as driver:
        simulator.faults.paths["mediaFileFind*"] = PathFault(status=503)
        simulator.set_faults(rpc__null_handle=True)
        with pytest.raises(errors.NvrError):
            await search(driver, 1, last(3))
