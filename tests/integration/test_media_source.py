"""Recordings in the media browser: the tree, its days, search, playback, and who sees what."""

from datetime import UTC, date, datetime, timedelta

from homeassistant.core import HomeAssistant
import pytest

from custom_components.nvr.core.models import TimeSpan
from custom_components.nvr.media_ids import ChannelId, DayId, HourId, SpanId, WholeDayId, content_id, parse
from tests.simulators.footage import Incident, Kind

from .conftest import StartSimulator, make_entry, set_up
from .footage_helpers import READ, child, person, titles
from .media_home import Browser, browser_fixture, client_fixture, recorder

__all__ = ["browser_fixture", "client_fixture"]


def last_sunday(month: int, before: date) -> date:
    """Return the last Sunday of a month, of the year in which it was last: European clocks change on it."""
    for year in (before.year, before.year - 1):
        day = date(year, month, 31)
        while day.weekday() != 6:
            day -= timedelta(days=1)
        if day < before:
            return day
    raise AssertionError


async def test_tree_leads_from_recorder_to_segment(
    hass: HomeAssistant, browser: Browser, start_simulator: StartSimulator
) -> None:
    await recorder(hass, start_simulator)
    media = await browser()
    root = await media.open()
    assert titles(root) == ["Test NVR"]
    assert root["can_search"]
    channels = await media.path("Test NVR")
    assert titles(channels) == ["Front door", "Driveway"]
    days = await media.path("Test NVR", "Front door")
    shown = [title for title in titles(days) if not title.startswith("Earlier")]
    assert shown[0].startswith("Today, ")
    assert shown[1].startswith("Yesterday, ")
    ids = [parse(item["media_content_id"].removeprefix("media-source://nvr/")) for item in days["children"][:-1]]
    dates = [media_id.day for media_id in ids if isinstance(media_id, DayId)]
    assert dates == sorted(dates, reverse=True)
    assert len(dates) == 9
    yesterday = await media.path("Test NVR", "Front door", "Yesterday")
    assert titles(yesterday)[0] == "All day"
    assert {item["title"].partition(" ")[0] for item in yesterday["children"][1:4]} == {
        "Continuous",
        "Motion",
        "Detection",
    }
    assert [item["can_play"] for item in yesterday["children"][:4]] == [True, False, False, False]
    hours = yesterday["children"][4:]
    assert [item["title"] for item in hours] == [f"{hour:02d}:00 \u2013 {hour + 1:02d}:00" for hour in range(24)]
    assert all(item["can_play"] and item["can_expand"] for item in hours)


async def test_kind_lists_exactly_the_files_of_that_kind(
    hass: HomeAssistant, browser: Browser, start_simulator: StartSimulator
) -> None:
    simulator, _ = await recorder(hass, start_simulator)
    day = simulator.clock.date_of(simulator.now()) - timedelta(days=1)
    start, end = simulator.clock.day_start(day), simulator.clock.day_start(day + timedelta(days=1))
    files = simulator.footage.files(1, start, end, [Kind.MOTION])
    node = await (await browser()).path("Test NVR", "Front door", "Yesterday", "Motion")
    assert len(node["children"]) == len(files) > 10
    for item, file in zip(node["children"], files, strict=True):
        media_id = parse(item["media_content_id"].removeprefix("media-source://nvr/"))
        assert isinstance(media_id, SpanId)
        assert media_id.span == TimeSpan(max(file.start, start), min(file.end, end)) or (
            abs(media_id.span.start - file.start) < timedelta(seconds=1)
        )


async def test_hour_without_footage_is_left_out_and_running_segment_is_marked(
    hass: HomeAssistant, browser: Browser, start_simulator: StartSimulator
) -> None:
    simulator = await start_simulator(channels=1)
    now = simulator.now()
    day = simulator.clock.date_of(now) - timedelta(days=1)
    start = simulator.clock.day_start(day)
    simulator.footage.add_gap(1, start + timedelta(hours=5), start + timedelta(hours=8))
    await set_up(hass, make_entry(simulator))
    media = await browser()
    yesterday = await media.path("Test NVR", "Front door", "Yesterday")
    hours = [title[:2] for title in titles(yesterday) if "\u2013" in title]
    assert hours == [f"{hour:02d}" for hour in range(24) if hour not in {5, 6, 7}]
    today = await media.path("Test NVR", "Front door", "Today", "Continuous")
    assert "still recording" in titles(today)[-1]
    assert not [title for title in titles(today)[:-1] if "still recording" in title]
    last = parse(today["children"][-1]["media_content_id"].removeprefix("media-source://nvr/"))
    assert isinstance(last, SpanId)
    assert last.span.end <= simulator.now()


