"""From what the user typed and the entry holds to how a recorder is reached."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit

import aiohttp
from homeassistant.const import CONF_HOST, CONF_PASSWORD, CONF_PORT, CONF_USERNAME
from homeassistant.core import HomeAssistant
from homeassistant.helpers.aiohttp_client import DATA_RESOLVER, async_get_clientsession

from .const import (
    CONF_FAMILY,
    CONF_FINGERPRINT,
    CONF_PLAIN_BASIC,
    CONF_RTSP_PORT,
    CONF_RTSP_TRANSPORT,
    CONF_TLS,
)
from .core.driver import ConnectionConfig, TlsMode
from .core.models import RtspTransport


@dataclass(frozen=True, slots=True)
class TypedAddress:
    """An address as typed: `tls` None means that nothing was said of it, `port` 0 that none was given."""

    host: str
    port: int = 0
    tls: bool | None = None


def parse_address(text: str) -> TypedAddress:
    """Read a host, `host:port`, `[v6]:port` or a whole URL; raises ValueError for anything else."""
    text = text.strip()
    scheme, separator, _ = text.partition("://")
    if separator and scheme.lower() not in {"http", "https"}:
        raise ValueError("an address of another kind")
    if not separator and text.count(":") > 1 and not text.startswith("["):
        text = f"[{text}]"
    parts = urlsplit(text if separator else f"//{text}")
    if not parts.hostname or any(char.isspace() for char in parts.hostname):
        raise ValueError("no host in the address")
    return TypedAddress(parts.hostname, parts.port or 0, scheme.lower() == "https" if separator else None)


def show_address(host: str, port: int, tls: TlsMode) -> str:
    """Return the address as a person would type it; the usual port is left out."""
    shown = f"[{host}]" if ":" in host else host
    if port and port != (80 if tls is TlsMode.OFF else 443):
        shown = f"{shown}:{port}"
    return shown if tls is TlsMode.OFF else f"https://{shown}"


def connection_config(data: Mapping[str, Any], options: Mapping[str, Any]) -> ConnectionConfig:
    """Return how the recorder of an entry is reached."""
    return ConnectionConfig(
        host=data[CONF_HOST],
        username=data[CONF_USERNAME],
        password=data[CONF_PASSWORD],
        port=data.get(CONF_PORT, 0),
        tls=TlsMode(data.get(CONF_TLS, TlsMode.OFF)),
        fingerprint=data.get(CONF_FINGERPRINT),
        plain_basic=data.get(CONF_PLAIN_BASIC, False),
        rtsp_port=options.get(CONF_RTSP_PORT),
        rtsp_transport=RtspTransport(options.get(CONF_RTSP_TRANSPORT, RtspTransport.TCP)),
    )


def entry_data(config: ConnectionConfig, family: str) -> dict[str, Any]:
    """Return what an entry keeps of a connection that worked."""
    return {
        CONF_HOST: config.host,
        CONF_PORT: config.http_port,
        CONF_TLS: config.tls.value,
        CONF_FINGERPRINT: config.fingerprint,
        CONF_PLAIN_BASIC: config.plain_basic,
        CONF_USERNAME: config.username,
        CONF_PASSWORD: config.password,
        CONF_FAMILY: family,
    }


def without_login(config: ConnectionConfig) -> ConnectionConfig:
    """Return the same way to a box, with nothing to tell it."""
    return replace(config, username="", password="")


def session_factory(hass: HomeAssistant) -> Callable[[], aiohttp.ClientSession]:
    """Return what makes the HTTP session of one recorder; whoever is given it closes what it makes.

    Home Assistant's shared connector would keep sockets to the recorder after the entry is unloaded; its resolver,
    which knows `.local` names, is shared.
    """

    def make() -> aiohttp.ClientSession:
        async_get_clientsession(hass)  # makes the resolver, if nobody did
        connector = aiohttp.TCPConnector(limit=16, keepalive_timeout=30, resolver=hass.data[DATA_RESOLVER])
        return aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar())

    return make
