"""Every way through the config flow, against recorders that really answer."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
import socket
import ssl
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer
from homeassistant.config_entries import SOURCE_DHCP, SOURCE_USER, ConfigEntryState, ConfigFlowResult
from homeassistant.const import CONF_HOST, CONF_PASSWORD, CONF_PORT, CONF_USERNAME
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType, UnknownFlow
from homeassistant.helpers import issue_registry as ir
from homeassistant.helpers.service_info.dhcp import DhcpServiceInfo
import pytest

from custom_components.nvr.config_flow import NvrConfigFlow
from custom_components.nvr.connection import TypedAddress, parse_address, show_address
from custom_components.nvr.const import CONF_FAMILY, CONF_FINGERPRINT, CONF_PLAIN_BASIC, CONF_TLS, DOMAIN
from custom_components.nvr.core.driver import TlsMode
from tests.simulators.hikvision import PASSWORD, USER, HikvisionSimulator, PathFault

from .conftest import HOST, WRONG_PASSWORD, StartSimulator, events_up, make_entry, set_up

MAC = "02377c161de9"


def address(simulator: HikvisionSimulator) -> str:
    return f"{HOST}:{simulator.http_port}"


def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


async def begin(hass: HomeAssistant, host: str, password: str = PASSWORD) -> ConfigFlowResult:
    result = await hass.config_entries.flow.async_init(DOMAIN, context={"source": SOURCE_USER})
    assert (result["type"], result["step_id"], result["errors"]) == (FlowResultType.FORM, "user", {})
    return await answer(hass, result, {CONF_HOST: host, CONF_USERNAME: USER, CONF_PASSWORD: password})


async def answer(hass: HomeAssistant, result: ConfigFlowResult, values: dict[str, Any]) -> ConfigFlowResult:
    found = await hass.config_entries.flow.async_configure(result["flow_id"], values)
    await hass.async_block_till_done()
    return found


def placeholders(result: ConfigFlowResult) -> Mapping[str, str]:
    found = result["description_placeholders"]
    assert found is not None
    return found


def suggested(result: ConfigFlowResult) -> dict[str, Any]:
    """Return what a form is filled with."""
    schema = result["data_schema"]
    assert schema is not None
    return {str(key): key.description["suggested_value"] for key in schema.schema if key.description}


async def test_user_enters_three_things(hass: HomeAssistant, nvr: HikvisionSimulator) -> None:
    result = await begin(hass, address(nvr))
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert result["title"] == "NVR Demo"
    assert result["data"] == {
        CONF_HOST: HOST,
        CONF_PORT: nvr.http_port,
        CONF_TLS: "off",
        CONF_FINGERPRINT: None,
        CONF_PLAIN_BASIC: False,
        CONF_USERNAME: USER,
        CONF_PASSWORD: PASSWORD,
        CONF_FAMILY: "hikvision",
    }
    assert result["result"].unique_id == nvr.serial
    assert result["result"].state is ConfigEntryState.LOADED


async def test_a_password_of_special_characters_works(hass: HomeAssistant, start_simulator: StartSimulator) -> None:
    password = "p:a/s@s%?#&<>\"' ü"
    simulator = await start_simulator(channels=1, password=password)
    result = await begin(hass, f"http://{address(simulator)}/", password)
    assert result["type"] is FlowResultType.CREATE_ENTRY


async def test_wrong_password_then_the_right_one(hass: HomeAssistant, nvr: HikvisionSimulator) -> None:
    result = await begin(hass, address(nvr), WRONG_PASSWORD)
    assert (result["step_id"], result["errors"]) == ("user", {CONF_PASSWORD: "auth"})
    assert nvr.counters.auth_failures <= 2
    values = {CONF_HOST: address(nvr), CONF_USERNAME: USER, CONF_PASSWORD: PASSWORD}
    assert (await answer(hass, result, values))["type"] is FlowResultType.CREATE_ENTRY


async def test_locked_account_says_until_when(hass: HomeAssistant, nvr: HikvisionSimulator) -> None:
    result = await begin(hass, address(nvr), WRONG_PASSWORD)
    values = {CONF_HOST: address(nvr), CONF_USERNAME: USER, CONF_PASSWORD: WRONG_PASSWORD}
    for _ in range(10):
        result = await answer(hass, result, values)
        if result["errors"] != {CONF_PASSWORD: "auth"}:
            break
    assert result["errors"] == {"base": "locked"}
    assert placeholders(result)["until"].count(":") == 1


async def test_nothing_answers_asks_for_port_and_encryption(hass: HomeAssistant, nvr: HikvisionSimulator) -> None:
    result = await begin(hass, f"{HOST}:{closed_port()}")
    assert (result["step_id"], result["errors"]) == ("connection", {"base": "unreachable"})
    result = await answer(hass, result, {CONF_HOST: "not a host", CONF_PORT: 80, CONF_TLS: False})
    assert (result["step_id"], result["errors"]) == ("connection", {CONF_HOST: "invalid_host"})
    result = await answer(hass, result, {CONF_HOST: HOST, CONF_PORT: nvr.http_port, CONF_TLS: False})
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert result["data"][CONF_PORT] == nvr.http_port


async def test_invalid_address_is_an_error_of_its_field(hass: HomeAssistant) -> None:
    result = await begin(hass, "ftp://recorder")
    assert (result["step_id"], result["errors"]) == ("user", {CONF_HOST: "invalid_host"})


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (PathFault(kind="status", status=404, sub="notSupport"), "not_an_nvr"),
        (PathFault(kind="html", status=200), "not_an_nvr"),
        (PathFault(kind="status", status=403, sub="lowPrivilege"), "permission"),
        (PathFault(kind="status", status=503, code=2, sub="deviceBusy"), "busy"),
    ],
)
async def test_refusals_in_words(hass: HomeAssistant, nvr: HikvisionSimulator, fault: PathFault, error: str) -> None:
    nvr.faults.paths["/ISAPI/System/deviceInfo"] = fault
    result = await begin(hass, address(nvr))
    assert (result["step_id"], result["errors"]) == ("user", {"base": error})
    nvr.faults.paths.clear()
    values = {CONF_HOST: address(nvr), CONF_USERNAME: USER, CONF_PASSWORD: PASSWORD}
    assert (await answer(hass, result, values))["type"] is FlowResultType.CREATE_ENTRY


async def test_own_certificate_is_shown_and_pinned(hass: HomeAssistant, start_simulator: StartSimulator) -> None:
    simulator = await start_simulator(channels=1, https_port=0)
    result = await begin(hass, f"https://{HOST}:{simulator.https_port}")
    assert result["step_id"] == "certificate"
    assert simulator.counters.requests == 0
    shown = placeholders(result)["fingerprint"]
    assert shown.replace(":", "").lower() == simulator.fingerprint
    assert result["errors"] == {}
    for _ in range(2):
        result = await answer(hass, result, {"certificate": "verify"})
        assert (result["step_id"], result["errors"]) == ("certificate", {"base": "certificate_unverified"})
        assert placeholders(result)["fingerprint"] == shown
    result = await answer(hass, result, {"certificate": "pin"})
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert (result["data"][CONF_TLS], result["data"][CONF_FINGERPRINT]) == ("pin", simulator.fingerprint)
    assert result["result"].state is ConfigEntryState.LOADED


async def test_certificate_need_not_be_verified(hass: HomeAssistant, start_simulator: StartSimulator) -> None:
    simulator = await start_simulator(channels=1, https_port=0)
    result = await begin(hass, f"https://{HOST}:{simulator.https_port}", WRONG_PASSWORD)
    result = await answer(hass, result, {"certificate": "no_verify"})
    assert (result["step_id"], result["errors"]) == ("user", {CONF_PASSWORD: "auth"})
    # What was said of the certificate holds for the next try.
    values = {CONF_HOST: f"https://{HOST}:{simulator.https_port}", CONF_USERNAME: USER, CONF_PASSWORD: PASSWORD}
    result = await answer(hass, result, values)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert result["data"][CONF_TLS] == "no_verify"


async def test_encrypted_port_without_saying_so_is_found(hass: HomeAssistant, start_simulator: StartSimulator) -> None:
    simulator = await start_simulator(channels=1, https_port=0)
    result = await begin(hass, f"{HOST}:{simulator.https_port}")
    assert result["step_id"] == "certificate"


async def test_a_certificate_that_an_authority_vouches_for_needs_no_question(
    hass: HomeAssistant, start_simulator: StartSimulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    simulator = await start_simulator(channels=1, https_port=0)
    assert simulator.https_port is not None
    shown = await asyncio.to_thread(ssl.get_server_certificate, (HOST, simulator.https_port))
    authorities = tmp_path / "authorities.pem"
    authorities.write_text(shown, encoding="ascii")
    monkeypatch.setenv("SSL_CERT_FILE", str(authorities))
    result = await begin(hass, f"{HOST}:{simulator.https_port}")
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert result["data"][CONF_TLS] == "verify"


async def test_a_step_without_the_first_one_is_no_flow() -> None:
    with pytest.raises(UnknownFlow):
        await NvrConfigFlow().async_step_certificate()


async def test_recorder_that_sends_plain_http_to_https(hass: HomeAssistant, start_simulator: StartSimulator) -> None:
    simulator = await start_simulator(channels=1, https_port=0)
    simulator.faults.documents.redirect_https = True
    result = await begin(hass, address(simulator))
    assert result["step_id"] == "certificate"
    result = await answer(hass, result, {"certificate": "pin"})
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert result["data"][CONF_PORT] == simulator.https_port


async def test_a_readable_password_needs_consent(hass: HomeAssistant, start_simulator: StartSimulator) -> None:
    simulator = await start_simulator(profile="basic")
    result = await begin(hass, address(simulator))
    assert (result["step_id"], result["errors"]) == ("plain_login", {})
    assert placeholders(result)["host"] == HOST
    result = await answer(hass, result, {CONF_PLAIN_BASIC: False})
    assert (result["step_id"], result["errors"]) == ("user", {"base": "insecure_login"})
    assert simulator.counters.requests == simulator.counters.unauthorized > 0
    values = {CONF_HOST: address(simulator), CONF_USERNAME: USER, CONF_PASSWORD: PASSWORD}
    result = await answer(hass, result, values)
    assert result["step_id"] == "plain_login"
    result = await answer(hass, result, {CONF_PLAIN_BASIC: True})
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert result["data"][CONF_PLAIN_BASIC] is True
    assert result["result"].state is ConfigEntryState.LOADED


async def test_a_readable_password_is_not_sent_without_consent(
    hass: HomeAssistant, start_simulator: StartSimulator
) -> None:
    simulator = await start_simulator(profile="basic")
    entry = make_entry(simulator)
    entry.add_to_hass(hass)
    await hass.config_entries.async_setup(entry.entry_id)
    assert entry.error_reason_translation_key == "insecure_login"
    issue = ir.async_get(hass).async_get_issue(DOMAIN, f"{entry.entry_id}_permission")
    assert issue is not None
    assert issue.translation_key == "insecure_login"
    result = await entry.start_reconfigure_flow(hass)
    result = await answer(hass, result, {CONF_HOST: address(simulator), CONF_USERNAME: USER})
    result = await answer(hass, result, {CONF_PLAIN_BASIC: True})
    assert (result["type"], result["reason"]) == (FlowResultType.ABORT, "reconfigure_successful")
    assert entry.state is ConfigEntryState.LOADED
    assert entry.data[CONF_PASSWORD] == PASSWORD


async def test_same_recorder_again_updates_the_address(hass: HomeAssistant, nvr: HikvisionSimulator) -> None:
    entry = make_entry(nvr, host="192.0.2.1")
    entry.add_to_hass(hass)
    result = await begin(hass, address(nvr))
    assert (result["type"], result["reason"]) == (FlowResultType.ABORT, "already_configured")
    assert entry.data[CONF_HOST] == HOST


async def test_reauth(hass: HomeAssistant, nvr: HikvisionSimulator) -> None:
    entry = make_entry(nvr, password=WRONG_PASSWORD)
    entry.add_to_hass(hass)
    await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done()
    (flow,) = hass.config_entries.flow.async_progress()
    assert flow["step_id"] == "reauth_confirm"
    values = {CONF_USERNAME: "somebody", CONF_PASSWORD: WRONG_PASSWORD}
    result = await hass.config_entries.flow.async_configure(flow["flow_id"], values)
    assert (result["step_id"], result["errors"]) == ("reauth_confirm", {CONF_PASSWORD: "auth"})
    assert suggested(result) == {CONF_USERNAME: "somebody"}
    result = await answer(hass, result, {CONF_USERNAME: USER, CONF_PASSWORD: PASSWORD})
    assert (result["type"], result["reason"]) == (FlowResultType.ABORT, "reauth_successful")
    assert entry.state is ConfigEntryState.LOADED
    assert entry.data[CONF_PASSWORD] == PASSWORD


async def test_reconfigure_to_another_port_keeps_the_password(
    hass: HomeAssistant, start_simulator: StartSimulator
) -> None:
    simulator = await start_simulator(channels=1)
    entry = make_entry(simulator, port=closed_port())
    entry.add_to_hass(hass)
    result = await entry.start_reconfigure_flow(hass)
    assert result["step_id"] == "reconfigure"
    result = await answer(hass, result, {CONF_HOST: "ftp://x", CONF_USERNAME: USER})
    assert result["errors"] == {CONF_HOST: "invalid_host"}
    typed = {CONF_HOST: f"{HOST}:{closed_port()}", CONF_USERNAME: "somebody"}
    result = await answer(hass, result, {**typed, CONF_PASSWORD: WRONG_PASSWORD})
    assert (result["step_id"], result["errors"]) == ("reconfigure", {"base": "unreachable"})
    assert suggested(result) == typed
    result = await answer(hass, result, {CONF_HOST: address(simulator), CONF_USERNAME: USER})
    assert (result["type"], result["reason"]) == (FlowResultType.ABORT, "reconfigure_successful")
    assert (entry.data[CONF_PORT], entry.data[CONF_PASSWORD]) == (simulator.http_port, PASSWORD)


async def test_reconfigure_keeps_the_pinned_certificate(hass: HomeAssistant, start_simulator: StartSimulator) -> None:
    simulator = await start_simulator(channels=1, https_port=0)
    pinned = {CONF_TLS: "pin", CONF_FINGERPRINT: simulator.fingerprint, CONF_PORT: simulator.https_port}
    entry = make_entry(simulator, **pinned)
    entry.add_to_hass(hass)
    result = await entry.start_reconfigure_flow(hass)
    values = {CONF_HOST: f"https://{HOST}:{simulator.https_port}", CONF_USERNAME: USER, CONF_PASSWORD: PASSWORD}
    result = await answer(hass, result, values)
    assert (result["type"], result["reason"]) == (FlowResultType.ABORT, "reconfigure_successful")
    assert {key: entry.data[key] for key in pinned} == pinned


async def test_a_pinned_certificate_that_changed_is_told(hass: HomeAssistant, start_simulator: StartSimulator) -> None:
    simulator = await start_simulator(channels=1, https_port=0)
    pinned = {CONF_TLS: "pin", CONF_FINGERPRINT: "0" * 64, CONF_PORT: simulator.https_port}
    entry = make_entry(simulator, **pinned)
    entry.add_to_hass(hass)
    await hass.config_entries.async_setup(entry.entry_id)
    assert entry.error_reason_translation_key == "certificate"
    assert simulator.counters.requests == 0
    result = await entry.start_reauth_flow(hass)
    result = await answer(hass, result, {CONF_USERNAME: USER, CONF_PASSWORD: PASSWORD})
    assert (result["step_id"], result["errors"]) == ("certificate", {"base": "certificate_changed"})
    result = await answer(hass, result, {"certificate": "pin"})
    assert (result["type"], result["reason"]) == (FlowResultType.ABORT, "reauth_successful")
    assert entry.data[CONF_FINGERPRINT] == simulator.fingerprint
    assert entry.state is ConfigEntryState.LOADED


async def test_reconfigure_to_another_recorder_is_refused(hass: HomeAssistant, start_simulator: StartSimulator) -> None:
    first, other = await start_simulator(channels=1), await start_simulator(channels=1, number=2)
    entry = make_entry(first)
    entry.add_to_hass(hass)
    result = await entry.start_reconfigure_flow(hass)
    result = await answer(hass, result, {CONF_HOST: address(other), CONF_USERNAME: USER})
    assert (result["type"], result["reason"]) == (FlowResultType.ABORT, "other_recorder")
    assert entry.data[CONF_PORT] == first.http_port


async def dhcp(hass: HomeAssistant, ip: str, mac: str = MAC) -> ConfigFlowResult:
    found = DhcpServiceInfo(ip=ip, hostname="nvr", macaddress=mac)
    return await hass.config_entries.flow.async_init(DOMAIN, context={"source": SOURCE_DHCP}, data=found)


async def moved(hass: HomeAssistant, simulator: HikvisionSimulator) -> Any:
    """Return an entry of a recorder that was known, and has moved since from elsewhere to where the simulator is."""
    entry = make_entry(simulator)
    await events_up(await set_up(hass, entry))
    await hass.config_entries.async_unload(entry.entry_id)
    hass.config_entries.async_update_entry(entry, data={**entry.data, CONF_HOST: "192.0.2.1"})
    simulator.counters.reset()
    return entry


async def test_dhcp_follows_the_recorder(hass: HomeAssistant, nvr: HikvisionSimulator) -> None:
    entry = await moved(hass, nvr)
    result = await dhcp(hass, HOST, nvr.device.mac.replace(":", ""))
    assert (result["type"], result["reason"]) == (FlowResultType.ABORT, "already_configured")
    assert entry.data[CONF_HOST] == HOST
    await hass.async_block_till_done()
    assert entry.state is ConfigEntryState.LOADED


async def test_dhcp_of_an_unknown_device_is_left_alone(hass: HomeAssistant, nvr: HikvisionSimulator) -> None:
    await moved(hass, nvr)
    result = await dhcp(hass, HOST, "020000000001")
    assert (result["type"], result["reason"]) == (FlowResultType.ABORT, "not_an_nvr")
    assert nvr.counters.requests == 0


async def test_dhcp_with_the_address_that_is_known_asks_nothing(hass: HomeAssistant, nvr: HikvisionSimulator) -> None:
    await moved(hass, nvr)
    result = await dhcp(hass, "192.0.2.1", nvr.device.mac.replace(":", ""))
    assert (result["type"], result["reason"]) == (FlowResultType.ABORT, "already_configured")
    assert nvr.counters.requests == 0


@pytest.mark.parametrize(("answers", "host"), [(True, "nvr.example"), (False, HOST)])
async def test_dhcp_follows_only_whoever_no_longer_answers_where_he_was(
    hass: HomeAssistant, nvr: HikvisionSimulator, host: str, *, answers: bool
) -> None:
    entry = make_entry(nvr)
    await events_up(await set_up(hass, entry))
    # It is talked to by a name, which tests cannot look up.
    hass.config_entries.async_update_entry(entry, data={**entry.data, CONF_HOST: "nvr.example"})
    if not answers:
        nvr.faults.paths["/ISAPI/System/deviceInfo"] = PathFault(kind="status", status=500, count=1)
    await dhcp(hass, HOST, nvr.device.mac.replace(":", ""))
    await hass.async_block_till_done()
    assert entry.data[CONF_HOST] == host
    assert entry.state is ConfigEntryState.LOADED


async def test_dhcp_sends_no_login_to_a_box_of_no_family(hass: HomeAssistant, nvr: HikvisionSimulator) -> None:
    entry = await moved(hass, nvr)
    sent: list[str] = []

    async def page(request: web.Request) -> web.Response:
        sent.append(request.headers.get("Authorization", ""))
        return web.Response(text="<html>A printer</html>", content_type="text/html")

    printer = web.Application()
    printer.router.add_get("/{path:.*}", page)
    async with TestServer(printer, host=HOST) as server:
        hass.config_entries.async_update_entry(entry, data={**entry.data, CONF_PORT: server.port})
        await dhcp(hass, HOST, nvr.device.mac.replace(":", ""))
    assert entry.data[CONF_HOST] == "192.0.2.1"
    assert sent
    assert set(sent) == {""}


async def test_dhcp_counts_a_refused_login(hass: HomeAssistant, nvr: HikvisionSimulator) -> None:
    entry = await moved(hass, nvr)
    nvr.change_password("another-fake-pass")
    for _ in range(4):
        await dhcp(hass, HOST, nvr.device.mac.replace(":", ""))
    assert entry.data[CONF_HOST] == "192.0.2.1"
    assert 1 <= nvr.counters.auth_failures <= 2


async def test_dhcp_does_not_follow_to_another_recorder(
    hass: HomeAssistant, nvr: HikvisionSimulator, start_simulator: StartSimulator
) -> None:
    entry = await moved(hass, nvr)
    other = await start_simulator(channels=1, number=2)
    hass.config_entries.async_update_entry(entry, data={**entry.data, CONF_PORT: other.http_port})
    await dhcp(hass, HOST, nvr.device.mac.replace(":", ""))
    assert entry.data[CONF_HOST] == "192.0.2.1"
    assert other.counters.requests > 0


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("192.0.2.7", TypedAddress("192.0.2.7")),
        (" nvr.local ", TypedAddress("nvr.local")),
        ("nvr:8080", TypedAddress("nvr", 8080)),
        ("http://nvr/doc/page/login.asp?_1", TypedAddress("nvr", 0, tls=False)),
        ("HTTPS://nvr:8443", TypedAddress("nvr", 8443, tls=True)),
        ("2001:db8::1", TypedAddress("2001:db8::1")),
        ("[2001:db8::1]:81", TypedAddress("2001:db8::1", 81)),
    ],
)
def test_addresses_as_people_type_them(text: str, expected: TypedAddress) -> None:
    assert parse_address(text) == expected


@pytest.mark.parametrize("text", ["", "rtsp://nvr", "http://", "nvr:99999", "two words"])
def test_what_is_no_address(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_address(text)


@pytest.mark.parametrize(
    ("parts", "shown"),
    [
        (("nvr", 80, TlsMode.OFF), "nvr"),
        (("nvr", 8080, TlsMode.OFF), "nvr:8080"),
        (("2001:db8::1", 8443, TlsMode.PIN), "https://[2001:db8::1]:8443"),
    ],
)
def test_addresses_are_shown_as_typed(parts: tuple[str, int, TlsMode], shown: str) -> None:
    assert show_address(*parts) == shown
