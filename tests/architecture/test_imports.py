"""The layers of docs/architecture.md hold."""

import ast
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
import subprocess
import sys
import textwrap

import pytest

from .import_rules import violations
from .source_tree import PACKAGE, ROOT, STDLIB, Module, imports_of, modules, python_files, relative, syntax


def test_layers_every_module_imports_only_what_its_row_allows() -> None:
    found = [line for module in modules().values() for line in violations(module)]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    ("name", "source", "fragment"),
    [
        ("core.models", "import aiohttp", "it is pure|only the standard library"),
        ("core.models", "from ..const import DOMAIN", "not its layer"),
        ("core.clock", "import asyncio", "it is pure"),
        ("core.drivers.hikvision.wire", "from ...models import Channel", "not its layer"),
        ("core.drivers.hikvision.client", "from .mapping import to_channel", "not its layer"),
        ("core.drivers.hikvision.driver", "from ..dahua.wire import parse", "not its layer"),
        ("core.drivers.hikvision.driver", "import homeassistant.core", "only the standard library"),
        ("core.hidden", "def f():\n    import av", "only the standard library"),
        ("media.remux", "from ..core.drivers.hikvision import driver", "not its layer"),
        ("media.remux", "from homeassistant.core import HomeAssistant", "only the standard library"),
        ("hub", "from .core.drivers.hikvision.driver import HikvisionDriver", "not its layer"),
        ("camera", "from .sensor import NvrSensor", "not its layer"),
        ("camera", "from . import async_setup", "not its layer"),
        (
            "camera",
            "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from .core.families import x",
            "not its layer",
        ),
        ("views", "from .services import x", "not its layer"),
        ("services", "from .hub import NvrHub", "not its layer"),
        ("hub", "from custom_components.nvr.const import DOMAIN", "imports are relative"),
    ],
)
def test_layers_forbidden_import_is_found(name: str, source: str, fragment: str) -> None:
    known = frozenset({"", "const", "core", "core.models", "core.families", "hub", "sensor", "services", name})
    known |= {"core.drivers.hikvision", "core.drivers.hikvision.mapping", "core.drivers.hikvision.driver"}
    imports = imports_of(ast.parse(source), name.rpartition(".")[0], known)
    found = list(violations(Module(name, Path("x.py"), imports)))
    assert any(part in line for line in found for part in fragment.split("|")), found


def test_layers_typing_import_of_runtime_is_free() -> None:
    source = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from .runtime import NvrConfigEntry"
    imports = imports_of(ast.parse(source), "", frozenset({"runtime", "media_ids"}))
    assert list(violations(Module("media_ids", Path("x.py"), imports))) == []


def test_imports_no_circle() -> None:
    graph = {
        module.name: {i.module for i in module.imports if i.inside and not i.typing_only and i.module != module.name}
        for module in modules().values()
    }
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(f"circle: {' -> '.join(error.args[1])}")


@pytest.mark.parametrize("folder", ["tests/simulators"])
def test_simulators_share_nothing_with_the_package(folder: str) -> None:
    allowed = STDLIB | {"PIL", "aiohttp", "av", "cryptography", "multidict", "numpy", "tests", "yarl"}
    found = []
    for path in python_files(folder):
        for imported in imports_of(syntax(path), ".".join(path.parent.relative_to(ROOT).parts), frozenset()):
            top, dotted = imported.module.partition(".")[0], imported.module
            stranger = not imported.inside and (
                top not in allowed or (top == "tests" and not dotted.startswith("tests.simulators"))
            )
            above = imported.inside and not dotted.startswith("tests.simulators")
            if stranger or above:
                found.append(f"{relative(path)}:{imported.line} imports {dotted}")
    assert not found, "\n".join(found)


HA_FREE = """
    import importlib, pkgutil, sys, types
    from pathlib import Path

    root, folder, *blocked = sys.argv[1:]
    for name, path in (("custom_components", root), ("custom_components.nvr", root + "/nvr")):
        stub = types.ModuleType(name)
        stub.__path__ = [path]
        sys.modules[name] = stub
    for name in blocked:
        sys.modules[name] = None
    base = f"custom_components.nvr.{folder}"
    package = importlib.import_module(base)
    count = 1
    for module in pkgutil.walk_packages(package.__path__, base + "."):
        importlib.import_module(module.name)
        count += 1
    print(count)
"""


@pytest.mark.parametrize(
    ("folder", "blocked"), [("core", ["homeassistant", "av"]), ("media", ["homeassistant"])], ids=["core", "media"]
)
def test_package_part_imports_without_home_assistant(folder: str, blocked: list[str]) -> None:
    # A process of its own, in which the package's __init__ never runs: it imports Home Assistant.
    command = [sys.executable, "-c", textwrap.dedent(HA_FREE), str(PACKAGE.parent), folder, *blocked]
    result = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert result.returncode == 0, result.stderr
    assert int(result.stdout) == sum(name.split(".")[0] == folder for name in modules())
