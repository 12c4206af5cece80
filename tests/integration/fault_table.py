"""The table of faults in docs/faults.md: read from the page, and held against the switches of the simulators."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
import json
from pathlib import Path
import re
from typing import Any, Final

from tests.simulators.dahua.faults import Faults as DahuaFaults
from tests.simulators.hikvision.faults import Faults as HikvisionFaults
from tests.simulators.rtsp.options import RtspFaults
from tests.simulators.simulator import Powered, Slots

from .fault_acts import ACTS

PAGE: Final = Path(__file__).parents[2] / "docs" / "faults.md"

# The heading of each table, and the families whose simulators have its switches.
HEADINGS: Final = {
    "Hikvision": ("hikvision",),
    "Dahua": ("dahua",),
    "Streams": ("hikvision", "dahua"),
    "The box": ("hikvision", "dahua"),
}
# What a box can be told that takes nothing away.
_HARMLESS: Final = frozenset({"power_on"})
_TICKED: Final = re.compile(r"`([^`]*)`")


@dataclass(frozen=True, slots=True)
class Row:
    """One line, for one family and one value. `shown` maps a function to the words of its outcome; "" is all others.

    `also` are switches that are set beside it; `extras` what is to be seen besides the functions.
    """

    heading: str
    family: str
    switch: str
    value: Any
    also: tuple[tuple[str, Any], ...]
    functions: tuple[str, ...]
    shown: tuple[tuple[str, str], ...]
    extras: tuple[tuple[str, ...], ...]
    words: str

    @property
    def id(self) -> str:
        """What a test of it is called."""
        text = json.dumps(self.value).replace("/", "|")
        beside = "".join(f"+{name}" for name, _ in self.also)
        return f"{self.family}:{self.switch.replace('/', '|')}={text}{beside}"

    def outcome(self, function: str) -> str:
        """Return what a function does while the fault is on: `works`, `silent` or the key of an error."""
        shown = dict(self.shown)
        return shown.get(function, shown.get("", "works"))

    @property
    def keys(self) -> set[str]:
        """The keys of all errors and repairs the line names."""
        found = {outcome for _, outcome in self.shown} - {"works", "silent"}
        return found | {extra[1] for extra in self.extras if extra[0] == "repair"}


def switches(faults: type[object], prefix: str = "") -> Iterator[str]:
    """Yield the dotted name of every switch of a dataclass of them."""
    for item in fields(faults):  # type: ignore[arg-type]
        if isinstance(item.type, type) and is_dataclass(item.type):
            yield from switches(item.type, f"{prefix}{item.name}.")
        else:
            yield prefix + item.name


def switches_of_simulators() -> dict[str, set[str]]:
    """Return what can be switched, under the heading of the table that has to tell of it."""
    acts = {name for protocol in (Powered, Slots) for name in vars(protocol) if not name.startswith("_")}
    return {
        "Hikvision": set(switches(HikvisionFaults)),
        "Dahua": set(switches(DahuaFaults)),
        "Streams": {f"rtsp.{name}" for name in switches(RtspFaults)},
        "The box": (acts | set(ACTS)) - _HARMLESS,
    }


def read_rows(text: str) -> list[Row]:
    """Return the lines of all tables of faults."""
    rows: list[Row] = []
    for heading, line in _lines(text):
        if heading not in HEADINGS:
            continue
        for family in _families(line[0], HEADINGS[heading]):
            rows += _rows(heading, family, line)
    return rows


def read_words(text: str) -> dict[str, str]:
    """Return the sentences the page quotes, by their keys."""
    return {_TICKED.findall(line[0])[0]: line[1] for heading, line in _lines(text) if heading.startswith("The words")}


def sentences(english: Mapping[str, Any]) -> dict[str, str]:
    """Return the sentence of each error, and the title of each repair, as users read them."""
    errors = {key: value["message"] for key, value in english["exceptions"].items()}
    return errors | {f"repair {key}": value["title"] for key, value in english["issues"].items()}


def told_of(name: str) -> str:
    """Return the switch whose line tells of a name: each path has the switch `paths`."""
    return "paths" if name.startswith("paths.") else name


def _lines(text: str) -> Iterator[tuple[str, list[str]]]:
    heading, begun = "", False
    for line in text.splitlines():
        if line.startswith("#"):
            heading, begun = line.lstrip("# "), False
        elif line.startswith("|---"):
            begun = True
        elif line.startswith("|") and begun:
            yield heading, [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]


def _families(cell: str, families: tuple[str, ...]) -> tuple[str, ...]:
    named = tuple(family for family in families if family in cell.lower().split("`")[-1])
    return named or families


def _rows(heading: str, family: str, line: list[str]) -> list[Row]:
    """Return a line for each of its values."""
    named, settings, functions, shown, words = line
    (switch,) = _TICKED.findall(named)
    values, *beside = settings.split(" + ")
    also = tuple(_assignment(_TICKED.findall(part)[0]) for part in beside)
    outcomes, extras = _outcomes(shown)
    used = tuple(name.strip() for name in functions.split(","))
    return [
        Row(heading, family, switch, json.loads(value), also, used, outcomes, extras, words)
        for value in _TICKED.findall(values)
    ]


def _assignment(text: str) -> tuple[str, Any]:
    name, separator, value = text.partition("=")
    return name, json.loads(value) if separator else True


def _outcomes(cell: str) -> tuple[tuple[tuple[str, str], ...], tuple[tuple[str, ...], ...]]:
    """Split `picture: error `timeout`; repair `locked`` into what functions do and what else is seen."""
    functions: list[tuple[str, str]] = []
    extras: list[tuple[str, ...]] = []
    for part in cell.split(";"):
        where, _, what = part.strip().rpartition(": ")
        kind = what.split(" ")[0]
        keys = _TICKED.findall(what)
        if kind == "error":
            functions.append((where, keys[0]))
        elif kind in {"works", "silent"}:
            functions.append((where, kind))
        else:
            extras.append((kind, *keys))
    return tuple(functions), tuple(extras)