@pytest.mark.parametrize(("month", "count"), [(3, 23), (10, 25)])
async def test_day_on_which_the_recorders_clock_changes_has_its_hours(
    hass: HomeAssistant, browser: Browser, start_simulator: StartSimulator, month: int, count: int
) -> None:
    # Home Assistant stands in California, the recorder in Madrid.
    await hass.config.async_set_time_zone("America/Los_Angeles")
    day = last_sunday(month, datetime.now(UTC).date())
    simulator, entry = await recorder(
        hass, start_simulator, channels=1, days=400.0, utc_offset=60, dst=True, rtsp=False
    )
    node = await (await browser()).open(content_id(DayId(ChannelId(entry.entry_id, 1), day)))
    hours = [item for item in node["children"] if "\u2013" in item["title"]]
    assert len(hours) == count
    spans = [parse(item["media_content_id"].removeprefix("media-source://nvr/")) for item in hours]
    starts = [media_id.span.start for media_id in spans if not isinstance(media_id, DayId)]  # type: ignore[union-attr]
    assert starts == [starts[0] + timedelta(hours=number) for number in range(count)]
    assert starts[0] == simulator.clock.day_start(day)
    shown = [item["title"] for item in hours]
    assert len(set(shown)) == count
    if month == 10:
        assert [title for title in shown if title.startswith("02:00")] == [
            "02:00 \u2013 03:00 (UTC+2)",
            "02:00 \u2013 03:00 (UTC+1)",
        ]
    else:
        assert not [title for title in shown if title.startswith("02:")]


async def test_days_are_the_recorders_own(
    hass: HomeAssistant, browser: Browser, start_simulator: StartSimulator
) -> None:
    await hass.config.async_set_time_zone("America/Los_Angeles")
    simulator, entry = await recorder(hass, start_simulator, channels=1, utc_offset=840, dst=False, rtsp=False)
    today = simulator.clock.date_of(simulator.now())
    media = await browser()
    days = await media.path("Test NVR", "Front door")
    first = parse(days["children"][0]["media_content_id"].removeprefix("media-source://nvr/"))
    assert first == DayId(ChannelId(entry.entry_id, 1), today)
    yesterday = await media.path("Test NVR", "Front door", "Yesterday")
    span = parse(child(yesterday, "00:00")["media_content_id"].removeprefix("media-source://nvr/")).span  # type: ignore[union-attr]
    assert span.start == datetime.combine(today - timedelta(days=1), datetime.min.time(), UTC) - timedelta(hours=14)


async def test_months_lead_back(hass: HomeAssistant, browser: Browser, start_simulator: StartSimulator) -> None:
    await recorder(hass, start_simulator, channels=1, days=120.0, rtsp=False)
    media = await browser()
    node = await media.path("Test NVR", "Front door", "Earlier")
    assert len(node["children"]) >= 29
    older = await media.open(child(node, "Earlier")["media_content_id"])
    assert older["title"] != node["title"]
    assert len(titles(older)) > 20


async def test_folder_shows_no_more_than_a_page_holds(
    hass: HomeAssistant, browser: Browser, start_simulator: StartSimulator
) -> None:
    simulator = await start_simulator(channels=1)
    start = simulator.clock.day_start(simulator.clock.date_of(simulator.now()) - timedelta(days=1))
    for number in range(700):
        begin = start + timedelta(seconds=100 * number + 10)
        simulator.footage.add_incident(Incident(1, Kind.ALARM, begin, begin + timedelta(seconds=20), "car"))
    await set_up(hass, make_entry(simulator))
    node = await (await browser()).path("Test NVR", "Front door", "Yesterday", "Alarm (")
    assert len(node["children"]) == 500
    assert node["not_shown"] >= 150


async def test_recorder_that_is_away_is_told_while_browsing_and_resolving(
    hass: HomeAssistant, browser: Browser, start_simulator: StartSimulator
) -> None:
    simulator, entry = await recorder(hass, start_simulator, rtsp=False)
    await simulator.power_off()
    media = await browser()
    channel = ChannelId(entry.entry_id, 1)
    now = simulator.now()
    span = SpanId(channel, TimeSpan(now - timedelta(hours=2), now - timedelta(hours=1)))
    assert "Test NVR" in await media.refusal("browse_media", content_id(channel))
    assert "Test NVR" in await media.refusal("resolve_media", content_id(span))


async def test_unloaded_recorder_is_told(
    hass: HomeAssistant, browser: Browser, start_simulator: StartSimulator
) -> None:
    _, entry = await recorder(hass, start_simulator, rtsp=False)
    await hass.config_entries.async_unload(entry.entry_id)
    media = await browser()
    assert "Test NVR is not ready" in await media.refusal("browse_media", content_id(ChannelId(entry.entry_id, 1)))


