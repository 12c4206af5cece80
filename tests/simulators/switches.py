"""Switches that a test may set while a simulator runs: groups of dataclasses, named by dots. No vendor's own."""

from dataclasses import dataclass, fields, is_dataclass
from enum import Enum
from typing import Any


@dataclass(slots=True)
class PathFault:
    """What happens to requests whose path matches a pattern, `count` times (0: always).

    `kind`: status (a ResponseStatus), ok-status (the same under HTTP 200), html, empty, garbage, truncated, doctype,
    body (`body`, as latin-1, in place of the document), drop (connection reset), hang.
    """

    kind: str = "status"
    status: int = 403
    code: int = 4
    sub: str = "notSupport"
    count: int = 0
    delay: float = 0.0
    method: str = ""
    body: str = ""


def apply(faults: object, changes: dict[str, Any]) -> None:
    """Set switches by dotted name, e.g. {"search.page_cap": 40}. Raises ValueError for an unknown one."""
    for name, value in changes.items():
        *groups, last = name.split(".", 1) if not name.startswith("paths.") else ("paths", name[6:])
        target = faults
        for group in groups:
            target = getattr(target, group, None)
        if isinstance(target, dict):
            if value is None:
                target.pop(last, None)
            else:
                target[last] = PathFault(**value)
            continue
        if not is_dataclass(target) or last not in {item.name for item in fields(target)}:
            msg = f"no such switch: {name}"
            raise ValueError(msg)
        setattr(target, last, _fit(getattr(target, last), value))


def describe(faults: object) -> dict[str, object]:
    """Return all switches as plain values."""
    result: dict[str, object] = {}
    if not is_dataclass(faults):
        return result
    for item in fields(faults):
        value = getattr(faults, item.name)
        if is_dataclass(value):
            result[item.name] = describe(value)
        elif isinstance(value, dict):
            result[item.name] = {key: describe(one) for key, one in value.items()}
        else:
            result[item.name] = sorted(value) if isinstance(value, frozenset) else value
    return result


def _fit(old: object, value: object) -> object:
    """Turn a JSON value into the type the switch has."""
    if isinstance(old, Enum):
        return type(old)(value)
    if isinstance(old, bool):
        return bool(value)
    if isinstance(old, float) and isinstance(value, int | float):
        return float(value)
    if isinstance(value, list):
        return frozenset(value)
    return value
