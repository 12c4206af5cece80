"""Who may import whom. The table of docs/architecture.md as data; the first row that fits a module decides."""

from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase

from .source_tree import STDLIB, Module

# Modules through which a pure module could reach the world or wait.
INPUT_OUTPUT = frozenset(
    {"asyncio", "socket", "ssl", "selectors", "subprocess", "threading", "urllib.request", "aiohttp"}
)
VALUES = ("core.models", "core.capabilities", "core.controls", "core.errors", "core.event_tally")
# What Home Assistant's side may see of the core: everything but how one make of recorder is spoken to.
CORE_SURFACE = ("core", *VALUES, "core.driver", "core.clock", "core.credentials", "core.timeline")
# aiohttp and what its own headers and addresses are made of.
HTTP = ("aiohttp", "multidict", "yarl")
HA_SIDE = ("homeassistant", "probatio", *HTTP, "orjson", "propcache")
PLATFORMS = (
    "binary_sensor button camera event image light number select sensor siren switch update".split()  # noqa: SIM905
)
OUTLETS = ("media_source", "views", "websocket_api", "services", "llm")


@dataclass(frozen=True, slots=True)
class Row:
    """What the modules that match `who` may import: patterns inside the package, top-level names outside.

    `inside` None means anything but what `never` names; `{own}` stands for the driver's own package.
    """

    who: tuple[str, ...]
    inside: tuple[str, ...] | None
    outside: tuple[str, ...] = ()
    pure: bool = False
    never: tuple[str, ...] = ()


# Modules of a driver that decide without asking anyone.
DECIDING = ("mapping", "quirks", "brands", "tables")
# Shared arithmetic of all families.
DECIDED_BY = ("core.clock", "core.timeline", "core.learned", "core.vocabulary")
DRIVERS = ("core.drivers.*", "core.transport.*", "core.transport")
ROWS = (
    Row(VALUES, VALUES, pure=True),
    Row(("core.driver",), (*VALUES, "core.clock")),
    Row(DECIDED_BY, VALUES, pure=True),
    Row(
        tuple(f"core.transport.{name}" for name in ("answers", "digest", "multipart", "redact", "xml")),
        (*VALUES, "core.transport.redact"),
        pure=True,
    ),
    Row(("core.transport", "core.transport.*"), (*VALUES, "core.driver", "core.transport*"), HTTP),
    # The guarded parser belongs to the wire; the models do not.
    Row(
        ("core.drivers.*.wire", "core.drivers.*.wire_*"),
        ("{own}.wire", "{own}.wire_*", "core.errors", "core.transport.xml", "core.transport.multipart"),
        pure=True,
    ),
    Row(
        tuple(f"core.drivers.*.{name}*" for name in DECIDING),
        (*(f"{{own}}.{name}*" for name in ("wire", *DECIDING)), *VALUES, "core.driver", *DECIDED_BY),
        pure=True,
    ),
    Row(
        ("core.drivers.*.client*",),
        ("{own}.*", "core.transport*", *VALUES, "core.driver", "core.clock"),
        HTTP,
        never=("{own}.mapping*", "{own}.driver"),
    ),
    Row(
        ("core.drivers", "core.drivers.*"),
        (
            "{own}",
            "{own}.*",
            "core.transport*",
            "core.learned",
            "core.vocabulary",
            "core.flights",
            "core.tasks",
            *CORE_SURFACE[1:],
        ),
        HTTP,
    ),
    # What boxes tell to anybody: the parsers are pure, one module speaks UDP.
    Row(
        ("core.discovery.wire_*", "core.discovery.box"),
        ("core.discovery.box", "core.errors", "core.transport.xml"),
        pure=True,
    ),
    Row(("core.discovery", "core.discovery.*"), ("core.discovery", "core.discovery.*", *VALUES)),
    Row(("core.families",), ("core.*", "core"), HTTP),
    Row(("core", "core.*"), ("core.*",), HTTP, never=("core.drivers.*",)),
    # RTSP logs in with the same arithmetic as HTTP: one implementation, lent to one module.
    Row(("media.rtsp.login",), ("media.*", *VALUES, "core.driver", "core.credentials", "core.transport.digest")),
    Row(("media", "media.*"), ("media", "media.*", *VALUES, "core.driver", "core.flights"), ("av",)),
    Row(
        (
            "access_rules",
            "audit_rows",
            "edges",
            "event_report",
            "media_ids",
            "media_query",
            "search_cursor",
            "time_parsing",
        ),
        (*VALUES, "core.clock", "core.timeline"),
        pure=True,
    ),
    Row(("hub", "config_flow*"), None, HA_SIDE, never=(*DRIVERS, "")),
    Row(
        tuple(PLATFORMS),
        (
            "entity*",
            "runtime",
            "coordinator",
            "hub",
            "errors",
            "const",
            "details",
            "detections",
            "access",
            *CORE_SURFACE,
        ),
        HA_SIDE,
    ),
    Row(OUTLETS, None, HA_SIDE, never=(*DRIVERS, "core.families", *PLATFORMS, *OUTLETS, "hub", "config_flow", "")),
    # The package itself: set-up and unload.
    Row(("",), None, HA_SIDE, never=DRIVERS),
    Row(("*",), None, HA_SIDE, never=(*DRIVERS, *PLATFORMS, "")),
)


def row_of(name: str) -> Row:
    """Return the row that decides about a module."""
    return next(row for row in ROWS if any(fnmatchcase(name, who) for who in row.who))


def _fits(name: str, patterns: tuple[str, ...], own: str) -> bool:
    return any(fnmatchcase(name, pattern.replace("{own}", own)) for pattern in patterns)


def violations(module: Module) -> Iterator[str]:
    """Yield one sentence for each import of the module that the table forbids."""
    row = row_of(module.name)
    parts = module.name.split(".")
    own = ".".join(parts[:3]) if parts[:2] == ["core", "drivers"] and len(parts) > 2 else "core.drivers.none"
    for imported in module.imports:
        at = f"{module.name or '__init__'}:{imported.line}"
        if imported.typing_only and imported.module == "runtime":
            continue
        if not imported.inside:
            top = imported.module.partition(".")[0]
            if top in {"custom_components", "tests"}:
                yield f"{at} imports {imported.module}: inside the package imports are relative"
            elif row.pure and ({top, imported.module} & INPUT_OUTPUT):
                yield f"{at} imports {imported.module}: it is pure"
            elif top not in STDLIB and top not in row.outside:
                yield f"{at} imports {imported.module}: only {', '.join(('the standard library', *row.outside))}"
            continue
        allowed = row.inside is None or _fits(imported.module, row.inside, own)
        if not allowed or _fits(imported.module, row.never, own):
            yield f"{at} imports {imported.module or 'the package itself'}: not its layer"
