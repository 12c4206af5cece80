"""Texts get what they ask for: the placeholders of errors and issues are filled, and every step shown has words."""

import ast
from collections.abc import Iterator
import json
from pathlib import Path
import re
from typing import Any

import pytest

from .source_tree import PACKAGE, python_files, relative, syntax

ENGLISH: dict[str, Any] = json.loads((PACKAGE / "translations" / "en.json").read_text(encoding="utf-8"))
PLACEHOLDERS = re.compile(r"\{(\w+)\}")


def wanted(node: Any) -> set[str]:
    """Return the placeholders of a text or of all texts below."""
    if isinstance(node, str):
        return set(PLACEHOLDERS.findall(node))
    return {name for child in node.values() for name in wanted(child)}


def calls() -> Iterator[tuple[str, ast.Call, dict[str | None, ast.expr]]]:
    for path in python_files("custom_components/nvr"):
        for node in ast.walk(syntax(path)):
            if isinstance(node, ast.Call):
                yield f"{relative(path)}:{node.lineno}", node, {word.arg: word.value for word in node.keywords}


def given(value: ast.expr | None) -> set[str] | None:
    """Return the keys of a mapping that is written out; None where they are made elsewhere."""
    if value is None:
        return set()
    if not isinstance(value, ast.Dict):
        return None
    keys = {key.value for key in value.keys if isinstance(key, ast.Constant) and isinstance(key.value, str)}
    return keys if len(keys) == len(value.keys) else None


def shortfalls(section: dict[str, Any], key: ast.expr | None, filled: set[str] | None) -> set[str]:
    """Return the placeholders that a literal key wants and nobody fills."""
    if not isinstance(key, ast.Constant) or key.value not in section or filled is None:
        return set()
    return wanted(section[key.value]) - filled


def test_errors_fill_what_their_texts_ask_for() -> None:
    seen, wrong = 0, []
    for where, _, words in calls():
        if "translation_domain" in words and "translation_key" in words:
            seen += 1
            filled = given(words.get("translation_placeholders"))
            missing = shortfalls(ENGLISH["exceptions"], words["translation_key"], filled)
            wrong += [f"{where}: {name}" for name in sorted(missing)]
    assert seen
    assert wrong == []


def test_issues_fill_what_their_texts_ask_for() -> None:
    wrong = []
    for where, node, words in calls():
        if ast.unparse(node.func).endswith("async_create_issue"):
            filled = given(words.get("translation_placeholders"))
            missing = shortfalls(ENGLISH["issues"], words.get("translation_key"), filled)
            wrong += [f"{where}: {name}" for name in sorted(missing)]
    assert wrong == []


def steps(file: Path) -> set[str]:
    """Return the steps that a flow shows, where their names are written out."""
    shown = {"async_show_form", "async_show_menu", "async_show_progress"}
    return {
        str(word.value.value)
        for node in ast.walk(syntax(file))
        if isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] in shown
        for word in node.keywords
        if word.arg == "step_id" and isinstance(word.value, ast.Constant)
    }


@pytest.mark.parametrize(
    ("pattern", "known"),
    [
        ("config_flow*.py", {*ENGLISH["config"]["step"], *ENGLISH["config"].get("progress", {})}),
        ("options_flow.py", set(ENGLISH["options"]["step"])),
        (
            "repairs.py",
            {name for issue in ENGLISH["issues"].values() for name in issue.get("fix_flow", {}).get("step", {})},
        ),
    ],
)
def test_every_step_that_is_shown_has_words(pattern: str, known: set[str]) -> None:
    shown = {step for path in PACKAGE.glob(pattern) for step in steps(path)}
    assert shown
    assert shown <= known


def test_menus_lead_to_steps_with_words() -> None:
    for part in ("config", "options"):
        texts = ENGLISH[part]["step"]
        for name, step in texts.items():
            assert step.get("menu_options", {}).keys() <= texts.keys(), name


def test_progress_has_words() -> None:
    told = {
        word.value.value
        for _, node, _ in calls()
        if ast.unparse(node.func).endswith("async_show_progress")
        for word in node.keywords
        if word.arg == "progress_action" and isinstance(word.value, ast.Constant)
    }
    assert told
    assert told <= ENGLISH["config"]["progress"].keys()


def test_what_is_missing_is_found() -> None:
    section = {"gone": {"message": "{name} is gone since {when}"}}
    literal = ast.Constant("gone")
    filled = given(ast.parse("{'name': x}", mode="eval").body)
    assert shortfalls(section, literal, filled) == {"when"}
    assert shortfalls(section, literal, None) == set()
    assert given(ast.parse("{**more, 'name': x}", mode="eval").body) is None
