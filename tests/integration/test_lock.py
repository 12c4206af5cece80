"""A locked account: nobody asks before its end, the user sees the minutes go by, and then it is tried once."""

import asyncio
from collections.abc import Awaitable, Callable
import contextlib
from datetime import UTC, datetime, timedelta
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.components.camera import async_get_image, async_get_stream_source
from homeassistant.config_entries import SOURCE_USER, ConfigEntryState
from homeassistant.core import Event, HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import issue_registry as ir
from homeassistant.util import dt as dt_util
import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_capture_events,
    async_fire_time_changed,
)

from custom_components.nvr.const import DOMAIN
from custom_components.nvr.lockout import LockNotice
from custom_components.nvr.shared import shared

from .conftest import HOST, WRONG_PASSWORD, StartSimulator, events_up, every_family, make_entry, set_up, until
from .recorders import DAHUA, Family, Recorder

FRONT = "camera.front_door"


@pytest.fixture(autouse=True)
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a second stand for each minute of a lock, and for its margin a fraction of one."""
    monkeypatch.setattr("custom_components.nvr.lockout._MINUTE", timedelta(seconds=1))
    monkeypatch.setattr("custom_components.nvr.core.credentials.LOCK_MARGIN", timedelta(seconds=0.3))


def lock(nvr: Recorder) -> None:
    """Let somebody else at our address try passwords until the recorder locks the account."""
    nvr.login.policy.lock_seconds = 600.0
    while not nvr.login.locked_for(HOST, "admin"):
        nvr.login.judge(HOST, "admin", right=False)


def let_it_end(hass: HomeAssistant, nvr: Recorder, entry: MockConfigEntry) -> None:
    """Bring the end of the lock near, here and there: nothing before this depends on how fast the machine is."""
    nvr.login.policy.lock_seconds -= nvr.login.locked_for(HOST, "admin") - 1.0
    end = dt_util.utcnow() + timedelta(seconds=1.5)
    for guard in shared(hass).guards.values():
        guard._locked_until = end
    shared(hass).stores[entry.entry_id].memory.locked_until = end
    shared(hass).lock_notice(entry).async_show(end)


def notice(hass: HomeAssistant, entry: MockConfigEntry) -> ir.IssueEntry | None:
    return ir.async_get(hass).async_get_issue(DOMAIN, f"{entry.entry_id}_locked")


def minutes(hass: HomeAssistant, entry: MockConfigEntry) -> int:
    issue = notice(hass, entry)
    assert issue is not None
    assert issue.translation_placeholders is not None
    assert issue.translation_placeholders["name"] == entry.title
    return int(issue.translation_placeholders["minutes"])


def asked(nvr: Recorder) -> tuple[int, int, int]:
    """Return what has reached the recorder, by HTTP and RPC together, and by RTSP."""
    return nvr.counters.requests, nvr.rtsp.counters.requests.total(), nvr.rtsp.counters.challenges


async def still(hass: HomeAssistant) -> None:
    await async_get_image(hass, FRONT)


async def search(hass: HomeAssistant) -> None:
    data = {"entity_id": FRONT, "duration": {"hours": 20}}
    await hass.services.async_call(DOMAIN, "search_recordings", data, blocking=True, return_response=True)


async def poll(hass: HomeAssistant) -> None:
    await hass.config_entries.async_entries(DOMAIN)[0].runtime_data.coordinator.async_refresh()


async def reload(hass: HomeAssistant) -> None:
    await hass.config_entries.async_reload(hass.config_entries.async_entries(DOMAIN)[0].entry_id)


async def enter_login(hass: HomeAssistant) -> None:
    """Enter the same user with another password, and add the recorder once more."""
    entry = hass.config_entries.async_entries(DOMAIN)[0]
    entry.async_start_reauth(hass)
    await hass.async_block_till_done()
    login = {"username": "admin", "password": WRONG_PASSWORD}
    flows = hass.config_entries.flow
    again = await flows.async_init(DOMAIN, context={"source": SOURCE_USER})
    asking = [again["flow_id"], *(flow["flow_id"] for flow in flows.async_progress() if flow["step_id"] != "user")]
    host = f"{HOST}:{entry.data['port']}"
    for flow_id, data in zip(asking, [{"host": host, **login}, login], strict=True):
        shown = await flows.async_configure(flow_id, data)
        assert shown["errors"] == {"base": "locked"}
        flows.async_abort(flow_id)


EVERYTHING: tuple[Callable[[HomeAssistant], Awaitable[None]], ...] = (still, search, poll, enter_login, reload, still)


async def try_everything(hass: HomeAssistant) -> list[str | None]:
    told = []
    for work in EVERYTHING:
        try:
            await work(hass)
        except HomeAssistantError as err:
            told.append(err.translation_key)
    return told


@every_family
async def test_lock_is_counted_down_and_waited_out(hass: HomeAssistant, start_simulator: StartSimulator) -> None:
    nvr = await start_simulator(channels=2, rtsp=True, h264_only=True)
    entry = make_entry(nvr)
    hub = await set_up(hass, entry)
    await events_up(hub)
    lock(nvr)
    nvr.rotate_nonces()
    nvr.cut_events()
    # Whoever is first is told by the recorder: a poll, the event stream, a still.
    await asyncio.gather(still(hass), poll(hass), return_exceptions=True)
    await until(lambda: notice(hass, entry) is not None)
    await until(lambda: hub.link.stream_state != "alive")
    first = minutes(hass, entry)
    assert 500 < first <= 601
    before = asked(nvr)
    assert set(await try_everything(hass)) == {"locked"}
    assert await async_get_stream_source(hass, FRONT) is None
    await until(lambda: minutes(hass, entry) < first)
    assert asked(nvr) == before
    let_it_end(hass, nvr, entry)
    failures = nvr.counters.auth_failures
    hub = entry.runtime_data.hub
    await until(lambda: notice(hass, entry) is None)
    assert hub.login_usable
    assert asked(nvr) > before
    await events_up(hub)
    await still(hass)
    assert (nvr.counters.auth_failures, nvr.counters.lockouts) == (failures, 1)


@every_family
async def test_password_that_is_still_wrong_after_the_lock_is_sent_once(
    hass: HomeAssistant, start_simulator: StartSimulator
) -> None:
    nvr = await start_simulator(channels=2)
    entry = make_entry(nvr)
    hub = await set_up(hass, entry)
    await events_up(hub)
    nvr.change_password("another-fake-pass")
    lock(nvr)
    nvr.rotate_nonces()
    nvr.cut_events()
    await poll(hass)
    await until(lambda: notice(hass, entry) is not None)
    failures = nvr.counters.auth_failures
    assert hass.config_entries.flow.async_progress() == []
    eager = [asyncio.create_task(_again_and_again(hass, work)) for work in (still, search, poll)]
    let_it_end(hass, nvr, entry)
    await until(lambda: hub.link.login_refused)
    await until(lambda: notice(hass, entry) is None)
    before = asked(nvr)
    await asyncio.sleep(0.5)
    for task in eager:
        task.cancel()
    await asyncio.gather(*eager, return_exceptions=True)
    await hass.async_block_till_done()
    assert [flow["context"]["source"] for flow in hass.config_entries.flow.async_progress()] == ["reauth"]
    assert nvr.counters.auth_failures == failures + 1
    assert asked(nvr) == before


async def _again_and_again(hass: HomeAssistant, work: Callable[[HomeAssistant], Awaitable[None]]) -> None:
    """Be somebody who cannot wait."""
    while True:
        with contextlib.suppress(HomeAssistantError):
            await work(hass)
        await asyncio.sleep(0.02)


@every_family
async def test_lock_met_at_set_up_is_told_and_tried_when_it_ends(
    hass: HomeAssistant, start_simulator: StartSimulator
) -> None:
    nvr = await start_simulator(channels=2)
    lock(nvr)
    entry = make_entry(nvr)
    entry.add_to_hass(hass)
    assert not await hass.config_entries.async_setup(entry.entry_id)
    assert (entry.state, entry.error_reason_translation_key) == (ConfigEntryState.SETUP_RETRY, "locked")
    first = minutes(hass, entry)
    before = asked(nvr)
    assert not await hass.config_entries.async_reload(entry.entry_id)
    await until(lambda: minutes(hass, entry) < first)
    assert asked(nvr) == before
    let_it_end(hass, nvr, entry)
    # Home Assistant would try again after five, then ten seconds.
    await until(lambda: entry.state is ConfigEntryState.LOADED)
    await until(lambda: notice(hass, entry) is None)
    assert nvr.counters.lockouts == 1


@every_family
async def test_lock_outlives_a_restart_of_home_assistant(hass: HomeAssistant, start_simulator: StartSimulator) -> None:
    nvr = await start_simulator(channels=2)
    entry = make_entry(nvr)
    await events_up(await set_up(hass, entry))
    lock(nvr)
    nvr.rotate_nonces()
    nvr.cut_events()
    await poll(hass)
    await until(lambda: notice(hass, entry) is not None)
    assert await hass.config_entries.async_unload(entry.entry_id)
    assert notice(hass, entry) is None
    shared(hass).guards.clear()
    shared(hass).stores.clear()
    before = asked(nvr)
    assert await hass.config_entries.async_setup(entry.entry_id)
    await until(lambda: notice(hass, entry) is not None)
    assert asked(nvr) == before
    let_it_end(hass, nvr, entry)
    await until(lambda: notice(hass, entry) is None)
    await events_up(entry.runtime_data.hub)
    assert nvr.counters.lockouts == 1


@every_family
async def test_lock_that_a_typed_login_meets_stops_what_runs(
    hass: HomeAssistant, start_simulator: StartSimulator
) -> None:
    nvr = await start_simulator(channels=2)
    entry = make_entry(nvr)
    await events_up(await set_up(hass, entry))
    lock(nvr)
    flow = await entry.start_reconfigure_flow(hass)
    typed = {"host": f"{HOST}:{nvr.http_port}", "username": "admin", "password": WRONG_PASSWORD}
    shown = await hass.config_entries.flow.async_configure(flow["flow_id"], typed)
    assert shown["errors"] == {"base": "locked"}
    await until(lambda: shared(hass).stores[entry.entry_id].memory.locked_until is not None)
    assert notice(hass, entry) is not None
    assert await async_get_stream_source(hass, FRONT) is None


@every_family
async def test_lock_of_one_recorder_is_not_its_neighbours(hass: HomeAssistant, start_simulator: StartSimulator) -> None:
    nvr, other = await start_simulator(channels=2), await start_simulator(channels=2, number=2)
    lock(nvr)
    entry = make_entry(nvr)
    entry.add_to_hass(hass)
    assert not await hass.config_entries.async_setup(entry.entry_id)
    assert notice(hass, entry) is not None
    # Behind one address, as port forwarding has it, with the same user name.
    beside = make_entry(other)
    await set_up(hass, beside)
    assert notice(hass, beside) is None


@every_family
async def test_notice_goes_with_the_entry(hass: HomeAssistant, start_simulator: StartSimulator) -> None:
    nvr = await start_simulator(channels=2)
    lock(nvr)
    entry = make_entry(nvr)
    entry.add_to_hass(hass)
    assert not await hass.config_entries.async_setup(entry.entry_id)
    assert notice(hass, entry) is not None
    await hass.config_entries.async_remove(entry.entry_id)
    assert notice(hass, entry) is None
    await asyncio.sleep(1.2)
    assert notice(hass, entry) is None
    assert entry.entry_id not in shared(hass).lock_notices


@pytest.mark.parametrize("family", [DAHUA], indirect=True)
async def test_lock_without_a_length_lasts_as_long_as_locks_do(
    hass: HomeAssistant, start_simulator: StartSimulator, monkeypatch: pytest.MonkeyPatch, family: Family
) -> None:
    monkeypatch.undo()
    nvr = await start_simulator(channels=2)
    nvr.login.policy.lock_told = False
    lock(nvr)
    entry = make_entry(nvr)
    entry.add_to_hass(hass)
    assert not await hass.config_entries.async_setup(entry.entry_id)
    assert minutes(hass, entry) == 31
    before = asked(nvr)
    assert not await hass.config_entries.async_reload(entry.entry_id)
    assert (asked(nvr), minutes(hass, entry)) == (before, 31)


async def test_notice_tells_the_local_time_and_every_minute_once(
    hass: HomeAssistant, freezer: FrozenDateTimeFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()
    await hass.config.async_set_time_zone("Europe/Berlin")
    now = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
    freezer.move_to(now)
    entry = MockConfigEntry(domain=DOMAIN, title="Test NVR")
    entry.add_to_hass(hass)
    updates: list[Event[Any]] = async_capture_events(hass, ir.EVENT_REPAIRS_ISSUE_REGISTRY_UPDATED)
    told = LockNotice(hass, entry)
    assert told.async_follow(now + timedelta(minutes=3, seconds=30))
    assert not told.async_follow(now + timedelta(minutes=3, seconds=30))
    seen = []
    for second in range(0, 240, 10):
        freezer.move_to(now + timedelta(seconds=second))
        async_fire_time_changed(hass)
        await hass.async_block_till_done()
        if (issue := notice(hass, entry)) is not None:
            assert issue.translation_placeholders is not None
            assert issue.translation_placeholders["until"] == "13:03"
            seen.append((second, issue.translation_placeholders["minutes"]))
    assert seen == [(second, str(-((second - 210) // 60))) for second in range(0, 210, 10)]
    assert [event.data["action"] for event in updates] == ["create", "update", "update", "update", "remove"]
