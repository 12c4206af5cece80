"""The search of the media browser: cameras, days, times and kinds by what was typed."""

from datetime import timedelta

from homeassistant.core import HomeAssistant
import pytest

from custom_components.nvr.core.models import TimeSpan
from custom_components.nvr.media_ids import ChannelId, DayId, SpanId, content_id, parse
from tests.simulators.footage import Kind

from .conftest import StartSimulator, make_entry, set_up
from .media_home import Browser, browser_fixture, client_fixture, recorder

__all__ = ["browser_fixture", "client_fixture"]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("front", ["Front door"]),
        ("DRIVEWAY", ["Driveway"]),
        ("nobody", []),
        ("yesterday", ["Front door: ", "Driveway: "]),
        ("ayer driveway", ["Driveway: "]),
        ("yesterday 14:00", ["Front door: ", "Driveway: "]),
    ],
)
async def test_search_finds_cameras_days_and_times(
    hass: HomeAssistant, browser: Browser, start_simulator: StartSimulator, text: str, found: list[str]
) -> None:
    await recorder(hass, start_simulator, rtsp=False)
    results = await (await browser()).find(text)
    assert [bool(item["title"].startswith(start)) for item, start in zip(results, found, strict=True)] == [True] * len(
        found
    )


async def test_search_for_a_kind_finds_the_segments_of_that_time(
    hass: HomeAssistant, browser: Browser, start_simulator: StartSimulator
) -> None:
    simulator, entry = await recorder(hass, start_simulator, rtsp=False)
    start = simulator.clock.day_start(simulator.clock.date_of(simulator.now()) - timedelta(days=1))
    begin, end = start + timedelta(hours=8), start + timedelta(hours=12)
    files = simulator.footage.files(1, begin, end, [Kind.MOTION])
    node = content_id(ChannelId(entry.entry_id, 1))
    results = await (await browser()).find("motion yesterday 8:00-12:00", node)
    assert len(results) == len(files) > 2
    assert all(item["can_play"] and "Motion" in item["title"] for item in results)


async def test_search_in_a_day_finds_what_is_of_that_day(
    hass: HomeAssistant, browser: Browser, start_simulator: StartSimulator
) -> None:
    simulator, entry = await recorder(hass, start_simulator, rtsp=False)
    day = simulator.clock.date_of(simulator.now()) - timedelta(days=3)
    start = simulator.clock.day_start(day)
    media, node = await browser(), content_id(DayId(ChannelId(entry.entry_id, 1), day))
    by_kind = await media.find("motion", node)
    files = simulator.footage.files(1, start, simulator.clock.day_start(day + timedelta(days=1)), [Kind.MOTION])
    assert len(by_kind) == len(files) > 5
    (at,) = await media.find("14:00", node)
    assert parse(at["media_content_id"].removeprefix("media-source://nvr/")) == SpanId(
        ChannelId(entry.entry_id, 1), TimeSpan(start + timedelta(hours=14), start + timedelta(hours=15))
    )
    (other,) = await media.find("yesterday", node)
    assert parse(other["media_content_id"].removeprefix("media-source://nvr/")) == DayId(
        ChannelId(entry.entry_id, 1), day + timedelta(days=2)
    )


@pytest.mark.parametrize("text", ["9999-12-31", "0001-01-01", "motion 31.12.9999", "1 january 2200 14:00"])
async def test_search_for_a_day_that_cannot_be_is_told_in_words(
    hass: HomeAssistant, browser: Browser, start_simulator: StartSimulator, text: str
) -> None:
    await recorder(hass, start_simulator, rtsp=False)
    (told,) = await (await browser()).find(text)
    assert "Test NVR could not be searched" in told["title"]
    assert "the year must be from 1970 to 2199" in told["title"]


async def test_search_tells_which_recorder_could_not_be_searched(
    hass: HomeAssistant, browser: Browser, start_simulator: StartSimulator
) -> None:
    simulator, _ = await recorder(hass, start_simulator, rtsp=False)
    other = await start_simulator(channels=1, number=2)
    await set_up(hass, make_entry(other))
    await simulator.power_off()
    media = await browser()
    results = await media.find("yesterday")
    assert "could not be searched" in results[0]["title"]
    assert [item["title"].startswith("Front door: ") for item in results[1:]] == [True]
    await other.power_off()
    nothing_else = await media.find("monday")
    assert len(nothing_else) == 2
    assert all("could not be searched" in item["title"] for item in nothing_else)


async def test_search_for_a_kind_without_a_day_looks_back_24_hours(
    hass: HomeAssistant, browser: Browser, start_simulator: StartSimulator
) -> None:
    simulator, entry = await recorder(hass, start_simulator, rtsp=False)
    files = simulator.footage.files(1, simulator.now() - timedelta(hours=24), simulator.now(), [Kind.SMART])
    results = await (await browser()).find("detections", content_id(ChannelId(entry.entry_id, 1)))
    assert len(results) == len(files) > 5
