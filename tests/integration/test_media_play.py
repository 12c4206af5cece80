"""Items of the media browser as they play: the asked time, sound, codecs, and what cannot be played."""

from datetime import timedelta

from homeassistant.core import HomeAssistant
import pytest
from pytest_homeassistant_custom_component.common import async_capture_events

from custom_components.nvr.core.models import TimeSpan
from custom_components.nvr.media_ids import ChannelId, SpanId, content_id, parse
from tests.contract.media.rig import late_tones

from .conftest import StartSimulator, make_entry, set_up
from .footage_helpers import Player, child, titles
from .media_home import Browser, Client, browser_fixture, client_fixture, recorder

__all__ = ["browser_fixture", "client_fixture"]


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
            # By the last picture: where footage begins between two key frames, the first ones are a squeezed head.
            origin = frames[-1][1].time - timedelta(seconds=frames[-1][0])
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
