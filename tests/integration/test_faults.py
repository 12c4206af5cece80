"""Every line of the table in docs/faults.md: the fault is switched on, what the line says is so, off, and it is gone.

The table and the switches of the simulators are held against each other, too: a fault without a line fails, and a line
without a fault.
"""

from datetime import timedelta
import json
from pathlib import Path
from typing import Any, Final

from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator, WebSocketGenerator

from custom_components.nvr import box_health, recording_watch, stills
from custom_components.nvr.const import CONF_GRACE_TIME, CONF_HOLD_TIME
from custom_components.nvr.core.transport.http import HttpTransport
from custom_components.nvr.media.exports.queue import ExportQueue
from tests.simulators.footage import ChannelPlan

from .conftest import StartSimulator, events_up, make_entry, set_up
from .export_helpers import media_folder_in
from .fault_home import WORKS, FaultHome, came
from .fault_table import PAGE, Row, read_rows, read_words, sentences, switches_of_simulators, told_of
from .recorders import FAMILIES

ENGLISH: Final = Path(__file__).parents[2] / "custom_components" / "nvr" / "translations" / "en.json"
TEXT: Final = PAGE.read_text(encoding="utf-8")
ROWS: Final = read_rows(TEXT)

# One of each kind, for every day; the others run with the long ones.
EVERYDAY: Final = {
    'hikvision:disk="error"',
    "hikvision:search.status=500",
    'dahua:storage.mode="error"',
    "hikvision:alerts.status=404",
}
_LONG: Final = 20.0

STEADY: Final = ChannelPlan("continuous", (120, 120), 0.0, (), incidents_per_hour=0.0)


