"""What may be written down of anything a recorder said or was told."""

import re
from typing import Final

HIDDEN: Final = "***"

_RULES: Final[tuple[tuple[re.Pattern[str], str], ...]] = (
    (re.compile(r"\brtsps?://[^\s\"'<>]*", re.IGNORECASE), f"rtsp://{HIDDEN}"),
    # RFC 3986 lets a password hold nearly anything before the last "@" of the authority.
    (re.compile(r"\b([a-z][a-z0-9+.-]*://)[^\s/\"'<>]*@", re.IGNORECASE), rf"\1{HIDDEN}@"),
    (re.compile(r"\b((?:proxy-)?authorization\"?'?\s*[:=]\s*)[^\r\n]+", re.IGNORECASE), rf"\1{HIDDEN}"),
    (re.compile(r"\b((?:set-)?cookie\"?'?\s*[:=]\s*)[^\r\n]+", re.IGNORECASE), rf"\1{HIDDEN}"),
    (re.compile(r"\b(digest\s+)(?=[a-z-]+=)[^\r\n<>]+", re.IGNORECASE), rf"\1{HIDDEN}"),
    (re.compile(r"\b(basic\s+)[A-Za-z0-9+/=]{6,}", re.IGNORECASE), rf"\1{HIDDEN}"),
    (
        re.compile(
            r"<((?:[\w.-]+:)?(?:\w*serial\w*|\w*password\w*|user_?name|device_?id|mac_?address|\w*token\w*|\w*secret\w*))\b"
            r"([^<>]*)>[^<]*",
            re.IGNORECASE,
        ),
        rf"<\1\2>{HIDDEN}",
    ),
    (
        re.compile(
            r"([\"']?\b(?:\w*serial\w*|\w*passw(?:or)?d|pwd|pass|user_?name|user|device_?id|\w*token|\w*secret|auth|"
            r"session_?id|nonce|cnonce|opaque|response)\b[\"']?\s*[=:]\s*)(\"[^\"]*\"|'[^']*'|[^\s&,;<>\"'}]+)",
            re.IGNORECASE,
        ),
        rf"\1{HIDDEN}",
    ),
    (re.compile(r"\b[0-9a-f]{2}(?:[:-][0-9a-f]{2}){5}\b", re.IGNORECASE), HIDDEN),
    # Serials: long runs of capitals and digits, sometimes behind the model and a slash (hikvision-isapi 4.1).
    (re.compile(r"(?<![A-Za-z0-9])(?=[A-Z0-9]*[0-9])(?=[A-Z0-9]*[A-Z])[A-Z0-9]{12,}(?![A-Za-z0-9])"), HIDDEN),
    (re.compile(r"(?<![A-Za-z0-9.])[0-9]{9}(?![0-9.])"), HIDDEN),
)


def redact(text: str) -> str:
    """Return the text without credentials, RTSP addresses, serial numbers, hardware addresses and tokens."""
    for pattern, replacement in _RULES:
        text = pattern.sub(replacement, text)
    return text


def excerpt(data: bytes | str, limit: int = 200) -> str:
    """Return a short redacted piece of an answer, on one line."""
    # Cut after redaction: a cut in the middle of a secret would hide what tells it is one.
    text = data[: limit * 8].decode("utf-8", "replace") if isinstance(data, bytes) else data[: limit * 8]
    return " ".join(redact(text).split())[:limit]
