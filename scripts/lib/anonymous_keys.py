"""Which fields of an answer tell of a person, a place or a device: by their keys, as both families write them."""

from __future__ import annotations

from enum import Enum
import re


class Kind(Enum):
    """What a value is; KEEP is what a fixture is made for."""

    KEEP = "kept"
    NAME = "names"
    SERIAL = "serials"
    SECRET = "secrets"  # noqa: S105 - a word for people
    PASSWORD = "passwords"  # noqa: S105
    PLATE = "number plates"
    MAC = "hardware addresses"
    HOST = "host names"
    PLACE = "places"
    REALM = "realms"


# First the exceptions: what looks like one of those below and is none.
_RULES: tuple[tuple[Kind, str], ...] = (
    (Kind.KEEP, r"(?:is)?support.*|(?:max|min).*|xmlns.*|opt|version|.*version(?:info)?|.*firmware.*|.*build(?:date)?"),
    (
        Kind.KEEP,
        r"model|modelname|devicetype|deviceclass|updateserial.*|plate(?:type|color|size|length|category|chars)",
    ),
    (Kind.KEEP, r"(?:hdd|volume|property|event|table|method|class|zone|timezone|algorithm|protocol|codec|state)name"),
    (Kind.PASSWORD, r".*(?:password|passwd|passphrase|passcode|pwd|psk|presharedkey)|pass"),
    (
        Kind.SECRET,
        r".*(?:token|secret|cookie|privatekey|apikey)|nonce|cnonce|opaque|response|random|salt|session(?:id)?",
    ),
    (Kind.SECRET, r"(?:proxy-)?authorization|authinfo|verificationcode|validcode|activationcode|nextnonce"),
    (Kind.REALM, r"realm"),
    (Kind.SERIAL, r".*serial(?:no|num|number|_number)?|sn|snc|.*deviceid|.*uuid|udn|usn|p2p.*|cloudid|imei|iccid|imsi"),
    (Kind.PLATE, r".*plate(?:no|num|number|text)?|.*licence|.*license(?:number)?"),
    (Kind.MAC, r".*mac(?:addr|address)?|physicaladdress|bssid"),
    (Kind.PLACE, r"lat|lng|lon|latitude|longitude|altitude|gps.*"),
    (
        Kind.HOST,
        r".*host(?:name)?|.*domain(?:name)?|.*server(?:addr|address|ip|name)?|.*ddns.*|.*address|.*ipaddr|.*url",
    ),
    (
        Kind.NAME,
        r".*names?|users?|title|channeltitle|alias|remark|comment|memo|label|note|displaytext|text|ssid|.*phone(?:no)?",
    ),
    (
        Kind.NAME,
        r".*email.*|mobile|certificate(?:id|no|number)|idnumber|birthday|borntime|city|street|company|owner|operator",
    ),
    (Kind.NAME, r"sender|receiver|recipient|location|organization|department|person|who"),
)
_COMPILED = tuple((kind, re.compile(pattern)) for kind, pattern in _RULES)

# What every device ships with, or what an answer calls its own parts: it tells of nobody, and drivers may depend on it.
_TECHNICAL = re.compile(
    r"(?:true|false|yes|no|on|off|null|none|auto|unknown|nvr|n/?a|-+|\*+|\*\*redacted\*\*"
    r"|admin|default|anonymous|onvif|system|local|main|sub|third"
    r"|(?:hdd|nas|ssd|e?sata|usb|disk|hard ?disk|/dev/)[\w /-]*"
    r"|(?:region|rule|ivs|line|area|zone|preset|patrol|cam|camera|ipc|ipcamera|ip ?camera|ipdome|ip ?dome|channel|ch"
    r"|video|input|output|alarm|alarm ?in|alarm ?out|analog|audio|a|d|track|stream|network|eth)[ _.#-]*\d*"
    r"|camera|embedded net [dn]vr|ddr memory|motion detection|\d{1,3}|0+|0\.0\.0\.0|::)",
    re.IGNORECASE,
)
# Tables of Dahua's configuration, which a question names: dahua-cgi 3.
_TABLES = frozenset(
    """
    Encode RemoteDevice ChannelTitle General NTP Locales RecordMode Record MotionDetect BlindDetect LossDetect Network
    RTSP VideoAnalyseRule VideoAnalyseGlobal VideoInOptions VideoColor Lighting Lighting_V2 StorageGroup Alarm AlarmOut
    Ptz SmartMotionDetect CoaxialControlIO DisableLinkage Storage VideoWidget T2UServer UPnP Multicast Snap MediaGlobal
    """.split()  # noqa: SIM905 - a list of words is read as one
)
_LAST = re.compile(r"[^.:/\[\]]+(?=(?:\[[^\]]*\])*$)")


def kind_of(key: str) -> Kind | None:
    """Return what the value of a key is; a dotted or indexed key counts by its last word."""
    found = _LAST.search(key)
    word = (found.group() if found else key).lower()
    return next((kind for kind, pattern in _COMPILED if pattern.fullmatch(word)), None)


def is_technical(value: str) -> bool:
    """Say whether a value tells of nobody."""
    return not value.strip() or value in _TABLES or _TECHNICAL.fullmatch(value.strip()) is not None
