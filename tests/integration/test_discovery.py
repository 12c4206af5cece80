"""NVRs that are found: by a search in the flow, and by what Home Assistant notices on the network."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace
from fnmatch import fnmatchcase
from ipaddress import ip_address
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer
from homeassistant.config_entries import (
    SOURCE_DHCP,
    SOURCE_IGNORE,
    SOURCE_SSDP,
    SOURCE_USER,
    SOURCE_ZEROCONF,
    ConfigEntryState,
    ConfigFlowResult,
)
from homeassistant.const import CONF_HOST, CONF_PASSWORD, CONF_PORT, CONF_USERNAME
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.helpers.service_info.dhcp import DhcpServiceInfo
from homeassistant.helpers.service_info.ssdp import SsdpServiceInfo
from homeassistant.helpers.service_info.zeroconf import ZeroconfServiceInfo
from homeassistant.loader import async_get_dhcp, async_get_ssdp, async_get_zeroconf
from homeassistant.setup import async_setup_component
import ifaddr
import pytest
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.nvr.const import DOMAIN
from custom_components.nvr.core.discovery.box import Box, BoxKind
from custom_components.nvr.core.discovery.scan import SCANNERS, Scanner
from custom_components.nvr.discovery import Finder, brand_of, finder, offered, title_of
from tests.simulators.dahua import PASSWORD, USER, DahuaSimulator
from tests.simulators.hikvision import HikvisionSimulator

from .conftest import HOST, WRONG_PASSWORD, StartSimulator, every_family, make_entry, set_up, until
from .recorders import DAHUA, HIKVISION, Recorder

SADP, DHDISCOVER, ONVIF = SCANNERS
MAC = "02:37:7c:16:1d:e9"

type Search = Callable[..., None]


@pytest.fixture(autouse=True)
def only_loopback(hass_storage: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Let Home Assistant see and use no network but the loopback interface."""
    adapter = ifaddr.Adapter("lo", "lo", [ifaddr.IP(HOST, 8, "lo")], 1)
    monkeypatch.setattr("homeassistant.components.network.util.ifaddr.get_adapters", lambda: [adapter])
    hass_storage["core.network"] = {"version": 1, "data": {"configured_adapters": ["lo"]}}


def scanner_of(nvr: Recorder) -> Scanner:
    return replace(SADP if isinstance(nvr, HikvisionSimulator) else DHDISCOVER, port=nvr.discovery.port)


@pytest.fixture
def search(hass: HomeAssistant, quiet_network: None) -> Search:
    """Let the search look for these NVRs, where they listen."""

    def look_for(*nvrs: Recorder, onvif: bool = False) -> None:
        own = [replace(ONVIF, port=nvr.onvif.port) if onvif else scanner_of(nvr) for nvr in nvrs]
        finder(hass).scanners = tuple(own)
        # A busy machine may take as long as it wants, and nobody waits for answers that cannot come.
        finder(hass).seconds, finder(hass).enough = 20.0, len(nvrs)

    return look_for


@pytest.fixture
async def nvr(start_simulator: StartSimulator) -> Any:
    return await start_simulator(channels=2, discovery_port=0, onvif_port=0)


async def begin(hass: HomeAssistant) -> ConfigFlowResult:
    """Open the flow and wait until the search is over."""
    flows = hass.config_entries.flow
    result = await flows.async_init(DOMAIN, context={"source": SOURCE_USER})
    if result["type"] is FlowResultType.SHOW_PROGRESS:
        assert result["progress_action"] == "search"
        await until(lambda: flows.async_get(result["flow_id"])["step_id"] == "user")
        result = await flows.async_configure(result["flow_id"])
    assert (result["type"], result["step_id"]) == (FlowResultType.FORM, "user")
    return result


def choices(result: ConfigFlowResult) -> dict[str, str]:
    """Return what can be chosen as an address."""
    schema = result["data_schema"]
    assert schema is not None
    config: Mapping[str, Any] = schema.schema[CONF_HOST].config
    return {option["value"]: option["label"] for option in config.get("options", [])}


def login(password: str = PASSWORD, **more: str) -> dict[str, str]:
    return {CONF_USERNAME: USER, CONF_PASSWORD: password, **more}


async def dhcp(hass: HomeAssistant, nvr: Recorder) -> ConfigFlowResult:
    seen = DhcpServiceInfo(ip=HOST, hostname="nvr", macaddress=nvr.device.mac.replace(":", ""))
    return await hass.config_entries.flow.async_init(DOMAIN, context={"source": SOURCE_DHCP}, data=seen)


