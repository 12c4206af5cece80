"""Recordings in the media browser: the tree, its days, search, playback, and who sees what."""

from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

from aiohttp.test_utils import TestClient
from homeassistant.auth.models import User
from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry, async_capture_events
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator, WebSocketGenerator

from custom_components.nvr.core.models import TimeSpan
from custom_components.nvr.media_ids import ChannelId, DayId, HourId, SpanId, WholeDayId, content_id, parse
from tests.contract.media.rig import late_tones
from tests.simulators.footage import Incident, Kind
from tests.simulators.hikvision import HikvisionSimulator

from .conftest import StartSimulator, make_entry, set_up
from .footage_helpers import READ, MediaBrowser, Player, child, person, titles, token_of

type Client = TestClient[Any, Any]
type Browser = Callable[..., Awaitable[MediaBrowser]]


@pytest.fixture(name="browser")
async def browser_fixture(hass: HomeAssistant, hass_ws_client: WebSocketGenerator) -> Browser:
    """Open the media browser, as the administrator or as somebody else."""
    assert await async_setup_component(hass, "media_source", {})
    assert await async_setup_component(hass, "nvr", {})

    async def login(user: User | None = None) -> MediaBrowser:
        if user is None:
            return MediaBrowser(await hass_ws_client(hass))
        return MediaBrowser(await hass_ws_client(hass, await token_of(hass, user)))

    return login


@pytest.fixture(name="client")
async def client_fixture(hass: HomeAssistant, browser: Browser, hass_client_no_auth: ClientSessionGenerator) -> Client:
    """Somebody who sends no login, as players do."""
    return await hass_client_no_auth()


async def recorder(
    hass: HomeAssistant, start_simulator: StartSimulator, **options: object
) -> tuple[HikvisionSimulator, MockConfigEntry]:
    simulator = await start_simulator(**{"channels": 2, "rtsp": True, **options})
    simulator.rtsp.faults.delivery = 20.0
    entry = make_entry(simulator)
    await set_up(hass, entry)
    return simulator, entry


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