def _parameters() -> list[Any]:
    families = {family.key: family for family in FAMILIES}
    return [
        pytest.param(families[row.family], row, id=row.id, marks=() if row.id in EVERYDAY else pytest.mark.slow)
        for row in ROWS
    ]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let moments stand for the seconds and minutes that pass between two tries."""
    for name in ("POLL_FAILING", "POLL_OFFLINE", "POLL_STEADY", "POLL_WITHOUT_EVENTS", "POLL_REFUSED"):
        monkeypatch.setattr(f"custom_components.nvr.link.{name}", timedelta(seconds=1))
    for family in FAMILIES:
        monkeypatch.setattr(family.back_off, (0.1,))
    monkeypatch.setattr("custom_components.nvr.core.drivers.dahua.client.FULL_TABLE_WAIT", 0.1)
    for name in ("CROWDED", "DOWN"):
        monkeypatch.setattr(f"custom_components.nvr.health_issues.{name}", 0.2)
    monkeypatch.setattr(stills, "_FRESH", 0.0)
    for function, name, value in ((HttpTransport.request, "timeout", 3.0), (ExportQueue.__init__, "delays", (0.05,))):
        monkeypatch.setattr(function, "__kwdefaults__", {**(function.__kwdefaults__ or {}), name: value})


@pytest.fixture
def often(monkeypatch: pytest.MonkeyPatch, row: Row) -> None:
    """Look at the health all the time, where the line is about that, and soon for an end that was lost."""
    if row.switch == "events.lose_stops":
        monkeypatch.setattr("custom_components.nvr.core.drivers.dahua.event_state.LOST_STOP", 1.0)
    if "health" not in row.functions:
        return
    for name, value in {"FIRST": 0.0, "PACE": 0.02, "QUIET": 0.3, "ROUND": timedelta(seconds=0.2)}.items():
        monkeypatch.setattr(recording_watch, name, value)
    for name, quicker in {"FIRST": 0.0, "INTERVAL": timedelta(seconds=0.2), "_AGAIN": 0.05}.items():
        monkeypatch.setattr(box_health, name, quicker)


@pytest.fixture
async def home(
    hass: HomeAssistant,
    start_simulator: StartSimulator,
    *,
    often: None,
    hass_ws_client: WebSocketGenerator,
    hass_client_no_auth: ClientSessionGenerator,
    tmp_path: Path,
    row: Row,
) -> FaultHome:
    """An NVR with four cameras, one of whose names no plain text holds."""
    doors = {"https_port": 0} if row.switch.endswith("redirect_https") else {}
    folder = media_folder_in(hass, tmp_path)
    assert await async_setup_component(hass, "media_source", {})
    nvr = await start_simulator(channels=4, rtsp=True, main_size=(320, 180), fps=5, h264_only=True, **doors)
    nvr.rename_channel(2, "后门 & Tor")
    nvr.footage.plans.update(dict.fromkeys(range(1, 5), STEADY))
    nvr.rtsp.faults.delivery = 20.0
    entry = make_entry(nvr, options={CONF_GRACE_TIME: 1, CONF_HOLD_TIME: 2})
    hub = await set_up(hass, entry)
    await events_up(hub)
    made = FaultHome(hass, nvr, entry, await hass_client_no_auth(), await hass_ws_client(hass), folder)
    made.listen()
    return made


def test_every_fault_has_a_line_and_every_line_a_fault() -> None:
    for heading, wanted in switches_of_simulators().items():
        told = {told_of(row.switch) for row in ROWS if row.heading == heading}
        assert not wanted - told, f"docs/faults.md has no line under {heading} for {sorted(wanted - told)}"
        assert not told - wanted, f"docs/faults.md tells under {heading} of {sorted(told - wanted)}, which is no fault"


def test_ids_are_unique_and_those_of_every_day_exist() -> None:
    ids = [row.id for row in ROWS]
    assert len(ids) == len(set(ids)), sorted({one for one in ids if ids.count(one) > 1})
    assert set(ids) >= EVERYDAY


def test_words_are_those_that_users_read() -> None:
    known = sentences(json.loads(ENGLISH.read_text(encoding="utf-8")))
    told = read_words(TEXT)
    assert told == {key: known.get(key) for key in told}
    for row in ROWS:
        for key in row.keys:
            assert key in told or f"repair {key}" in told, f"{row.id}: the words of {key} are not quoted"
    used = {key for row in ROWS for key in row.keys}
    assert {key.removeprefix("repair ") for key in told} <= used
    assert all(row.words for row in ROWS)


@pytest.mark.parametrize(("family", "row"), _parameters(), indirect=["family"])
async def test_fault_is_seen_as_the_table_says(home: FaultHome, row: Row) -> None:
    await home.begin(row)
    seen = {name: await home.see(name, row.outcome(name)) for name in row.functions}
    assert seen == {name: row.outcome(name) for name in row.functions}
    for extra in row.extras:
        await _is_seen(home, extra)
    told = {extra[1] for extra in row.extras if extra[0] == "repair"}
    if "health" in row.functions:
        assert await came(lambda: set(home.repairs()) == told, _LONG), (told, home.repairs())
    await home.end(row)
    for extra in sorted(row.extras, key=lambda extra: extra[0] != "reauth"):
        await _is_over(home, extra)
    over = {name: await home.see(name, WORKS) for name in row.functions}
    assert over == dict.fromkeys(row.functions, WORKS)
    assert await came(lambda: not home.repairs(), _LONG), home.repairs()


async def _is_seen(home: FaultHome, extra: tuple[str, ...]) -> None:
    kind, *words = extra
    if kind == "repair":
        assert await came(lambda: words[0] in home.repairs(), _LONG), (words, home.repairs())
        assert (home.repairs()[words[0]].translation_placeholders or {})["name"] == home.entry.title
    elif kind == "event":
        assert await came(lambda: words[0] in home.edge_names(), _LONG), home.edge_names()
    elif kind == "reauth":
        assert await came(home.asked_for_login, _LONG)
    elif kind == "state":
        assert await came(lambda: home.state(words[0]) == words[1], _LONG), (words, home.state(words[0]))
    else:
        pytest.fail(f"the table says {kind!r}, which nobody understands")


async def _is_over(home: FaultHome, extra: tuple[str, ...]) -> None:
    kind, *words = extra
    if kind == "event" and words[0].endswith("_offline"):
        assert await came(lambda: words[0].replace("offline", "online") in home.edge_names(), _LONG)
    elif words == ["camera_changed"]:
        await home.confirm(words[0])
    elif kind == "reauth":
        await home.log_in()
        assert not home.asked_for_login()
    elif kind == "state":
        assert await came(lambda: home.state(words[0]) != words[1], _LONG), (words, home.state(words[0]))