@every_family
async def test_what_was_found_is_chosen(hass: HomeAssistant, nvr: Any, search: Search) -> None:
    search(nvr)
    result = await begin(hass)
    address = f"{HOST}:{nvr.http_port}"
    maker = "Hikvision" if isinstance(nvr, HikvisionSimulator) else "Dahua"
    assert choices(result) == {address: f"{maker} {nvr.device.firmware.model}: {address}"}
    assert nvr.counters.requests == 0
    result = await hass.config_entries.flow.async_configure(result["flow_id"], login(host=address))
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert result["result"].unique_id == nvr.serial


async def test_another_address_can_be_typed_all_the_same(
    hass: HomeAssistant, nvr: HikvisionSimulator, start_simulator: StartSimulator, search: Search
) -> None:
    other = await start_simulator(channels=1, number=2)
    search(nvr)
    result = await begin(hass)
    typed = login(WRONG_PASSWORD, host=f"{HOST}:{other.http_port}")
    result = await hass.config_entries.flow.async_configure(result["flow_id"], typed)
    assert (result["step_id"], result["errors"]) == ("user", {CONF_PASSWORD: "auth"})
    # The list is still there, and nothing was searched a second time.
    assert len(choices(result)) == 1
    assert nvr.discovery.asked <= 2
    typed = login(host=f"{HOST}:{other.http_port}")
    result = await hass.config_entries.flow.async_configure(result["flow_id"], typed)
    assert result["result"].unique_id == other.serial
    assert nvr.counters.requests == 0


async def test_both_makes_answer_the_search_of_onvif(hass: HomeAssistant, nvr: Any, search: Search) -> None:
    async with DahuaSimulator(rtsp=False, onvif_port=0) as other:
        search(nvr, other, onvif=True)
        found = choices(await begin(hass))
        assert set(found) == {f"{HOST}:{nvr.http_port}", f"{HOST}:{other.http_port}"}
        assert {label.partition(" ")[0] for label in found.values()} == {"Hikvision", "Dahua"}
        assert nvr.counters.requests == other.counters.requests == 0


async def test_what_is_set_up_is_not_offered(hass: HomeAssistant, nvr: Any, search: Search) -> None:
    await set_up(hass, make_entry(nvr))
    search(nvr)
    assert choices(await begin(hass)) == {}


async def test_flows_that_follow_one_another_share_a_search(hass: HomeAssistant, nvr: Any, search: Search) -> None:
    search(nvr)
    await begin(hass)
    asked = nvr.discovery.asked
    result = await hass.config_entries.flow.async_init(DOMAIN, context={"source": SOURCE_USER})
    assert result["step_id"] == "user"
    assert len(choices(result)) == 1
    assert nvr.discovery.asked == asked


async def test_a_flow_that_is_left_while_it_searches_ends_quietly(
    hass: HomeAssistant, nvr: Any, search: Search, nothing_unhandled: None
) -> None:
    search(nvr)
    flows = hass.config_entries.flow
    result = await flows.async_init(DOMAIN, context={"source": SOURCE_USER})
    assert result["type"] is FlowResultType.SHOW_PROGRESS
    flows.async_abort(result["flow_id"])
    # Who comes meanwhile gets what was searched for the other.
    assert len(choices(await begin(hass))) == 1


@every_family
async def test_dhcp_offers_a_new_nvr(hass: HomeAssistant, nvr: Any, search: Search) -> None:
    search(nvr)
    result = await dhcp(hass, nvr)
    assert (result["type"], result["step_id"]) == (FlowResultType.FORM, "discovered")
    (flow,) = hass.config_entries.flow.async_progress()
    assert nvr.device.firmware.model in flow["context"]["title_placeholders"]["name"]
    assert nvr.counters.requests == 0
    # The same box again, and by another way, is the same card.
    assert (await dhcp(hass, nvr))["reason"] == "already_in_progress"
    result = await hass.config_entries.flow.async_configure(result["flow_id"], login(WRONG_PASSWORD))
    assert (result["step_id"], result["errors"]) == ("discovered", {CONF_PASSWORD: "auth"})
    result = await hass.config_entries.flow.async_configure(result["flow_id"], login())
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert result["data"][CONF_PORT] == nvr.http_port
    assert result["result"].unique_id == nvr.serial
    assert (await dhcp(hass, nvr))["reason"] == "already_configured"


async def test_a_camera_gets_no_card(hass: HomeAssistant, start_simulator: StartSimulator, search: Search) -> None:
    camera = await start_simulator(profile="ipc", discovery_port=0)
    search(camera)
    assert (await dhcp(hass, camera))["reason"] == "not_a_recorder"
    # Whoever looks for one finds it.
    assert len(choices(await begin(hass))) == 1


