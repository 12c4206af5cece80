"""A real Home Assistant core and simulated recorders in one process."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
import contextlib
import logging
from pathlib import Path
from typing import Any

from homeassistant.config_entries import ConfigEntry, ConfigEntryState, ConfigFlowResult
from homeassistant.const import CONF_HOST, CONF_PASSWORD, CONF_PORT, CONF_USERNAME
from homeassistant.core import HomeAssistant
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.nvr.const import CONF_FAMILY, CONF_TLS, DOMAIN
from custom_components.nvr.hub import NvrHub
from tests.simulators.dahua import PASSWORD, USER

from .recorders import FAMILIES, HIKVISION, Family, Recorder, family_of

HOST = "127.0.0.1"
WRONG_PASSWORD = "wrong-pass-1"

# Any, for a test that takes one family's own switches knows which one it starts.
type StartSimulator = Callable[..., Awaitable[Any]]

every_family = pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.key, indirect=True)


@pytest.fixture
def hass_config_dir(tmp_path: Path) -> str:
    """A folder for each test, for what is written besides Home Assistant's own stores."""
    return str(tmp_path)


@pytest.fixture(autouse=True)
def real_integration(enable_custom_integrations: None, socket_enabled: None) -> None:
    """Load the integration from this checkout, and let it talk to 127.0.0.1."""


@pytest.fixture(autouse=True)
def quiet_network() -> Iterator[None]:
    """Let nobody search the network of this machine; tests of the search bring their own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("custom_components.nvr.discovery.SCANNERS", ())
        yield


@pytest.fixture
async def nothing_unhandled(caplog: pytest.LogCaptureFixture) -> AsyncIterator[None]:
    """Fail where anything was raised past everybody: a stack in the log, or a task nobody looked at."""
    yield
    stacks = [
        record.getMessage()
        for record in caplog.records
        if record.levelno >= logging.ERROR and (record.exc_info or "never retrieved" in record.getMessage())
    ]
    assert [text for text in stacks if "libturbojpeg" not in text] == []


@pytest.fixture
def family(request: pytest.FixtureRequest) -> Family:
    """The family whose simulator is started: the first, unless the test is marked with `every_family`."""
    chosen: Family = getattr(request, "param", HIKVISION)
    return chosen


@pytest.fixture
async def start_simulator(real_integration: None, family: Family) -> AsyncIterator[StartSimulator]:
    """Start recorders of the family that end with the test; without RTSP unless asked for."""
    _forgive_refused_handshakes()
    async with contextlib.AsyncExitStack() as stack:

        async def start(**options: Any) -> Recorder:
            simulator = family.simulator(**{"rtsp": False, "latency_ms": 0.0, **options})
            return await stack.enter_async_context(simulator)

        yield start


def _forgive_refused_handshakes() -> None:
    """Let clients refuse the simulator's certificate: asyncio in debug mode tells the server of it as an error."""
    loop = asyncio.get_running_loop()
    told = loop.get_exception_handler()

    def tell(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        if str(context.get("message")).startswith("Error on transport creation for incoming connection"):
            return
        if told is None:
            loop.default_exception_handler(context)
        else:
            told(loop, context)

    loop.set_exception_handler(tell)


@pytest.fixture
async def nvr(start_simulator: StartSimulator) -> Any:
    """A recorder with four channels."""
    return await start_simulator(channels=4)


@pytest.fixture
async def entry(hass: HomeAssistant, nvr: Recorder) -> MockConfigEntry:
    """The recorder, set up."""
    entry = make_entry(nvr)
    await set_up(hass, entry)
    return entry


def make_entry(simulator: Recorder, **changes: Any) -> MockConfigEntry:
    """Return the entry that the config flow would make; `options` and parts of the data may be given."""
    options = changes.pop("options", {})
    data = {
        CONF_HOST: HOST,
        CONF_PORT: simulator.http_port,
        CONF_TLS: "off",
        "fingerprint": None,
        CONF_USERNAME: USER,
        CONF_PASSWORD: PASSWORD,
        CONF_FAMILY: family_of(simulator).key,
        **changes,
    }
    return MockConfigEntry(domain=DOMAIN, title="Test NVR", data=data, options=options, unique_id=simulator.serial)


async def set_up(hass: HomeAssistant, entry: MockConfigEntry) -> NvrHub:
    """Set the entry up and return its hub."""
    if hass.config_entries.async_get_entry(entry.entry_id) is None:
        entry.add_to_hass(hass)
        await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done()
    assert entry.state is ConfigEntryState.LOADED, entry.reason
    hub = entry.runtime_data.hub
    assert isinstance(hub, NvrHub)
    return hub


async def open_options(hass: HomeAssistant, entry: ConfigEntry, step: str) -> ConfigFlowResult:
    """Open one of the options' forms through their menu."""
    menu = await hass.config_entries.options.async_init(entry.entry_id)
    return await hass.config_entries.options.async_configure(menu["flow_id"], {"next_step_id": step})


async def open_settings(hass: HomeAssistant, entry: ConfigEntry) -> ConfigFlowResult:
    """Open the form that sets the recorder up anew."""
    return await open_options(hass, entry, "settings")


def state(hass: HomeAssistant, entity_id: str | None) -> str:
    """Return the state of an entity that exists."""
    assert entity_id is not None
    found = hass.states.get(entity_id)
    assert found is not None, entity_id
    return found.state


async def until(condition: Callable[[], object], seconds: float = 10.0) -> None:
    """Wait in real time until something is so; fails with the condition's own value when it does not come."""
    deadline = asyncio.get_running_loop().time() + seconds
    while not condition():
        assert asyncio.get_running_loop().time() < deadline, "it did not happen in time"
        await asyncio.sleep(0.01)


async def events_up(hub: NvrHub) -> None:
    """Wait until the event stream is alive."""
    await until(lambda: hub.link.stream_state == "alive")
