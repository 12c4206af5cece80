"""What was found out of a recorder's controls, as plain JSON: values are left out, they are old by the next start."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from sys import intern
from typing import Any

from .core.controls import (
    Control,
    ControlId,
    ControlKind,
    ControlPage,
    ControlShape,
    PtzAbilities,
    PtzPreset,
)


@dataclass(slots=True)
class KnownControls:
    """What there is, and what was asked for already; all of it belongs to one firmware."""

    firmware: str = ""
    asked: set[ControlPage] = field(default_factory=set)
    controls: dict[ControlId, Control] = field(default_factory=dict)
    heads: dict[int, PtzAbilities] = field(default_factory=dict)
    presets: dict[int, tuple[PtzPreset, ...]] = field(default_factory=dict)


def dump(known: KnownControls) -> dict[str, Any]:
    """Return it as plain JSON."""
    return {
        "firmware": known.firmware,
        "asked": sorted([page.name, page.channel or 0] for page in known.asked),
        "controls": [_row(control) for control in known.controls.values()],
        "heads": {str(number): asdict(head) for number, head in known.heads.items()},
        "presets": {str(number): [[item.number, item.name] for item in found] for number, found in _list(known)},
    }


def load(raw: Mapping[str, Any]) -> KnownControls:
    """Return what was stored; what cannot be read is as good as nothing."""
    firmware = str(raw.get("firmware", ""))
    try:
        pages: dict[ControlPage, ControlPage] = {}
        controls = [_control(row, pages) for row in raw["controls"]]
        return KnownControls(
            firmware,
            {ControlPage(str(name), int(channel) or None) for name, channel in raw["asked"]},
            {control.id: control for control in controls},
            {int(number): PtzAbilities(**head) for number, head in raw["heads"].items()},
            {
                int(number): tuple(PtzPreset(int(place), str(name)) for place, name in found)
                for number, found in raw["presets"].items()
            },
        )
    except KeyError, TypeError, ValueError, AttributeError:
        return KnownControls(firmware)


def _list(known: KnownControls) -> Iterable[tuple[int, tuple[PtzPreset, ...]]]:
    return known.presets.items()


def _row(control: Control) -> list[Any]:
    which, page = control.id, control.page
    place = [which.kind.value, which.channel, which.index, page.name, page.channel]
    return [*place, control.shape.value, control.low, control.high, list(control.choices), control.name]


def _control(row: list[Any], pages: dict[ControlPage, ControlPage]) -> Control:
    """Return what a row holds; a page and its words are kept once, not with each of the hundreds that stand on it."""
    kind, channel, index, page, of, shape, low, high, choices, name = row
    found = ControlPage(intern(str(page)), of)
    return Control(
        ControlId(ControlKind(kind), channel, index),
        pages.setdefault(found, found),
        ControlShape(shape),
        None,
        int(low),
        int(high),
        tuple(intern(str(choice)) for choice in choices),
        str(name),
    )