async def test_an_nvr_without_a_password_gets_no_card(hass: HomeAssistant, monkeypatch: pytest.MonkeyPatch) -> None:
    async def look(_self: Finder, host: str, _mac: str = "") -> Box:
        return Box(host, 80, family="hikvision", model="DS-7608NI", kind=BoxKind.RECORDER, activated=False)

    monkeypatch.setattr(Finder, "async_look", look)
    seen = DhcpServiceInfo(ip=HOST, hostname="nvr", macaddress=MAC.replace(":", ""))
    result = await hass.config_entries.flow.async_init(DOMAIN, context={"source": SOURCE_DHCP}, data=seen)
    assert result["reason"] == "not_activated"


async def test_what_the_user_ignores_stays_ignored(hass: HomeAssistant, nvr: Any, search: Search) -> None:
    search(nvr)
    await dhcp(hass, nvr)
    ignored = {"unique_id": nvr.device.mac, "title": "An NVR"}
    await hass.config_entries.flow.async_init(DOMAIN, context={"source": SOURCE_IGNORE}, data=ignored)
    assert (await dhcp(hass, nvr))["reason"] == "already_configured"
    assert hass.config_entries.flow.async_progress() == []


async def test_the_card_goes_when_the_nvr_is_added_by_hand(hass: HomeAssistant, nvr: Any, search: Search) -> None:
    search(nvr)
    await dhcp(hass, nvr)
    result = await begin(hass)
    address = f"{HOST}:{nvr.http_port}"
    result = await hass.config_entries.flow.async_configure(result["flow_id"], login(host=address))
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert hass.config_entries.flow.async_progress() == []


def upnp(location: str | None, page: str = "") -> SsdpServiceInfo:
    return SsdpServiceInfo(
        ssdp_usn="uuid:1::upnp:rootdevice",
        ssdp_st="upnp:rootdevice",
        ssdp_location=location,
        upnp={"manufacturer": "HIKVISION", "serialNumber": "123", "presentationURL": page},
    )


def bonjour(port: int) -> ZeroconfServiceInfo:
    return ZeroconfServiceInfo(
        ip_address=ip_address(HOST),
        ip_addresses=[ip_address(HOST)],
        hostname="nvr.local.",
        name="HIKVISION._psia._tcp.local.",
        port=port,
        properties={},
        type="_psia._tcp.local.",
    )


async def test_ssdp_offers_a_new_nvr(hass: HomeAssistant, nvr: Any, search: Search) -> None:
    search(nvr)
    flows = hass.config_entries.flow
    seen = upnp(f"http://{HOST}:49152/upnpdevicedesc.xml")
    result = await flows.async_init(DOMAIN, context={"source": SOURCE_SSDP}, data=seen)
    assert result["step_id"] == "discovered"
    # By its network address it is the one that DHCP tells of.
    assert (await dhcp(hass, nvr))["reason"] == "already_in_progress"


async def test_ssdp_without_an_address_is_nothing(hass: HomeAssistant) -> None:
    for location in (None, "", "http://[1", "nothing"):
        flows = hass.config_entries.flow
        result = await flows.async_init(DOMAIN, context={"source": SOURCE_SSDP}, data=upnp(location))
        assert result["reason"] == "not_an_nvr"


@pytest.mark.parametrize(
    ("family", "source"), [(HIKVISION, SOURCE_SSDP), (DAHUA, SOURCE_ZEROCONF)], indirect=["family"]
)
async def test_what_answers_no_search_is_asked_without_a_login(hass: HomeAssistant, nvr: Any, source: str) -> None:
    page = f"http://192.0.2.66:{nvr.http_port}/"
    seen = bonjour(nvr.http_port) if source == SOURCE_ZEROCONF else upnp(f"http://{HOST}:49152/desc.xml", page)
    result = await hass.config_entries.flow.async_init(DOMAIN, context={"source": source}, data=seen)
    assert result["step_id"] == "discovered"
    assert nvr.counters.auth_failures == 0
    assert 0 < nvr.counters.requests <= 4
    result = await hass.config_entries.flow.async_configure(result["flow_id"], login())
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert result["result"].unique_id == nvr.serial


async def test_bonjour_follows_an_nvr_to_its_new_address(hass: HomeAssistant, nvr: Any, search: Search) -> None:
    entry = make_entry(nvr)
    await set_up(hass, entry)
    await hass.config_entries.async_unload(entry.entry_id)
    hass.config_entries.async_update_entry(entry, data={**entry.data, CONF_HOST: "192.0.2.1"})
    search(nvr)
    seen = bonjour(nvr.http_port)
    result = await hass.config_entries.flow.async_init(DOMAIN, context={"source": SOURCE_ZEROCONF}, data=seen)
    assert result["reason"] == "already_configured"
    assert entry.data[CONF_HOST] == HOST
    await hass.async_block_till_done()


