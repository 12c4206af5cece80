"""WS-Discovery as units of both makes answer it when ONVIF is on (onvif 11)."""

from collections.abc import Callable
from dataclasses import dataclass
import re
from urllib.parse import quote
from uuid import NAMESPACE_URL, uuid5

from .responder import Responder

GROUP = "239.255.255.250"
_PROBE = re.compile(rb"<(?:\w+:)?Probe\b")
_MESSAGE = re.compile(rb"<(?:\w+:)?MessageID[^>]*>([^<]+)<")
_TYPES = re.compile(rb"<(?:\w+:)?Types[^>]*>([^<]*)<")


@dataclass(frozen=True, slots=True)
class Hello:
    """What a unit announces; `scopes` are paths below onvif://www.onvif.org/."""

    serial: str
    host: str
    http_port: int
    scopes: tuple[str, ...]


def onvif_responder(host: str, hello: Callable[[], Hello]) -> Responder:
    """Return what answers probes for one unit; it does not listen yet."""

    def answer(question: bytes) -> bytes | None:
        types = _TYPES.search(question)
        asked = types[1].decode() if types is not None else ""
        message = _MESSAGE.search(question)
        if not _PROBE.search(question) or message is None or (asked and "NetworkVideoTransmitter" not in asked):
            return None
        return _matches(hello(), message[1].decode())

    return Responder(host, GROUP, answer)


def _matches(hello: Hello, message: str) -> bytes:
    scopes = " ".join(f"onvif://www.onvif.org/{quote(scope)}" for scope in hello.scopes)
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<SOAP-ENV:Envelope xmlns:SOAP-ENV="http://www.w3.org/2003/05/soap-envelope"'
        ' xmlns:wsa="http://schemas.xmlsoap.org/ws/2004/08/addressing"'
        ' xmlns:d="http://schemas.xmlsoap.org/ws/2005/04/discovery"'
        ' xmlns:dn="http://www.onvif.org/ver10/network/wsdl" xmlns:tds="http://www.onvif.org/ver10/device/wsdl">'
        f"<SOAP-ENV:Header><wsa:MessageID>urn:uuid:{uuid5(NAMESPACE_URL, message)}</wsa:MessageID>"
        f"<wsa:RelatesTo>{message}</wsa:RelatesTo>"
        "<wsa:Action>http://schemas.xmlsoap.org/ws/2005/04/discovery/ProbeMatches</wsa:Action></SOAP-ENV:Header>"
        "<SOAP-ENV:Body><d:ProbeMatches><d:ProbeMatch>"
        f"<wsa:EndpointReference><wsa:Address>urn:uuid:{uuid5(NAMESPACE_URL, hello.serial)}</wsa:Address>"
        "</wsa:EndpointReference><d:Types>dn:NetworkVideoTransmitter tds:Device</d:Types>"
        f"<d:Scopes>{scopes}</d:Scopes>"
        f"<d:XAddrs>http://{hello.host}:{hello.http_port}/onvif/device_service"
        f" http://[fe80::1]:{hello.http_port}/onvif/device_service</d:XAddrs>"
        "<d:MetadataVersion>10</d:MetadataVersion></d:ProbeMatch></d:ProbeMatches></SOAP-ENV:Body>"
        "</SOAP-ENV:Envelope>"
    ).encode()
