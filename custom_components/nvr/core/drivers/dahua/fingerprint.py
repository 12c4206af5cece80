"""Telling a device of this family by what it answers without a login (dahua-cgi 2.2, 16). Pure."""

from collections.abc import Mapping
import re
from typing import Final

# Any CGI asks for a login first; a device with RPC2 alone has no such page (dahua-cgi 2.5).
PROBES: Final = ("/cgi-bin/magicBox.cgi", "/RPC2_Login")
CERTAIN: Final = 100
_LIKELY: Final = 80
# Any digest at all: others' own signs weigh more.
_FAINT: Final = 20
_REALM: Final = re.compile(r'realm="?(login to [0-9a-z]|device_cgi)', re.IGNORECASE)


def fingerprint(status: int, headers: Mapping[str, str], body: bytes) -> int:
    """Return 0 (surely not) to 100 (surely) for an answer to a probe; header names in any case."""
    lower = {name.lower(): value for name, value in headers.items()}
    if status == 401:
        challenge = lower.get("www-authenticate", "")
        if _REALM.search(challenge):
            return CERTAIN
        return _FAINT if "digest" in challenge.lower() else 0
    head = body[:2000]
    if status == 200 and (b"serialNumber=" in head or b"deviceType=" in head):
        return CERTAIN
    # RPC2 answers in its own way to a question without words.
    if b'"error"' in head and (b'"session"' in head or b"268894" in head or b"268632" in head):
        return _LIKELY
    return 0
