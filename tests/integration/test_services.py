"""The actions, called as people, scripts and other software call them."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

from homeassistant.auth.models import User
from homeassistant.components.media_player import DOMAIN as MEDIA_PLAYER, MediaPlayerEntityFeature
from homeassistant.core import Context, HomeAssistant, ServiceCall
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError, Unauthorized, UnknownUser
from homeassistant.helpers import area_registry as ar, device_registry as dr, entity_registry as er
from homeassistant.helpers.selector import validate_selector
from homeassistant.helpers.service import async_get_all_descriptions
from homeassistant.helpers.target import TargetSelection
import probatio
import pytest
from pytest_homeassistant_custom_component.common import async_mock_service
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.nvr.const import DOMAIN
from custom_components.nvr.media_ids import SpanId, parse
from custom_components.nvr.shared import shared
from tests.simulators.footage import Kind, RecordedFile
from tests.simulators.hikvision import PASSWORD, HikvisionSimulator

from .conftest import StartSimulator, make_entry, set_up
from .footage_helpers import READ, Player, person

FRONT, DRIVE = "camera.front_door", "camera.driveway"
type Call = Callable[..., Awaitable[dict[str, Any]]]


@pytest.fixture(name="nvr")
async def nvr_fixture(hass: HomeAssistant, start_simulator: StartSimulator) -> HikvisionSimulator:
    """A recorder with two channels, set up."""
    simulator: HikvisionSimulator = await start_simulator(channels=2, rtsp=True)
    simulator.rtsp.faults.delivery = 20.0
    await set_up(hass, make_entry(simulator))
    return simulator


@pytest.fixture(name="call")
def call_fixture(hass: HomeAssistant) -> Call:
    for name in ("media_player.tv", "media_player.hall"):
        hass.states.async_set(name, "idle", {"supported_features": MediaPlayerEntityFeature.PLAY_MEDIA})

    async def call(action: str, user: User | None = None, **data: Any) -> dict[str, Any]:
        context = Context(user_id=user.id if user else None)
        answer = await hass.services.async_call(
            DOMAIN, action, data, blocking=True, return_response=True, context=context
        )
        assert isinstance(answer, dict)
        return answer

    return call


def yesterday(nvr: HikvisionSimulator, hour: int) -> datetime:
    """Return an hour of the recorder's yesterday."""
    start: datetime = nvr.clock.day_start(nvr.clock.date_of(nvr.now()) - timedelta(days=1))
    return start + timedelta(hours=hour)


def files(nvr: HikvisionSimulator, channel: int, start: datetime, end: datetime, *kinds: Kind) -> list[RecordedFile]:
    """Return what the recorder holds, by its own word."""
    return nvr.footage.files(channel, start, end, kinds or None)


def starts(answer: dict[str, Any], entity_id: str) -> list[datetime]:
    return [datetime.fromisoformat(item["start"]) for item in answer["cameras"][entity_id]["segments"]]


def whole(moment: datetime) -> datetime:
    return moment.replace(microsecond=0)


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


async def test_recorder_that_is_away_is_an_error_and_never_an_empty_answer(
    hass: HomeAssistant, nvr: HikvisionSimulator, start_simulator: StartSimulator, call: Call
) -> None:
    other = await start_simulator(channels=1, number=2)
    await set_up(hass, make_entry(other))
    away, there = FRONT, "camera.front_door_2"
    await nvr.power_off()
    for action, data in (
        ("search_recordings", {}),
        ("list_recording_days", {}),
        ("find_recording", {"at": yesterday(nvr, 5).isoformat()}),
    ):
        answer = await call(action, entity_id=[away, there], **data)
        assert set(answer["cameras"]) == {there}, action
        assert set(answer["errors"]) == {away}
        assert answer["errors"][away]["error"] == "unreachable"
        assert "Test NVR" in answer["errors"][away]["message"]
        assert "127.0.0.1" not in answer["errors"][away]["message"]


async def test_person_may_ask_for_the_cameras_he_may_read_and_no_others(
    hass: HomeAssistant, nvr: HikvisionSimulator, call: Call
) -> None:
    guest = await person(hass, {"entities": {"entity_ids": {FRONT: READ}}})
    at = yesterday(nvr, 5).isoformat()
    hub = hass.config_entries.async_loaded_entries(DOMAIN)[0].runtime_data.hub
    for action, data in (("search_recordings", {}), ("list_recording_days", {}), ("find_recording", {"at": at})):
        assert set((await call(action, guest, entity_id=FRONT, **data))["cameras"]) == {FRONT}
        assert set((await call(action, guest, entity_id="all", **data))["cameras"]) == {FRONT}
        for target in ({"entity_id": [FRONT, DRIVE]}, {"device_id": hub.device_id}):
            with pytest.raises(Unauthorized) as refusal:
                await call(action, guest, **target, **data)
            assert refusal.value.entity_id == DRIVE
    nobody = await person(hass, {}, "nobody")
    with pytest.raises(ServiceValidationError, match="no camera"):
        await call("search_recordings", nobody, entity_id="all")


