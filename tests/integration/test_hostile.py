"""One endpoint's answers are wrong, hostile or never end: what does not need them goes on, what does says so."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from typing import Final

from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
import pytest
from pytest_homeassistant_custom_component.common import async_capture_events

from custom_components.nvr.const import CONF_HOLD_TIME, EVENT_DETECTION
from custom_components.nvr.core.transport import noise
from tests.simulators.hikvision import HikvisionSimulator
from tests.simulators.spoiler import KINDS

from .conftest import StartSimulator, events_up, every_family, make_entry, set_up, until
from .hostile_home import (
    BOUND,
    STEPS,
    House,
    assert_login_untouched,
    in_a_hurry,
    looks,
    outcome,
    spoil,
    spoiler_of,
    tour,
)

pytestmark = pytest.mark.usefixtures("nothing_unhandled")

every_kind = pytest.mark.parametrize("kind", KINDS)
# One of each sort, for every day; the matrix is long.
SAMPLE: Final = (
    ("System/status", "odd"),
    ("POST /ISAPI/ContentMgmt/search", "empty"),
    ("InputProxy/channels/status", "silent"),
    ("getConfig MotionDetect", "garbage"),
    ("getCameraState", "silent"),
    ("findFile", "cut"),
)


@pytest.fixture(name="house")
async def house_fixture(hass: HomeAssistant, start_simulator: StartSimulator) -> AsyncIterator[House]:
    nvr = await start_simulator(channels=3)
    if isinstance(nvr, HikvisionSimulator):
        nvr.triggers.unlinked.add(("VMD", 3))
        nvr.faults.alerts.heartbeat = 0.05
    else:
        nvr.faults.events.heartbeat = 0.05
    spoiler = spoiler_of(nvr)
    entry = make_entry(nvr, options={CONF_HOLD_TIME: 0.05})
    house = House(hass, nvr, entry, async_capture_events(hass, EVENT_DETECTION), spoiler)
    with in_a_hurry(spoiler):
        await events_up(await set_up(hass, entry))
        house.first = frozenset(spoiler.asked)
        yield house


@every_family
async def test_one_bad_endpoint_leaves_the_others_alone(house: House) -> None:
    await tour(house)
    tried = 0
    for part, kind in SAMPLE:
        endpoint = next((name for name in sorted(house.spoiler.asked) if part in name), None)
        if endpoint is not None:
            await spoil(house, endpoint, kind)
            tried += 1
    assert tried >= 3
    async with asyncio.timeout(BOUND):
        assert await house.hass.config_entries.async_unload(house.entry.entry_id)


def spoilable(endpoints: Iterable[str], kind: str) -> list[str]:
    """Return the endpoints in order; an odd challenge is left out: its proof is a refused login, counted elsewhere."""
    return [name for name in sorted(endpoints) if kind != "odd" or "login" not in name]


@pytest.mark.slow
@pytest.mark.timeout(900)
@every_kind
@every_family
async def test_each_endpoint_in_turn(house: House, kind: str) -> None:
    await tour(house)
    for endpoint in spoilable(house.spoiler.asked, kind):
        await spoil(house, endpoint, kind)
    house.spoiler.spoil(max(house.first), kind)
    async with asyncio.timeout(BOUND):
        assert await house.hass.config_entries.async_unload(house.entry.entry_id)


async def sets_up(house: House, endpoint: str, kind: str) -> None:
    """Add the recorder while one endpoint is spoiled: it is there without what that gives, or the reason names it."""
    hass = house.hass
    await hass.config_entries.async_remove(house.entry.entry_id)
    house.spoiler.spoil(endpoint, kind)
    house.entry = entry = make_entry(house.nvr, options={CONF_HOLD_TIME: 0.05})
    entry.add_to_hass(hass)
    async with asyncio.timeout(BOUND):
        await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done()
    if entry.state is ConfigEntryState.LOADED:
        assert house.hub.link.connected
        assert_login_untouched(house)
        if kind != "odd":
            assert len(house.hub.channels) == 3, (endpoint, kind)
            assert await outcome(house, looks) == "", (endpoint, kind)
    else:
        assert entry.state is ConfigEntryState.SETUP_RETRY, (endpoint, kind, entry.state)
        assert entry.reason, (endpoint, kind)
        if entry.error_reason_translation_key in {"response_to", "timeout_to"}:
            assert "/" in entry.reason or "." in entry.reason
        else:
            # A right that is missing, or too many who ask, is told as such.
            assert entry.error_reason_translation_key in {"permission", "busy", "not_found"}, (endpoint, kind)
    house.spoiler.heal()
    async with asyncio.timeout(BOUND):
        await hass.config_entries.async_reload(entry.entry_id)
    await events_up(await set_up(hass, entry))


@pytest.mark.slow
@pytest.mark.timeout(900)
@every_kind
@every_family
async def test_set_up_with_each_endpoint_in_turn(house: House, kind: str) -> None:
    for endpoint in spoilable(house.first, kind):
        await sets_up(house, endpoint, kind)


@every_family
async def test_set_up_says_which_page_it_was(house: House) -> None:
    listing = next(name for name in sorted(house.first) if "InputProxy/channels" in name or "getCameraAll" in name)
    await sets_up(house, listing, "garbage")


@every_family
async def test_an_event_stream_that_only_makes_noise_is_made_anew(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(noise, "MOST", 512 * 1024)
    await tour_of_events(house)
    stream = next(iter(house.uses["hears_again"] - house.uses["polls"] - house.uses["proves"]))
    house.spoiler.spoil(stream, "endless")
    await outcome(house, STEPS["hears_again"])
    await until(lambda: house.spoiler.spoiled > 2)
    assert await outcome(house, looks) == ""
    house.spoiler.heal()
    await until(lambda: house.hub.link.stream_state == "alive" and house.hub.link.connected, 30)
    assert await outcome(house, STEPS["hears"]) == ""


async def tour_of_events(house: House) -> None:
    """Learn which endpoints the events need."""
    for name in ("polls", "proves", "hears_again"):
        before = house.spoiler.asked.copy()
        assert await outcome(house, STEPS[name]) == ""
        house.uses[name] = frozenset(house.spoiler.asked - before)