async def test_bonjour_of_something_else_is_nothing(hass: HomeAssistant) -> None:
    async with TestServer(web.Application(), host=HOST) as server:
        seen = bonjour(server.port or 0)
        result = await hass.config_entries.flow.async_init(DOMAIN, context={"source": SOURCE_ZEROCONF}, data=seen)
    assert result["reason"] == "not_an_nvr"


async def test_the_search_over_http_as_the_frontend_does_it(
    hass: HomeAssistant, nvr: Any, search: Search, hass_client: ClientSessionGenerator
) -> None:
    for component in ("config", DOMAIN):
        assert await async_setup_component(hass, component, {})
    search(nvr)
    client = await hass_client()
    flow = await (await client.post("/api/config/config_entries/flow", json={"handler": DOMAIN})).json()
    assert (flow["type"], flow["progress_action"]) == ("progress", "search")
    async with asyncio.timeout(20):
        while flow["type"] == "progress":
            await asyncio.sleep(0.05)
            flow = await (await client.get(f"/api/config/config_entries/flow/{flow['flow_id']}")).json()
    assert (flow["type"], flow["step_id"]) == ("form", "user")
    (host,) = [field for field in flow["data_schema"] if field["name"] == CONF_HOST]
    assert host["selector"]["select"]["custom_value"] is True
    assert [option["value"] for option in host["selector"]["select"]["options"]] == [f"{HOST}:{nvr.http_port}"]


async def test_zeroconf_of_what_is_set_up_offers_nothing(hass: HomeAssistant, nvr: Any, search: Search) -> None:
    entry = make_entry(nvr)
    await set_up(hass, entry)
    # It is talked to by a name, which tests cannot look up: its network address tells that it is the same.
    hass.config_entries.async_update_entry(entry, data={**entry.data, CONF_HOST: "nvr.example"})
    search(nvr)
    seen = bonjour(nvr.http_port)
    result = await hass.config_entries.flow.async_init(DOMAIN, context={"source": SOURCE_ZEROCONF}, data=seen)
    assert result["reason"] == "already_configured"
    assert entry.state is ConfigEntryState.LOADED


async def test_home_assistant_reads_what_is_to_be_noticed(hass: HomeAssistant) -> None:
    rows = [row for row in await async_get_dhcp(hass) if row["domain"] == DOMAIN]
    patterns = [row.get("macaddress", "") for row in rows]
    assert any(row.get("registered_devices") for row in rows)
    assert len(set(patterns)) == len(patterns)
    noticed = {
        mac: any(fnmatchcase(mac, pattern) for pattern in patterns)
        for mac in ("C42F90000001", "E0508B000001", "9C8ECD000001", "020000000001")
    }
    assert noticed == {"C42F90000001": True, "E0508B000001": True, "9C8ECD000001": True, "020000000001": False}
    assert {"manufacturer": "HIKVISION"} in (await async_get_ssdp(hass))[DOMAIN]
    announced = await async_get_zeroconf(hass)
    for service in ("_psia._tcp.local.", "_CGI._tcp.local."):
        assert {"domain": DOMAIN} in announced[service]


@pytest.mark.parametrize(
    ("box", "title"),
    [
        (Box(HOST, family="hikvision", maker="hikvision", model="NVR-108MH-C"), "HiLook NVR-108MH-C"),
        (Box(HOST, family="hikvision", maker="hikvision", model="Own label"), "Hikvision Own label"),
        (Box(HOST, family="dahua", model="AMDV8108"), "Amcrest AMDV8108"),
        (Box(HOST, maker="Lorex", model="LNR600", name="Cellar"), "Cellar (Lorex LNR600)"),
        (Box(HOST, family="dahua"), "Dahua"),
        (Box(HOST), HOST),
    ],
)
def test_names_of_what_was_found(box: Box, title: str) -> None:
    assert title_of(box) == title


def test_what_is_offered() -> None:
    camera = Box("192.0.2.1", family="dahua", kind=BoxKind.CAMERA)
    unknown = Box("192.0.2.2", family="dahua")
    recorder = Box("192.0.2.3", family="hikvision", kind=BoxKind.RECORDER)
    intercom = Box("192.0.2.4", family="hikvision", kind=BoxKind.OTHER)
    stranger = Box("192.0.2.5", maker="Somebody", model="X")
    assert offered([camera, unknown, recorder, intercom, stranger]) == [recorder, unknown, camera]
    assert brand_of(stranger) == ""
