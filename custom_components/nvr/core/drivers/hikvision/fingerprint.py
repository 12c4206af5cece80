"""Telling a device of this family by what it answers without a login (hikvision-isapi 2.1, 16). Pure."""

from collections.abc import Mapping
from typing import Final

PROBES: Final = ("/ISAPI/System/deviceInfo", "/System/deviceInfo")
CERTAIN: Final = 100
_LIKELY: Final = 80
_POSSIBLE: Final = 40
# Dahua's web server asks for a login before it says that it does not know the page (dahua-cgi 16).
_FOREIGN_REALMS: Final = ('realm="login to ', 'realm="device_cgi"')
_SERVERS: Final = ("dnvrs-webs", "app-webs", "webs", "hikvision-webs")


def fingerprint(status: int, headers: Mapping[str, str], body: bytes) -> int:
    """Return 0 (surely not) to 100 (surely) for an answer to the first document; header names in any case."""
    lower = {name.lower(): value.lower() for name, value in headers.items()}
    head = body[:2000]
    if status == 200:
        return CERTAIN if b"<DeviceInfo" in head else 0
    if status == 401:
        if b"userCheck" in head:
            return CERTAIN
        if any(realm in lower.get("www-authenticate", "") for realm in _FOREIGN_REALMS):
            return 0
        if lower.get("server", "").startswith(_SERVERS):
            return _LIKELY
        return _POSSIBLE if "digest" in lower.get("www-authenticate", "") else 0
    if status in {403, 503} and b"ResponseStatus" in head:
        return _LIKELY
    return 0
