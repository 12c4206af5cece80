"""The actions, called as people, scripts and other software call them."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from homeassistant.core import HomeAssistant
from homeassistant.exceptions import Unauthorized
from homeassistant.helpers import area_registry as ar, device_registry as dr, entity_registry as er
from homeassistant.helpers.target import TargetSelection
import probatio
import pytest

from custom_components.nvr.const import DOMAIN
from custom_components.nvr.media_ids import SpanId, parse
from tests.simulators.hikvision import PASSWORD, HikvisionSimulator

from .action_home import DRIVE, FRONT, Call, call_fixture, files, nvr_fixture, starts, whole, yesterday
from .conftest import StartSimulator, make_entry, set_up
from .footage_helpers import person

__all__ = ["call_fixture", "nvr_fixture"]


async def test_search_answers_with_what_two_cameras_recorded(nvr: HikvisionSimulator, call: Call) -> None:
    start, end = yesterday(nvr, 8), yesterday(nvr, 14)
    answer = await call(
        "search_recordings", entity_id=[FRONT, DRIVE], start=start.isoformat(), end=end.isoformat(), limit=1000
    )
    assert answer["errors"] == {}
    assert answer["next"] is None
    for number, entity_id in enumerate((FRONT, DRIVE), 1):
        expected = files(nvr, number, start, end)
        assert starts(answer, entity_id) == [whole(file.start) for file in expected]
        items = answer["cameras"][entity_id]["segments"]
        for item, file in zip(items, expected, strict=True):
            assert item["kind"] == file.kind.value
            assert datetime.fromisoformat(item["end"]) == whole(file.end)
            assert item["duration"] == (whole(file.end) - whole(file.start)).total_seconds()
            assert item["open"] is False
            assert item["day"] == nvr.clock.date_of(file.start).isoformat()
            media_id = parse(item["media_content_id"].removeprefix("media-source://nvr/"))
            assert isinstance(media_id, SpanId)
            assert media_id.span.start == whole(file.start)
    assert answer["count"] == sum(len(answer["cameras"][entity_id]["segments"]) for entity_id in (FRONT, DRIVE))


async def test_search_without_times_looks_back_a_day_and_marks_what_still_runs(
    nvr: HikvisionSimulator, call: Call
) -> None:
    answer = await call("search_recordings", entity_id=FRONT, kinds=["continuous"], limit=1000)
    assert datetime.fromisoformat(answer["end"]) - datetime.fromisoformat(answer["start"]) == timedelta(hours=24)
    items = answer["cameras"][FRONT]["segments"]
    assert {item["kind"] for item in items} == {"continuous"}
    assert [item["open"] for item in items] == [False] * (len(items) - 1) + [True]
    assert datetime.fromisoformat(items[-1]["end"]) <= nvr.now() + timedelta(seconds=1)
    assert "events" not in answer["cameras"][FRONT]


async def test_events_of_a_recorder_without_a_list_are_told_to_be_missing(nvr: HikvisionSimulator, call: Call) -> None:
    answer = await call("search_recordings", entity_id=FRONT, events=["person"])
    page = answer["cameras"][FRONT]
    assert page["segments"]
    assert page["events"] == []
    assert page["events_error"]["error"] == "no_event_history"
    assert "list" in page["events_error"]["message"]
    assert not answer["errors"]
    with pytest.raises(probatio.Invalid):
        await call("search_recordings", entity_id=FRONT, events=["disk_full"])


async def test_events_are_asked_for_where_the_footage_cannot_be_searched(nvr: HikvisionSimulator, call: Call) -> None:
    nvr.set_faults(search__status=500)
    answer = await call("search_recordings", entity_id=FRONT, events=["person"])
    assert set(answer["errors"]) == {FRONT}
    assert answer["cameras"][FRONT]["name"]
    assert "segments" not in answer["cameras"][FRONT]
    assert answer["cameras"][FRONT]["events_error"]["error"] == "no_event_history"


@pytest.mark.parametrize("merge", [False, True])
async def test_pages_together_are_the_whole_search(nvr: HikvisionSimulator, call: Call, *, merge: bool) -> None:
    asked: dict[str, Any] = {
        "entity_id": [FRONT, DRIVE],
        "start": yesterday(nvr, 6).isoformat(),
        "end": yesterday(nvr, 12).isoformat(),
        "merge": merge,
    }
    at_once = await call("search_recordings", **asked, limit=1000)
    found: dict[str, list[dict[str, Any]]] = {FRONT: [], DRIVE: []}
    page = await call("search_recordings", **asked, limit=2 if merge else 7)
    pages = 1
    while True:
        assert page["count"] <= 7
        for entity_id, part in page["cameras"].items():
            found[entity_id] += part["segments"]
        if page["next"] is None:
            break
        page = await call("search_recordings", cursor=page["next"], limit=2 if merge else 7)
        pages += 1
    assert pages > 1 or merge
    assert found == {entity_id: at_once["cameras"][entity_id]["segments"] for entity_id in (FRONT, DRIVE)}


async def test_joined_segments_cover_what_was_recorded(nvr: HikvisionSimulator, call: Call) -> None:
    start, end = yesterday(nvr, 1), yesterday(nvr, 5)
    answer = await call("search_recordings", entity_id=FRONT, start=start, end=end, merge=True)
    items = answer["cameras"][FRONT]["segments"]
    # One gap of four minutes, at 03:10 each day.
    assert len(items) == 2
    gap = datetime.fromisoformat(items[1]["start"]) - datetime.fromisoformat(items[0]["end"])
    assert gap == timedelta(minutes=4)
    assert sum(item["parts"] for item in items) == len(files(nvr, 1, start, end))
    assert "continuous" in items[0]["kinds"]


async def test_time_without_a_zone_is_home_assistants_and_the_day_is_the_recorders(
    hass: HomeAssistant, start_simulator: StartSimulator, call: Call
) -> None:
    await hass.config.async_set_time_zone("Asia/Tokyo")
    simulator = await start_simulator(channels=1, utc_offset=-180, dst=False)
    await set_up(hass, make_entry(simulator))
    tokyo = ZoneInfo("Asia/Tokyo")
    day = datetime.now(tokyo).date() - timedelta(days=1)
    answer = await call("search_recordings", entity_id=FRONT, start=f"{day} 08:00:00", end=f"{day} 09:00:00")
    start = datetime.combine(day, datetime.min.time(), tokyo) + timedelta(hours=8)
    assert datetime.fromisoformat(answer["start"]) == start
    assert answer["start"].endswith("+09:00")
    item = answer["cameras"][FRONT]["segments"][-1]
    # 08:00 in Tokyo is 20:00 of the day before on the recorder.
    assert item["day"] == (day - timedelta(days=1)).isoformat()
    assert starts(answer, FRONT) == [
        whole(file.start) for file in files(simulator, 1, start, start + timedelta(hours=1))
    ]


async def test_hour_that_the_clock_shows_twice_is_searched_twice(
    hass: HomeAssistant, start_simulator: StartSimulator, call: Call
) -> None:
    await hass.config.async_set_time_zone("Europe/Madrid")
    simulator = await start_simulator(channels=1, days=400.0, utc_offset=60, dst=True)
    await set_up(hass, make_entry(simulator))
    year = simulator.now().year if simulator.now().month > 10 else simulator.now().year - 1
    sunday = max(day for day in range(25, 32) if datetime(year, 10, day, tzinfo=UTC).weekday() == 6)
    answer = await call(
        "search_recordings", entity_id=FRONT, start=f"{year}-10-{sunday} 02:00:00", end=f"{year}-10-{sunday} 02:30:00"
    )
    assert datetime.fromisoformat(answer["end"]) - datetime.fromisoformat(answer["start"]) == timedelta(minutes=90)
    assert starts(answer, FRONT)


async def test_target_may_be_a_device_an_area_or_the_recorder(
    hass: HomeAssistant, nvr: HikvisionSimulator, call: Call
) -> None:
    hub = hass.config_entries.async_loaded_entries(DOMAIN)[0].runtime_data.hub
    garden = ar.async_get(hass).async_create("Garden")
    dr.async_get(hass).async_update_device(hub.channel_device_id(2), area_id=garden.id)
    # A camera of others in the same area is passed over.
    other = er.async_get(hass).async_get_or_create("camera", "demo", "1", original_name="Other")
    er.async_get(hass).async_update_entity(other.entity_id, area_id=garden.id)

    async def found(**target: Any) -> set[str]:
        return set((await call("list_recording_days", **target))["cameras"])

    assert await found(device_id=hub.channel_device_id(1)) == {FRONT}
    assert await found(device_id=hub.device_id) == {FRONT, DRIVE}
    assert await found(area_id=garden.id) == {DRIVE}
    assert await found(entity_id="all") == {FRONT, DRIVE}
    assert await found(entity_id=FRONT, device_id=hub.device_id) == {FRONT, DRIVE}
    if hasattr(TargetSelection({}), "exclude"):  # from Home Assistant 2026.11 on
        assert await found(device_id=hub.device_id, exclude={"entity_id": FRONT}) == {DRIVE}
        assert await found(entity_id="all", exclude={"area_id": garden.id}) == {FRONT}


async def test_days_are_those_of_the_recorder(nvr: HikvisionSimulator, call: Call) -> None:
    today = nvr.clock.date_of(nvr.now())
    first = today - timedelta(days=30)
    answer = await call("list_recording_days", entity_id=FRONT, start=first.isoformat(), end=today.isoformat())
    oldest = nvr.clock.date_of(nvr.footage.oldest())
    days = [(oldest + timedelta(days=number)).isoformat() for number in range((today - oldest).days + 1)]
    assert answer["cameras"][FRONT]["days"] == days
    month = await call("list_recording_days", entity_id=FRONT, month=f"{oldest:%Y-%m}")
    assert month["cameras"][FRONT]["days"] == [day for day in days if day.startswith(f"{oldest:%Y-%m}")]
    present = await call("list_recording_days", entity_id=FRONT)
    assert present["cameras"][FRONT]["days"] == [day for day in days if day.startswith(f"{today:%Y-%m}")]


async def test_moment_is_found_with_its_offset(nvr: HikvisionSimulator, call: Call) -> None:
    moment = whole(yesterday(nvr, 10))
    answer = await call("find_recording", entity_id=[FRONT, DRIVE], at=moment.isoformat())
    for number, entity_id in enumerate((FRONT, DRIVE), 1):
        found = answer["cameras"][entity_id]
        assert found["covered"] is True
        file = next(file for file in files(nvr, number, moment, moment + timedelta(seconds=1)))
        assert datetime.fromisoformat(found["segment"]["start"]) == whole(file.start)
        assert found["offset"] == (moment - whole(file.start)).total_seconds()
        media_id = parse(found["media_content_id"].removeprefix("media-source://nvr/"))
        assert isinstance(media_id, SpanId)
        assert media_id.span.start == moment


@pytest.mark.parametrize(
    ("direction", "minutes", "distance"),
    [("nearest", 60, -60.0), ("nearest", 170, 10.0), ("before", 170, -170.0), ("after", 60, 120.0)],
)
async def test_moment_in_a_gap_finds_the_nearest_recording(
    hass: HomeAssistant, start_simulator: StartSimulator, call: Call, *, direction: str, minutes: int, distance: float
) -> None:
    nvr = await start_simulator(channels=1)
    begin = whole(yesterday(nvr, 6))
    nvr.footage.add_gap(1, begin, begin + timedelta(hours=3))
    await set_up(hass, make_entry(nvr))
    moment = begin + timedelta(minutes=minutes)
    found = (await call("find_recording", entity_id=FRONT, at=moment.isoformat(), direction=direction))["cameras"][
        FRONT
    ]
    assert found["covered"] is False
    assert found["distance"] == distance * 60
    nothing = await call(
        "find_recording", entity_id=FRONT, at=moment.isoformat(), direction=direction, within="00:05:00"
    )
    assert nothing["cameras"][FRONT]["segment"] is None


async def test_stream_addresses_are_for_administrators_and_hold_no_login_unless_asked(
    hass: HomeAssistant, nvr: HikvisionSimulator, call: Call
) -> None:
    answer = await call("get_stream_urls", entity_id=[FRONT, DRIVE])
    assert set(answer["cameras"][FRONT]["streams"]) == {"main", "sub"}
    assert answer["cameras"][DRIVE]["streams"]["main"]["codec"] == "h265"
    url = answer["cameras"][FRONT]["streams"]["main"]["url"]
    assert url.startswith(f"rtsp://127.0.0.1:{nvr.rtsp_port}/")
    assert PASSWORD not in str(answer)
    with_login = await call("get_stream_urls", entity_id=FRONT, include_credentials=True)
    assert f"admin:{PASSWORD}@" in with_login["cameras"][FRONT]["streams"]["main"]["url"]
    guest = await person(hass, {"entities": True})
    with pytest.raises(Unauthorized):
        await call("get_stream_urls", guest, entity_id=FRONT)
