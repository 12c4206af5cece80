"""A Dahua NVR in a real Home Assistant: nothing there knows which family it is."""

from datetime import timedelta

from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr
import pytest

from custom_components.nvr.const import CONF_FAMILY
from tests.simulators.dahua.simulator import DahuaSimulator

from .conftest import events_up, make_entry, set_up

# What the session's own renewal costs at rest: one request in 50 s.
_KEEP_ALIVE_PER_MINUTE = 1.2


@pytest.mark.parametrize("channels", [4, 32])
async def test_set_up_and_rest_keep_within_the_budget(
    hass: HomeAssistant, real_integration: None, channels: int
) -> None:
    async with DahuaSimulator(profile="nvr5232", channels=channels) as simulator:
        entry = make_entry(simulator, **{CONF_FAMILY: "dahua"})  # type: ignore[arg-type]
        hub = await set_up(hass, entry)
        await events_up(hub)
        assert entry.state is ConfigEntryState.LOADED
        assert simulator.counters.requests <= 15
        assert simulator.counters.unauthorized <= 2
        assert len(hub.channels) >= channels
        devices = dr.async_entries_for_config_entry(dr.async_get(hass), entry.entry_id)
        assert len(devices) == 1 + len(hub.channels)
        cameras = [state for state in hass.states.async_all("camera") if state.state != "unavailable"]
        assert len(cameras) >= channels
        before = simulator.counters.requests
        polls = 10
        for _ in range(polls):
            await entry.runtime_data.coordinator.async_refresh()
        per_poll = (simulator.counters.requests - before) / polls
        polls_per_minute = timedelta(minutes=1) / hub.link.poll_interval
        assert per_poll * polls_per_minute + _KEEP_ALIVE_PER_MINUTE <= 4
        assert await hass.config_entries.async_unload(entry.entry_id)
        await hass.async_block_till_done()
        assert simulator.counters.rpc_sessions == 0
        assert simulator.counters.event_streams_active == 0