async def test_cursor_gives_no_right(hass: HomeAssistant, nvr: HikvisionSimulator, call: Call) -> None:
    page = await call("search_recordings", entity_id=[FRONT, DRIVE], limit=3)
    guest = await person(hass, {"entities": {"entity_ids": {FRONT: READ}}})
    with pytest.raises(Unauthorized):
        await call("search_recordings", guest, cursor=page["next"])


async def test_user_that_is_gone_is_refused(hass: HomeAssistant, nvr: HikvisionSimulator) -> None:
    with pytest.raises(UnknownUser):
        await hass.services.async_call(
            DOMAIN,
            "search_recordings",
            {"entity_id": FRONT},
            blocking=True,
            return_response=True,
            context=Context(user_id="gone"),
        )


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        ({"entity_id": "camera.nowhere"}, "camera.nowhere is not a camera"),
        ({"entity_id": "event.front_door_motion"}, "is not a camera"),
        ({"device_id": "gone"}, "no longer exists"),
        ({}, "no camera"),
        ({"entity_id": FRONT, "start": "2026-11-20 10:00", "end": "2026-11-20 09:00"}, "is not after"),
        ({"entity_id": FRONT, "start": "2099-01-01 00:00"}, "still to come"),
        ({"entity_id": FRONT, "start": "1066-10-14 09:00"}, "out of range"),
        (
            {"entity_id": FRONT, "start": "2026-11-20 10:00", "end": "2026-11-20 11:00", "duration": "01:00:00"},
            "two of start, end and duration",
        ),
        ({"entity_id": FRONT, "cursor": "bogus"}, "does not come from"),
    ],
)
async def test_wrong_input_is_told_in_words(
    nvr: HikvisionSimulator, call: Call, data: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(ServiceValidationError, match=sentence):
        await call("search_recordings", **data)


@pytest.mark.parametrize(
    ("action", "data"),
    [
        ("search_recordings", {"start": "soon"}),
        ("search_recordings", {"limit": 0}),
        ("search_recordings", {"limit": 1001}),
        ("search_recordings", {"kinds": ["film"]}),
        ("search_recordings", {"colour": "red"}),
        ("list_recording_days", {"month": "2026-13"}),
        ("find_recording", {}),
        ("play_recording", {"camera": FRONT, "start": "2026-11-20 10:00", "media_player": []}),
        ("find_recording", {"at": "2026-11-20 10:00", "direction": "sideways"}),
        ("find_recording", {"at": "2026-11-20 10:00", "within": {"days": 32}}),
    ],
)
async def test_data_of_the_wrong_form_is_refused(
    nvr: HikvisionSimulator, call: Call, action: str, data: dict[str, Any]
) -> None:
    with pytest.raises(probatio.Invalid):
        await call(action, **({} if "camera" in data else {"entity_id": FRONT}), **data)


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        ({"month": "2026-11", "start": "2026-11-01"}, "not both"),
        ({"start": "2026-11-02", "end": "2026-11-01"}, "is not after"),
        ({"start": "2020-01-01", "end": "2026-11-01"}, "At most 24 months"),
        ({"month": "9999-12"}, "9999-12-01 is out of range: the year must be from 1970 to 2199"),
        ({"month": "0001-01"}, "out of range"),
        ({"start": "0001-01-01", "end": "0001-01-02"}, "out of range"),
        ({"end": "9999-12-31"}, "9999-12-31 is out of range"),
    ],
)
async def test_wrong_days_are_told_in_words(
    nvr: HikvisionSimulator, call: Call, data: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(ServiceValidationError, match=sentence):
        await call("list_recording_days", entity_id=FRONT, **data)


async def test_moment_out_of_range_is_told(nvr: HikvisionSimulator, call: Call) -> None:
    with pytest.raises(ServiceValidationError, match="out of range"):
        await call("find_recording", entity_id=FRONT, at="1066-10-14 09:00")


async def test_unloaded_recorder_is_told(hass: HomeAssistant, nvr: HikvisionSimulator, call: Call) -> None:
    (entry,) = hass.config_entries.async_entries(DOMAIN)
    await hass.config_entries.async_unload(entry.entry_id)
    with pytest.raises(HomeAssistantError, match="Test NVR is not ready"):
        await call("search_recordings", entity_id=FRONT)


async def test_recorder_that_is_not_set_up_costs_the_others_nothing(
    hass: HomeAssistant, nvr: HikvisionSimulator, start_simulator: StartSimulator, call: Call
) -> None:
    other = await start_simulator(channels=1, number=2)
    entry = make_entry(other)
    await set_up(hass, entry)
    away = "camera.front_door_2"
    garden = ar.async_get(hass).async_create("Garden")
    for entity_id in (FRONT, away):
        known = er.async_get(hass).async_get(entity_id)
        assert known is not None
        assert known.device_id is not None
        dr.async_get(hass).async_update_device(known.device_id, area_id=garden.id)
    page = await call("search_recordings", area_id=garden.id, limit=3)
    assert set(page["cameras"]) == {FRONT, away}
    device = entry.runtime_data.hub.device_id
    guest = await person(hass, {"entities": {"entity_ids": {FRONT: READ, away: READ}}})
    stranger = await person(hass, {"entities": {"entity_ids": {FRONT: READ}}}, "stranger")
    await hass.config_entries.async_unload(entry.entry_id)
    at = yesterday(nvr, 5).isoformat()
    for action, data in (("search_recordings", {}), ("list_recording_days", {}), ("find_recording", {"at": at})):
        for user in (None, guest):
            answer = await call(action, user, area_id=garden.id, **data)
            assert set(answer["cameras"]) == {FRONT}, action
            assert set(answer["errors"]) == {away}
            assert answer["errors"][away]["error"] == "not_loaded"
            assert "Test NVR is not ready" in answer["errors"][away]["message"]
        with pytest.raises(Unauthorized) as denied:
            await call(action, stranger, area_id=garden.id, **data)
        assert denied.value.entity_id == away
        assert set((await call(action, guest, entity_id="all", **data))["errors"]) == {away}
        assert (await call(action, stranger, entity_id="all", **data))["errors"] == {}
        with pytest.raises(HomeAssistantError, match="Test NVR is not ready"):
            await call(action, entity_id=[FRONT, away], **data)
    assert set((await call("get_stream_urls", area_id=garden.id))["errors"]) == {away}
    assert set((await call("get_stream_urls", device_id=device))["errors"]) == {away}
    following = await call("search_recordings", guest, cursor=page["next"], limit=3)
    assert (set(following["cameras"]), set(following["errors"])) == ({FRONT}, {away})
    with pytest.raises(Unauthorized):
        await call("search_recordings", stranger, cursor=page["next"])
    # Once it is back, the search goes on where it was.
    await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done()
    again = await call("search_recordings", guest, cursor=following["next"], limit=1000)
    assert again["errors"] == {}
    assert len(starts(page, away)) + len(starts(again, away)) == len(
        starts(await call("search_recordings", entity_id=away, start=page["start"], end=page["end"], limit=1000), away)
    )


async def test_recording_plays_on_a_media_player_by_a_link_of_the_caller(
    hass: HomeAssistant, nvr: HikvisionSimulator, call: Call, hass_client_no_auth: ClientSessionGenerator
) -> None:
    played = async_mock_service(hass, MEDIA_PLAYER, "play_media")
    hass.config.internal_url = "http://192.0.2.10:8123"
    guest = await person(hass, {"entities": {"entity_ids": {FRONT: READ}}})
    start = whole(yesterday(nvr, 7))
    answer = await call(
        "play_recording",
        guest,
        camera=FRONT,
        media_player=["media_player.tv", "media_player.hall"],
        start=start.isoformat(),
        duration="00:10:00",
    )
    assert datetime.fromisoformat(answer["start"]) == start
    assert datetime.fromisoformat(answer["end"]) == start + timedelta(minutes=10)
    assert [item.data["entity_id"] for item in played] == ["media_player.tv", "media_player.hall"]
    urls = [item.data["media_content_id"] for item in played]
    assert len(set(urls)) == 2
    assert all(item.context.user_id == guest.id for item in played)
    assert all(item.data["media_content_type"] == "application/vnd.apple.mpegurl" for item in played)
    assert all(url.startswith("http://192.0.2.10:8123/api/nvr/vod/") for url in urls)
    player = Player(await hass_client_no_auth(), urls[0].removeprefix("http://192.0.2.10:8123"))
    frames = await player.frames((await player.segments())[0][0])
    assert abs(frames[-1][1].time - start) < timedelta(seconds=6)
    await hass.auth.async_update_user(guest, group_ids=[])
    assert await player.status() == 403


async def test_recording_without_an_end_plays_for_an_hour(
    hass: HomeAssistant, nvr: HikvisionSimulator, call: Call
) -> None:
    async_mock_service(hass, MEDIA_PLAYER, "play_media")
    start = whole(yesterday(nvr, 5))
    answer = await call("play_recording", camera=FRONT, media_player="media_player.tv", start=start.isoformat())
    assert datetime.fromisoformat(answer["end"]) == start + timedelta(hours=1)


async def test_recording_of_just_now_is_waited_for(
    hass: HomeAssistant, nvr: HikvisionSimulator, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    played = async_mock_service(hass, MEDIA_PLAYER, "play_media")
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    monkeypatch.setattr("custom_components.nvr.fresh_footage.asyncio", SimpleNamespace(sleep=sleep))
    start = nvr.now() - timedelta(seconds=20)
    nvr.footage.add_gap(2, start - timedelta(hours=1), start + timedelta(hours=1))
    with pytest.raises(HomeAssistantError, match="has not listed this moment yet"):
        await call("play_recording", camera=DRIVE, media_player="media_player.tv", start=start.isoformat())
    assert waits == [0, 2.0, 4.0]
    assert not played


async def test_recording_that_cannot_be_played_is_told(
    hass: HomeAssistant, nvr: HikvisionSimulator, call: Call
) -> None:
    played = async_mock_service(hass, MEDIA_PLAYER, "play_media")
    start = whole(yesterday(nvr, 7))
    asked = {"media_player": "media_player.tv", "start": start.isoformat()}
    nvr.footage.add_gap(2, start - timedelta(hours=1), start + timedelta(hours=1))
    with pytest.raises(HomeAssistantError, match="Driveway recorded nothing"):
        await call("play_recording", camera=DRIVE, **asked)
    guest = await person(hass, {"entities": {"entity_ids": {DRIVE: READ}}})
    with pytest.raises(Unauthorized):
        await call("play_recording", guest, camera=FRONT, **asked)
    await nvr.power_off()
    with pytest.raises(HomeAssistantError, match="Test NVR"):
        await call("play_recording", camera=FRONT, **asked)
    assert not played


async def test_player_that_refuses_leaves_no_link(hass: HomeAssistant, nvr: HikvisionSimulator, call: Call) -> None:
    async def refuse(_call: ServiceCall) -> None:
        raise HomeAssistantError("no such player")

    hass.services.async_register(MEDIA_PLAYER, "play_media", refuse)
    with pytest.raises(HomeAssistantError, match="no such player"):
        await call(
            "play_recording", camera=FRONT, media_player="media_player.tv", start=whole(yesterday(nvr, 7)).isoformat()
        )
    assert len(shared(hass).links) == 0


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


async def test_descriptions_fit_the_schemas(hass: HomeAssistant, nvr: HikvisionSimulator) -> None:
    described = (await async_get_all_descriptions(hass))[DOMAIN]
    registered = hass.services.async_services_for_domain(DOMAIN)
    assert described.keys() == registered.keys()
    for name, description in described.items():
        fields: dict[str, Any] = {}
        for key, field in description["fields"].items():
            fields |= field.get("fields", {key: field})
        schema = registered[name].schema
        assert isinstance(schema, probatio.Schema)
        accepted = {str(key) for key in schema.schema}
        # Home Assistant 2026.11 lets a target exclude something.
        targets = {"entity_id", "device_id", "area_id", "floor_id", "label_id", "exclude"}
        assert fields.keys() == accepted - targets, name
        assert bool(description.get("target")) == bool(accepted & targets), name
        for field in fields.values():
            validate_selector(field["selector"])
        required = {str(key) for key in schema.schema if isinstance(key, probatio.Required)}
        assert {key for key, field in fields.items() if field.get("required")} == required, name


async def test_recording_is_not_played_where_home_assistant_does_not_know_its_address(
    hass: HomeAssistant, nvr: HikvisionSimulator, call: Call
) -> None:
    async_mock_service(hass, MEDIA_PLAYER, "play_media")
    hass.config.api = None
    with pytest.raises(HomeAssistantError, match="does not know its own address"):
        await call("play_recording", camera=FRONT, media_player="media_player.tv", start=yesterday(nvr, 7).isoformat())
