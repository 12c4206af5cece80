"""The log stays quiet: one line when the recorder goes, one when it is back, none for what we end ourselves."""

import asyncio
from datetime import timedelta
import logging
import re

from homeassistant.const import EVENT_HOMEASSISTANT_STOP
from homeassistant.core import HomeAssistant
import pytest

from custom_components.nvr.const import CONF_GRACE_TIME
from tests.simulators.hikvision import HikvisionSimulator, PathFault

from .conftest import events_up, make_entry, set_up, until

# Home Assistant of every custom integration, its web server of this machine, asyncio in debug mode of slow callbacks.
_OTHERS = {"homeassistant.loader", "aiohttp_fast_zlib", "asyncio"}


@pytest.fixture(autouse=True)
def quick_polls(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a second stand for the minute and half minutes of the real polls."""
    for name in ("POLL_FAILING", "POLL_OFFLINE", "POLL_STEADY", "POLL_WITHOUT_EVENTS"):
        monkeypatch.setattr(f"custom_components.nvr.link.{name}", timedelta(seconds=0.3))


class Log:
    """What a user reads in his log of us."""

    def __init__(self, caplog: pytest.LogCaptureFixture) -> None:
        self._caplog = caplog

    @property
    def lines(self) -> list[tuple[str, str]]:
        return [
            (record.levelname, record.getMessage())
            for record in self._caplog.records
            if record.levelno >= logging.INFO and record.name.startswith("custom_components.nvr")
        ]

    @property
    def warnings(self) -> list[str]:
        return [
            record.getMessage()
            for record in self._caplog.records
            if record.levelno >= logging.WARNING and record.name not in _OTHERS
        ]


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> Log:
    caplog.set_level(logging.INFO)
    return Log(caplog)


async def test_one_line_when_it_goes_and_one_when_it_is_back(
    hass: HomeAssistant, nvr: HikvisionSimulator, log: Log, caplog: pytest.LogCaptureFixture
) -> None:
    entry = make_entry(nvr, options={CONF_GRACE_TIME: 1})
    hub = await set_up(hass, entry)
    await events_up(hub)
    caplog.clear()
    await nvr.power_off()
    await until(lambda: not hub.online, 10)
    await asyncio.sleep(1.5)
    (gone,) = log.lines
    assert gone[0] == "WARNING"
    assert re.fullmatch(r"Test NVR is offline since \d\d:\d\d:\d\d \(unreachable\)", gone[1])
    await nvr.power_on()
    await until(lambda: hub.online, 15)
    await events_up(hub)
    await asyncio.sleep(1.5)
    _, back = log.lines
    assert back[0] == "INFO"
    assert re.fullmatch(r"Test NVR is online again after 0:00:\d\d", back[1])
    assert log.warnings == [gone[1]]


async def test_a_short_absence_is_not_worth_a_line(
    hass: HomeAssistant, nvr: HikvisionSimulator, log: Log, caplog: pytest.LogCaptureFixture
) -> None:
    hub = await set_up(hass, make_entry(nvr))
    await events_up(hub)
    caplog.clear()
    await nvr.power_off()
    await until(lambda: hub.watch.failing(0))
    await nvr.power_on()
    await until(lambda: not hub.watch.failing(0), 15)
    await events_up(hub)
    assert log.lines == []


async def test_an_overloaded_recorder_is_told_once(
    hass: HomeAssistant, nvr: HikvisionSimulator, log: Log, caplog: pytest.LogCaptureFixture
) -> None:
    hub = await set_up(hass, make_entry(nvr))
    await events_up(hub)
    caplog.clear()
    busy = PathFault(kind="status", status=503, code=2, sub="deviceBusy")
    for path in ("channels", "channels/status"):
        nvr.faults.paths[f"/ISAPI/ContentMgmt/InputProxy/{path}"] = busy
    await until(lambda: log.lines, 10)
    await asyncio.sleep(1.5)
    nvr.faults.paths.clear()
    await until(lambda: len(log.lines) > 1, 10)
    assert [level for level, _ in log.lines] == ["ERROR", "INFO"]
    assert "has no free connection" in log.lines[0][1]


async def test_reload_unload_and_stop_are_silent(
    hass: HomeAssistant, nvr: HikvisionSimulator, log: Log, caplog: pytest.LogCaptureFixture
) -> None:
    entry = make_entry(nvr)
    await events_up(await set_up(hass, entry))
    caplog.clear()
    await hass.config_entries.async_reload(entry.entry_id)
    await events_up(entry.runtime_data.hub)
    await hass.config_entries.async_unload(entry.entry_id)
    await hass.config_entries.async_setup(entry.entry_id)
    await events_up(entry.runtime_data.hub)
    hass.bus.async_fire(EVENT_HOMEASSISTANT_STOP)
    await hass.async_block_till_done()
    assert (log.lines, log.warnings) == ([], [])


async def test_a_start_while_it_is_away(
    hass: HomeAssistant, nvr: HikvisionSimulator, log: Log, caplog: pytest.LogCaptureFixture
) -> None:
    entry = make_entry(nvr, options={CONF_GRACE_TIME: 1})
    await events_up(await set_up(hass, entry))
    await hass.config_entries.async_unload(entry.entry_id)
    await nvr.power_off()
    caplog.clear()
    await hass.config_entries.async_setup(entry.entry_id)
    await asyncio.sleep(2)
    assert [(level, text.partition(" since ")[0]) for level, text in log.lines] == [("WARNING", "Test NVR is offline")]
    await hass.config_entries.async_reload(entry.entry_id)
    await asyncio.sleep(2)
    assert log.lines[1:] == [("WARNING", "Test NVR is still offline (unreachable)")]
    await nvr.power_on()
    await until(lambda: entry.runtime_data.hub.online, 10)
    assert [level for level, _ in log.lines[2:]] == ["INFO"]