async def test_item_plays_the_asked_time_also_after_a_far_seek(
    hass: HomeAssistant,
    browser: Browser,
    client: Client,
    start_simulator: StartSimulator,
) -> None:
    await recorder(hass, start_simulator)
    media = await browser()
    hour = child(await media.path("Test NVR", "Front door", "Yesterday"), "06:00")
    span = parse(hour["media_content_id"].removeprefix("media-source://nvr/")).span  # type: ignore[union-attr]
    player = Player(client, await media.resolve(hour["media_content_id"]))
    segments = await player.segments()
    assert sum(length for _, length in segments) == pytest.approx(3600, abs=0.001)
    at = 0.0
    for number, (name, length) in enumerate(segments):
        if number in {0, 1, len(segments) // 2}:
            shown = [(time, code) for time, code in await player.frames(name) if time >= at - 0.001]
            assert len(shown) == pytest.approx(length * 10, abs=1)
            for time, code in shown:
                assert code.channel == 1
                assert abs((code.time - span.start).total_seconds() - time) <= 0.1
        at += length


async def test_h265_recording_offers_its_sub_track_to_players_that_cannot_decode_it(
    hass: HomeAssistant,
    browser: Browser,
    client: Client,
    start_simulator: StartSimulator,
) -> None:
    simulator = await start_simulator(channels=2, rtsp=True)
    simulator.set_faults(search__sub_tracks=True)
    entry = make_entry(simulator)
    hub = await set_up(hass, entry)
    assert hub.driver.capabilities.sub_track
    media = await browser()
    hour = child(await media.path("Test NVR", "Driveway", "Yesterday"), "06:00")
    started, stopped = (async_capture_events(hass, f"nvr_stream_{edge}") for edge in ("started", "stopped"))
    player = Player(client, await media.resolve(hour["media_content_id"]))
    codecs = [line for line in (await player.master()).splitlines() if "CODECS" in line]
    assert ["hvc1" in line for line in codecs] == [True, False]
    for playlist in ("video-1.m3u8", "video.m3u8"):
        (name, _), *_ = await player.segments(playlist)
        assert {code.channel for _, code in await player.frames(name)} == {2}
        assert simulator.rtsp.counters.sessions_open["playback"] == 1
    # Whoever turns to the other stream still watches the same recording.
    await hass.async_block_till_done()
    assert (len(started), len(stopped)) == (1, 0)


async def test_h265_recording_without_a_sub_track_is_left_to_the_player(
    hass: HomeAssistant, browser: Browser, client: Client, start_simulator: StartSimulator
) -> None:
    await recorder(hass, start_simulator)
    media = await browser()
    hour = child(await media.path("Test NVR", "Driveway", "Yesterday"), "06:00")
    player = Player(client, await media.resolve(hour["media_content_id"]))
    assert (await player.master()).count('CODECS="hvc1.') == 2
    (name, _), *_ = await player.segments()
    assert {code.channel for _, code in await player.frames(name)} == {2}


async def test_recording_is_heard_at_the_moment_it_shows(
    hass: HomeAssistant, browser: Browser, client: Client, start_simulator: StartSimulator
) -> None:
    _, entry = await recorder(hass, start_simulator, channels=4)
    media = await browser()
    for channel in (3, 4):  # they send AAC and G.711
        name = entry.runtime_data.hub.channel(channel).name
        hour = child(await media.path("Test NVR", name, "Yesterday"), "06:00")
        player = Player(client, await media.resolve(hour["media_content_id"]))
        segments = await player.segments()
        assert ',mp4a.40.2"' in await player.master()
        for piece, length in (segments[0], segments[len(segments) // 2]):
            frames = await player.frames(piece)
            origin = frames[0][1].time - timedelta(seconds=frames[0][0])
            # A tone that is cut by the begin of a segment fades in when that is played alone.
            tones = [tone for tone in await player.tones(piece) if tone.at > frames[0][0] + 0.13]
            assert len(tones) == pytest.approx(length, abs=1.1)
            assert max(map(abs, late_tones(tones, origin, channel))) <= 0.13


async def test_what_cannot_be_played_is_refused_in_words(
    hass: HomeAssistant, browser: Browser, start_simulator: StartSimulator
) -> None:
    simulator, entry = await recorder(hass, start_simulator, rtsp=False)
    channel = ChannelId(entry.entry_id, 1)
    now = simulator.now()
    simulator.footage.add_gap(1, now - timedelta(hours=30), now - timedelta(hours=29))

    def span(start: float, end: float, of: ChannelId = channel) -> str:
        return content_id(SpanId(of, TimeSpan(now + timedelta(hours=start), now + timedelta(hours=end))))

    media = await browser()
    refused = {
        content_id(channel): "folder",
        span(1, 2): "still to come",
        span(-40, -1): "At most 25 hours",
        span(-29.9, -29.1): "recorded nothing",
        span(-2, -1, ChannelId(entry.entry_id, 9)): "no channel 9",
        span(-2, -1, ChannelId("gone", 1)): "no longer set up",
        "media-source://nvr/2/x": "does not exist",
        "media-source://nvr/1/|../etc": "does not exist",
    }
    for item, sentence in refused.items():
        assert sentence in await media.refusal("resolve_media", item)
    assert "does not exist" in await media.refusal("browse_media", "media-source://nvr/1/x/y")


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


async def test_whole_day_plays_from_its_first_footage_over_its_gaps(
    hass: HomeAssistant, browser: Browser, client: Client, start_simulator: StartSimulator
) -> None:
    simulator = await start_simulator(channels=1, rtsp=True)
    simulator.rtsp.faults.delivery = 20.0
    day = simulator.clock.date_of(simulator.now()) - timedelta(days=1)
    start = simulator.clock.day_start(day)
    simulator.footage.add_gap(1, start, start + timedelta(hours=6))
    simulator.footage.add_gap(1, start + timedelta(hours=7), start + timedelta(hours=20))
    await set_up(hass, make_entry(simulator))
    media = await browser()
    item = child(await media.path("Test NVR", "Front door", "Yesterday"), "All day")
    player = Player(client, await media.resolve(item["media_content_id"]))
    segments = await player.segments()
    assert sum(length for _, length in segments) == pytest.approx(18 * 3600, abs=0.001)
    assert max(length for _, length in segments) == pytest.approx(13 * 3600, abs=0.001)
    playlist = (await player.fetch("video.m3u8")).decode()
    assert "#EXT-X-GAP" in playlist
    first = await player.frames(segments[0][0])
    assert abs((first[-1][1].time - start - timedelta(hours=6)).total_seconds() - first[-1][0]) <= 0.1
    last = await player.frames(segments[-1][0])
    end = simulator.clock.day_start(day + timedelta(days=1))
    assert timedelta(0) <= end - last[-1][1].time <= timedelta(seconds=0.2)
    # A bookmark of what plays opens what it is part of.
    assert titles(await media.open(item["media_content_id"]))[0] == "All day"


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


async def test_search_for_a_kind_without_a_day_looks_back_24_hours(
    hass: HomeAssistant, browser: Browser, start_simulator: StartSimulator
) -> None:
    simulator, entry = await recorder(hass, start_simulator, rtsp=False)
    files = simulator.footage.files(1, simulator.now() - timedelta(hours=24), simulator.now(), [Kind.SMART])
    results = await (await browser()).find("detections", content_id(ChannelId(entry.entry_id, 1)))
    assert len(results) == len(files) > 5


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
