"""Nothing grows until it does two jobs: files, functions, classes; and no error is swallowed whole."""

import ast
from collections.abc import Iterator
from pathlib import Path
import re

import pytest

from .exemptions import BLANKET_EXCEPTS, OVERSIZED, TABLES
from .source_tree import python_files, relative, syntax

FILE_LINES = 600
FUNCTION_LINES = 60
CLASS_LINES = 300
CLASS_METHODS = 20
SOURCES = ("custom_components", "scripts", "tests")
BLANKET = {"Exception", "BaseException"}

type Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def definitions(tree: ast.AST, prefix: str = "") -> Iterator[tuple[str, Definition]]:
    """Yield every class and function with its dotted name."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield f"{prefix}{node.name}", node
            yield from definitions(node, f"{prefix}{node.name}.")
        else:
            yield from definitions(node, prefix)


def lines_of(node: Definition) -> int:
    """Return how long a definition is, its decorators left out."""
    return (node.end_lineno or node.lineno) - node.lineno + 1


def sizes(path: Path, tree: ast.Module, text: str) -> Iterator[tuple[str, int, int, str]]:
    """Yield (name, size, budget, unit) for all that has a budget in a file."""
    name = relative(path)
    if name not in TABLES:
        yield name, text.count("\n"), FILE_LINES, "lines"
    for dotted, node in definitions(tree):
        if isinstance(node, ast.ClassDef):
            methods = sum(_acts(child) for child in node.body)
            yield f"{name}::{dotted}", lines_of(node), CLASS_LINES, "lines"
            yield f"{name}::{dotted}", methods, CLASS_METHODS, "methods"
        else:
            yield f"{name}::{dotted}", lines_of(node), FUNCTION_LINES, "lines"


def _acts(node: ast.stmt) -> bool:
    """Say whether a statement of a class is a method; values (properties) and operators are none."""
    if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) or re.fullmatch(r"__\w+__", node.name):
        return False
    return not any(ast.unparse(decorator).endswith(("property", ".setter")) for decorator in node.decorator_list)


def test_budgets_hold() -> None:
    over, used = [], set()
    for path in python_files(*SOURCES):
        for name, size, budget, unit in sizes(path, syntax(path), path.read_text(encoding="utf-8")):
            if size > budget:
                used.add(name)
                if size > OVERSIZED.get(name, (budget, ""))[0]:
                    over.append(f"{name}: {size} {unit}, at most {budget}")
    over += [f"{name}: within its budget now, take it off the list" for name in OVERSIZED.keys() - used]
    assert not over, "\n".join(over)


def test_budgets_measure_what_they_name() -> None:
    source = "class A:\n    def f(self):\n        x = 1\n        return x\n    async def g(self): ...\n"
    source += "    @property\n    def v(self): ...\n    def __eq__(self, other): ...\n"
    found = {
        (name.partition("::")[2], size, unit) for name, size, _, unit in sizes(Path(__file__), ast.parse(source), "")
    }
    assert {("A", 8, "lines"), ("A", 2, "methods"), ("A.f", 3, "lines"), ("A.g", 1, "lines")} <= found


def blanket_handlers(tree: ast.Module) -> Iterator[tuple[str, int]]:
    """Yield (function, line) of each place that swallows everything, `suppress` included."""
    for dotted, node in [("<module>", tree), *definitions(tree)]:
        for child in _own_nodes(node):
            if isinstance(child, ast.ExceptHandler):
                names = [None] if child.type is None else _names(child.type)
                if (None in names or BLANKET & set(names)) and not _raises_again(child):
                    yield dotted, child.lineno
            elif isinstance(child, ast.Call) and _names(child.func) == ["suppress"]:
                caught = {name for argument in child.args for name in _names(argument)}
                if BLANKET & caught:
                    yield dotted, child.lineno


def _raises_again(handler: ast.ExceptHandler) -> bool:
    """Say whether the handler only tidies up: what it caught goes on."""
    last = handler.body[-1]
    return isinstance(last, ast.Raise) and last.exc is None


def _own_nodes(node: ast.AST) -> Iterator[ast.AST]:
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield child
            yield from _own_nodes(child)


def _names(node: ast.AST) -> list[str | None]:
    if isinstance(node, ast.Tuple):
        return [name for element in node.elts for name in _names(element)]
    if isinstance(node, ast.Attribute):
        return [node.attr]
    return [node.id] if isinstance(node, ast.Name) else []


def test_blanket_excepts_only_where_reviewed() -> None:
    found = {
        f"{relative(path)}::{function}": line
        for path in python_files("custom_components")
        for function, line in blanket_handlers(syntax(path))
    }
    wrong = [f"{name} (line {line}) swallows everything" for name, line in found.items() if name not in BLANKET_EXCEPTS]
    wrong += [f"{name} does not any more, take it off the list" for name in BLANKET_EXCEPTS.keys() - found.keys()]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(
    "body",
    [
        "try:\n        pass\n    except Exception:\n        pass",
        "try:\n        pass\n    except (ValueError, BaseException) as e:\n        pass",
        "try:\n        pass\n    except:\n        pass",
        "with contextlib.suppress(Exception):\n        pass",
    ],
)
def test_blanket_excepts_each_form_is_found(body: str) -> None:
    assert [name for name, _ in blanket_handlers(ast.parse(f"def f():\n    {body}\n"))] == ["f"]


def test_blanket_excepts_tidying_up_is_none() -> None:
    assert list(blanket_handlers(ast.parse("try:\n    f()\nexcept BaseException:\n    g()\n    raise\n"))) == []
