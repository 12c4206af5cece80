"""Writes of configManager and states of coaxialControlIO (dahua-cgi 3, 13). Pure."""

from collections.abc import Mapping
from urllib.parse import quote

from ...errors import NvrResponseError
from .wire import Node, child, text


def set_query(values: Mapping[str, str]) -> str:
    """Return the query of a setConfig; raises NvrResponseError for a value that no encoding saves.

    Firmware decodes before it splits, so an ampersand cannot be written; an empty value changes nothing (3).
    """
    parts = []
    for key, value in values.items():
        if "&" in value or not value:
            message = "the recorder cannot be told such a value"
            raise NvrResponseError(message)
        parts.append(f"{key}={quote(value, safe='')}")
    return "&".join(("action=setConfig", *parts))


def parse_coaxial(table: Node) -> dict[str, bool]:
    """Read getStatus: `Speaker` and `WhiteLight`, as far as they are there."""
    words = {"on": True, "off": False}
    state = child(table, "status", "status")
    found = {name: words.get(text(state, name).lower()) for name in ("Speaker", "WhiteLight")}
    return {name: value for name, value in found.items() if value is not None}