async def test_person_sees_and_plays_only_the_cameras_he_may_read(
    hass: HomeAssistant, browser: Browser, start_simulator: StartSimulator
) -> None:
    _, entry = await recorder(hass, start_simulator, rtsp=False)
    guest = await person(hass, {"entities": {"entity_ids": {"camera.front_door": READ}}})
    media, admin = await browser(guest), await browser()
    assert titles(await media.path("Test NVR")) == ["Front door"]
    hour = child(await media.path("Test NVR", "Front door", "Yesterday"), "06:00")
    assert (await media.resolve(hour["media_content_id"])).startswith("/api/nvr/vod/")
    denied = child(await admin.path("Test NVR", "Driveway", "Yesterday"), "06:00")["media_content_id"]
    assert "You may not see the recordings of Driveway" in await media.refusal("browse_media", denied)
    assert "You may not see the recordings of Driveway" in await media.refusal("resolve_media", denied)
    assert [item["title"] for item in await media.find("d")] == ["Front door"]
    assert (
        "You may not"
        in (await media.ask("search_media", content_id(ChannelId(entry.entry_id, 2)), search_query="today"))["error"][
            "message"
        ]
    )


async def test_person_without_any_camera_sees_no_recorder(
    hass: HomeAssistant, browser: Browser, start_simulator: StartSimulator
) -> None:
    _, entry = await recorder(hass, start_simulator, rtsp=False)
    nobody = await person(hass, {"entities": {"domains": {"light": READ}}}, "nobody")
    media = await browser(nobody)
    assert titles(await media.open()) == []
    await hass.config_entries.async_unload(entry.entry_id)
    assert titles(await media.open()) == []
    assert titles(await (await browser()).open()) == ["Test NVR"]


async def test_titles_are_in_the_language_of_home_assistant(
    hass: HomeAssistant, browser: Browser, start_simulator: StartSimulator
) -> None:
    hass.config.language = "es"
    await recorder(hass, start_simulator, rtsp=False)
    node = await (await browser()).path("Test NVR", "Front door", "Ayer")
    assert titles(node)[0] == "Todo el d\u00eda"
    assert titles(node)[2].startswith("Movimiento (")


async def test_hour_opens_into_its_segments_and_shows_nothing_of_another_day(
    hass: HomeAssistant, browser: Browser, start_simulator: StartSimulator
) -> None:
    simulator, _ = await recorder(hass, start_simulator, rtsp=False)
    start = simulator.clock.day_start(simulator.clock.date_of(simulator.now()) - timedelta(days=1))
    media = await browser()
    node = await media.path("Test NVR", "Front door", "Yesterday", "00:00")
    assert node["title"] == "00:00 \u2013 01:00"
    assert titles(node)[0] == "Whole hour"
    files = simulator.footage.files(1, start, start + timedelta(hours=1))
    assert len(node["children"]) == 1 + len(files)
    ids = [parse(item["media_content_id"].removeprefix("media-source://nvr/")) for item in node["children"]]
    assert min(media_id.span.start for media_id in ids if isinstance(media_id, SpanId)) == start
    part = await media.open(node["children"][1]["media_content_id"])
    assert part["can_play"]


async def test_day_and_hour_without_footage_are_empty(
    hass: HomeAssistant, browser: Browser, start_simulator: StartSimulator
) -> None:
    simulator, entry = await recorder(hass, start_simulator, rtsp=False)
    long_ago = simulator.clock.date_of(simulator.now()) - timedelta(days=60)
    channel = ChannelId(entry.entry_id, 1)
    start = simulator.clock.day_start(long_ago)
    media = await browser()
    assert titles(await media.open(content_id(DayId(channel, long_ago)))) == []
    assert titles(await media.open(content_id(HourId(channel, TimeSpan(start, start + timedelta(hours=1)))))) == []
    assert await media.find(long_ago.isoformat(), content_id(channel)) == []


async def test_recorder_that_was_off_when_home_assistant_started_is_told(
    hass: HomeAssistant, browser: Browser, start_simulator: StartSimulator
) -> None:
    simulator, entry = await recorder(hass, start_simulator, rtsp=False)
    await hass.config_entries.async_unload(entry.entry_id)
    await simulator.power_off()
    await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done()
    media = await browser()
    assert titles(await media.path("Test NVR")) == ["Front door", "Driveway"]
    channel = ChannelId(entry.entry_id, 1)
    day = DayId(channel, simulator.clock.date_of(simulator.now()))
    assert "Nothing answers at Test NVR" in await media.refusal("browse_media", content_id(channel))
    assert "Nothing answers at Test NVR" in await media.refusal("resolve_media", content_id(WholeDayId(day)))
    assert "could not be searched" in (await media.find("yesterday"))[0]["title"]
    answer = await hass.services.async_call(
        "nvr", "search_recordings", {"entity_id": "camera.front_door"}, blocking=True, return_response=True
    )
    assert answer is not None
    assert answer["cameras"] == {}
    assert answer["next"] is None
    assert "Nothing answers at Test NVR" in str(answer["errors"])
