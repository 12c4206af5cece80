"""Actions that cannot be done: each is told in words, and nobody gets more than he may."""

from typing import Any

from homeassistant.core import Context, HomeAssistant
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError, Unauthorized, UnknownUser
from homeassistant.helpers import area_registry as ar, device_registry as dr, entity_registry as er
import probatio
import pytest

from custom_components.nvr.const import DOMAIN
from tests.simulators.hikvision import HikvisionSimulator

from .action_home import DRIVE, FRONT, Call, call_fixture, nvr_fixture, starts, yesterday
from .conftest import StartSimulator, make_entry, set_up
from .footage_helpers import READ, person

__all__ = ["call_fixture", "nvr_fixture"]


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
