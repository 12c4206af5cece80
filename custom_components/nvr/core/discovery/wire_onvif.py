"""WS-Discovery, the search of ONVIF: SOAP by UDP multicast, answered by boxes of any make (onvif 11)."""

from collections.abc import Iterator
from typing import Final
from urllib.parse import unquote, urlsplit
from uuid import uuid4
from xml.etree.ElementTree import Element

from ..errors import NvrResponseError
from ..transport.xml import descendants, parse, text
from .box import Box, kind_of, plain_mac, plain_text

GROUP: Final = "239.255.255.250"
PORT: Final = 3702

_LARGEST: Final = 64 * 1024
_MOST_ADDRESSES: Final = 8
_SCOPE: Final = "onvif://www.onvif.org/"
# Recorders announce themselves as transmitters or not at all: the question without types is for those.
_TYPES: Final = ("dn:NetworkVideoTransmitter", "")
_QUESTION: Final = (
    '<?xml version="1.0" encoding="utf-8"?>'
    '<e:Envelope xmlns:e="http://www.w3.org/2003/05/soap-envelope"'
    ' xmlns:w="http://schemas.xmlsoap.org/ws/2004/08/addressing"'
    ' xmlns:d="http://schemas.xmlsoap.org/ws/2005/04/discovery"'
    ' xmlns:dn="http://www.onvif.org/ver10/network/wsdl">'
    "<e:Header><w:MessageID>uuid:{id}</w:MessageID>"
    "<w:To>urn:schemas-xmlsoap-org:ws:2005:04:discovery</w:To>"
    "<w:Action>http://schemas.xmlsoap.org/ws/2005/04/discovery/Probe</w:Action></e:Header>"
    "<e:Body><d:Probe>{types}</d:Probe></e:Body></e:Envelope>"
)


def questions() -> tuple[bytes, ...]:
    """Return what to send."""
    return tuple(
        _QUESTION.format(id=uuid4(), types=f"<d:Types>{types}</d:Types>" if types else "").encode() for types in _TYPES
    )


def read(data: bytes, host: str) -> Box | None:
    """Return the box that answers from `host`; None for anything else, also for what has no video."""
    try:
        root = parse(data, limit=_LARGEST)
    except NvrResponseError:
        return None
    for match in descendants(root, "ProbeMatch"):
        if "onvif" in text(match, "Scopes").lower() or "NetworkVideo" in text(match, "Types"):
            return _box(match, host)
    return None


def _box(match: Element, host: str) -> Box:
    scopes = dict(_scopes(text(match, "Scopes")))
    name, model = scopes.get("name", ""), scopes.get("hardware", "")
    maker = scopes.get("manufacturer", "") or name.partition(" ")[0]
    family = next((family for family in ("hikvision", "dahua") if family in f"{maker} {name}".lower()), "")
    return Box(
        host,
        _port(text(match, "XAddrs"), host),
        family=family,
        maker=maker,
        model=model,
        # A name of maker and model is none.
        name="" if name.lower() in {maker.lower(), f"{maker} {model}".lower(), model.lower()} else name,
        mac=plain_mac(scopes.get("mac", "")),
        kind=kind_of(model),
    )


def _scopes(words: str) -> Iterator[tuple[str, str]]:
    """Yield what the scopes tell, their names in lower case; of repeated ones the last counts."""
    for word in words.split():
        if word.lower().startswith(_SCOPE):
            key, _, value = word[len(_SCOPE) :].partition("/")
            yield key.lower(), plain_text(unquote(value))


def _port(addresses: str, host: str) -> int:
    """Return the web port: of plain HTTP at the address the answer came from, else anywhere.

    Boxes tell of addresses by their own idea of themselves (onvif 2); only the port is believed.
    """
    found: dict[bool, int] = {}
    for address in addresses.split()[:_MOST_ADDRESSES]:
        try:
            parts = urlsplit(address)
            if parts.scheme == "http":
                found.setdefault(parts.hostname == host, parts.port or 80)
        except ValueError:
            continue
    return found.get(True) or found.get(False) or 0
