"""The repository as data: tracked files, modules of the package, and what each imports."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
import json
from pathlib import Path
import subprocess
import sys
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "custom_components" / "nvr"
STDLIB = frozenset(sys.stdlib_module_names)


@cache
def tracked_files() -> tuple[Path, ...]:
    """Return every file that git has or would add: a rule holds before the commit, too."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return tuple(sorted(path for name in names.split("\0") if name and (path := ROOT / name).is_file()))


def relative(path: Path) -> str:
    """Return the path as the repository writes it."""
    return path.relative_to(ROOT).as_posix()


def python_files(*folders: str) -> list[Path]:
    """Return the tracked Python files below the folders."""
    bases = [ROOT / folder for folder in folders]
    return [path for path in tracked_files() if path.suffix == ".py" and any(path.is_relative_to(b) for b in bases)]


@cache
def manifest() -> dict[str, Any]:
    """Return the integration's manifest."""
    found: dict[str, Any] = json.loads((PACKAGE / "manifest.json").read_text(encoding="utf-8"))
    return found


@cache
def syntax(path: Path) -> ast.Module:
    """Return the parsed file."""
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


@dataclass(frozen=True, slots=True)
class Import:
    """One imported module. `module` is dotted below the package when `inside`, else absolute."""

    module: str
    inside: bool
    level: int
    line: int
    typing_only: bool


@dataclass(frozen=True, slots=True)
class Module:
    """One module of the package, named below it: `core.clock`; the package itself is the empty name."""

    name: str
    path: Path
    imports: tuple[Import, ...]


def module_name(path: Path, base: Path) -> str:
    """Return the dotted name of a file below its package's folder; the package itself is empty."""
    parts = list(path.relative_to(base).with_suffix("").parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _walk(node: ast.AST, *, typing_only: bool = False) -> Iterator[tuple[ast.Import | ast.ImportFrom, bool]]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import | ast.ImportFrom):
            yield child, typing_only
        elif isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            for statement in child.body:
                yield from _walk(ast.Module([statement], []), typing_only=True)
            for statement in child.orelse:
                yield from _walk(ast.Module([statement], []), typing_only=typing_only)
        else:
            yield from _walk(child, typing_only=typing_only)


def imports_of(tree: ast.Module, package: str, known: frozenset[str]) -> tuple[Import, ...]:
    """Return what a module imports; `package` is the dotted package it lies in, `known` all names inside."""
    found = []
    for node, typing_only in _walk(tree):
        if isinstance(node, ast.Import):
            found += [Import(alias.name, False, 0, node.lineno, typing_only) for alias in node.names]
            continue
        if not node.level:
            found.append(Import(node.module or "", False, 0, node.lineno, typing_only))
            continue
        parts = package.split(".") if package else []
        base = ".".join([*parts[: len(parts) - node.level + 1], *(node.module.split(".") if node.module else [])])
        for alias in node.names:
            deeper = f"{base}.{alias.name}".strip(".")
            found.append(Import(deeper if deeper in known else base, True, node.level, node.lineno, typing_only))
    return tuple(dict.fromkeys(found))


@cache
def modules() -> dict[str, Module]:
    """Return the modules of the integration by name."""
    paths = {module_name(path, PACKAGE): path for path in python_files("custom_components/nvr")}
    known = frozenset(paths)
    found = {}
    for name, path in paths.items():
        package = name if path.name == "__init__.py" else name.rpartition(".")[0]
        found[name] = Module(name, path, imports_of(syntax(path), package, known))
    return found
