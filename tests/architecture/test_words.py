"""Translations, icons, actions and the code that names them agree (home-assistant 1.2, 10.6)."""

import ast
from collections import Counter
from collections.abc import Iterator
from functools import cache
import json
from pathlib import Path
import re
from typing import Any

import pytest
import yaml

from custom_components.nvr import errors
from custom_components.nvr.core import errors as core_errors

from .source_tree import PACKAGE, python_files, relative, syntax

TRANSLATIONS = PACKAGE / "translations"
OTHERS = ["de", "es", "fr", "it", "nl", "pl", "pt", "pt-BR", "zh-Hans"]
PLACEHOLDERS = re.compile(r"\{([^{}]*)\}")
SECTIONS = {
    *("common", "conditions", "config", "config_subentries", "device", "device_automation", "entity"),
    *("entity_component", "exceptions", "issues", "options", "preview_features", "selector", "services"),
    *("system_health", "title", "triggers"),
}


@cache
def words(language: str) -> dict[str, Any]:
    """Return a translation file."""
    text = (TRANSLATIONS / f"{language}.json").read_text(encoding="utf-8")
    found: dict[str, Any] = json.loads(text, object_pairs_hook=_once)
    return found


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Make an object of its pairs; of a key that stands there twice only the last would be left, and nobody told."""
    keys = [key for key, _ in pairs]
    assert len(keys) == len(set(keys)), f"twice: {sorted({key for key in keys if keys.count(key) > 1})}"
    return dict(pairs)


def leaves(node: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Yield the dotted path and text of every string."""
    if isinstance(node, dict):
        for key, value in node.items():
            yield from leaves(value, f"{path}.{key}" if path else key)
    else:
        yield path, node


def _load(name: str) -> dict[str, Any]:
    path = PACKAGE / name
    text = path.read_text(encoding="utf-8") if path.exists() else "{}"
    found: dict[str, Any] = json.loads(text) if name.endswith(".json") else yaml.safe_load(text) or {}
    return found


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.json")), ids=relative)
def test_no_key_is_given_twice(path: Path) -> None:
    twice: list[str] = []

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        counted = Counter(key for key, _ in pairs)
        twice.extend(key for key, count in counted.items() if count > 1)
        return dict(pairs)

    json.loads(path.read_text(encoding="utf-8"), object_pairs_hook=once)
    assert twice == []


@pytest.mark.parametrize("language", OTHERS)
def test_translation_has_the_keys_of_english(language: str) -> None:
    english, other = dict(leaves(words("en"))), dict(leaves(words(language)))
    assert sorted(english.keys() - other.keys()) == []
    assert sorted(other.keys() - english.keys()) == []


@pytest.mark.parametrize("language", OTHERS)
def test_translation_has_the_placeholders_of_english(language: str) -> None:
    other = dict(leaves(words(language)))
    different = {
        path
        for path, text in leaves(words("en"))
        if sorted(set(PLACEHOLDERS.findall(text))) != sorted(set(PLACEHOLDERS.findall(other.get(path, ""))))
    }
    assert different == set()


@pytest.mark.parametrize("language", OTHERS)
def test_translation_is_not_left_in_english(language: str) -> None:
    other = dict(leaves(words(language)))
    english = {path: text for path, text in leaves(words("en")) if PLACEHOLDERS.sub("", text).strip(" ,")}
    long = [path for path, text in english.items() if text.count(" ") > 2 and other.get(path) == text]
    assert long == []


def faults(path: str, text: object) -> Iterator[str]:
    """Yield what Home Assistant's own checker would refuse about one text."""
    if not isinstance(text, str) or not text:
        yield f"{path}: no text"
        return
    if text != text.strip():
        yield f"{path}: space at an end"
    if re.search(r"<[a-zA-Z/][^>]*>", text):
        yield f"{path}: HTML"
    if re.search(r"https?://|www\.", text):
        yield f"{path}: address in the text, use a placeholder"
    if "[%key:" in text:
        yield f"{path}: reference that nothing resolves"
    if re.search(r"'\{[^{}]*\}'", text):
        yield f"{path}: placeholder in single quotes"
    yield from (f"{path}: {{{name}}}" for name in PLACEHOLDERS.findall(text) if not name.isidentifier())
    for key in path.split("."):
        if not re.fullmatch(r"[a-z0-9](?:[a-z0-9_-]*[a-z0-9])?", key):
            yield f"{path}: key {key!r}"


@pytest.mark.parametrize("language", ["en", *OTHERS])
def test_translation_values_follow_the_rules(language: str) -> None:
    assert words(language).keys() <= SECTIONS
    assert [fault for path, text in leaves(words(language)) for fault in faults(path, text)] == []


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("a", " x"),
        ("a", ""),
        ("a", "<b>x</b>"),
        ("a", "see https://example.org"),
        ("a", "[%key:common::x%]"),
        ("a", "not '{x}'"),
        ("a", "{1x}"),
        ("A", "x"),
        ("a_", "x"),
    ],
)
def test_translation_rules_find_what_breaks_them(path: str, text: str) -> None:
    assert len(list(faults(path, text))) == 1


def test_translation_files_are_those_compared() -> None:
    assert {path.stem for path in TRANSLATIONS.glob("*.json")} == {"en", *OTHERS}


def translation_keys() -> Iterator[tuple[str, str, str]]:
    """Yield (file, kind, key) for every literal `translation_key`; kind is exception, issue, selector or entity."""
    for path in python_files("custom_components/nvr"):
        for node in ast.walk(syntax(path)):
            if isinstance(node, ast.Call):
                name = ast.unparse(node.func).rpartition(".")[2]
                arguments = {keyword.arg: keyword.value for keyword in node.keywords}
                for key in _literals(arguments.get("translation_key")):
                    yield relative(path), _kind(name, raised="translation_domain" in arguments), key
            elif isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                if any(ast.unparse(target).endswith("_attr_translation_key") for target in targets):
                    for key in _literals(node.value):
                        yield relative(path), "entity", key


@cache
def constants() -> dict[str, str]:
    """Return the text constants of the package's modules by name."""
    found = {}
    for path in python_files("custom_components/nvr"):
        for node in syntax(path).body:
            if isinstance(node, ast.Assign | ast.AnnAssign) and isinstance(node.value, ast.Constant):
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                if isinstance(node.value.value, str):
                    found.update(dict.fromkeys(map(ast.unparse, targets), node.value.value))
    return found


def _literals(node: ast.expr | None) -> list[str]:
    if isinstance(node, ast.IfExp):
        return _literals(node.body) + _literals(node.orelse)
    if isinstance(node, ast.Name) and node.id in constants():
        return [constants()[node.id]]
    return [node.value] if isinstance(node, ast.Constant) and isinstance(node.value, str) else []


def _kind(function: str, *, raised: bool) -> str:
    if raised:
        return "exception"
    return next((kind for kind in ("issue", "selector") if kind in function.lower()), "entity")


def _known(kind: str) -> set[str]:
    english = words("en")
    if kind == "entity":
        return {key for platform in english.get("entity", {}).values() for key in platform}
    return set(english.get(f"{kind}s" if kind != "selector" else kind, {}))


def test_translation_keys_of_the_code_exist() -> None:
    found = list(translation_keys())
    assert found, "the scan finds nothing: it does not fit the code any more"
    assert [f"{file}: {kind} {key}" for file, kind, key in found if key not in _known(kind)] == []


def test_every_core_error_has_words() -> None:
    tree = syntax(PACKAGE / "core" / "errors.py")
    classes = {node.name for node in tree.body if isinstance(node, ast.ClassDef)}
    for name in classes:
        kind: type[core_errors.NvrError] = getattr(core_errors, name)
        key = next((key for covered, key in errors.KEYS if issubclass(kind, covered)), None)
        assert key in words("en")["exceptions"], name


def _fields(action: dict[str, Any]) -> tuple[set[str], set[str]]:
    """Return the names of an action's fields and of its sections."""
    fields, sections = set[str](), set[str]()
    for name, field in (action.get("fields") or {}).items():
        if isinstance(field, dict) and "fields" in field:
            sections.add(name)
            fields |= set(field["fields"])
        else:
            fields.add(name)
    return fields, sections


@pytest.mark.parametrize(
    ("file", "section"),
    [("services.yaml", "services"), ("triggers.yaml", "triggers"), ("conditions.yaml", "conditions")],
)
def test_described_names_have_texts_and_icons(file: str, section: str) -> None:
    described = {key: value or {} for key, value in _load(file).items() if not key.startswith(".")}
    texts = words("en").get(section, {})
    assert described.keys() == texts.keys()
    for name, entry in described.items():
        fields, sections = _fields(entry)
        assert {"name", "description"} <= texts[name].keys(), name
        assert fields == set(texts[name].get("fields", {})), name
        assert sections == set(texts[name].get("sections", {})), name
        for field in fields:
            assert texts[name]["fields"][field].keys() == {"name", "description"}, f"{name}.{field}"
    assert described.keys() == _load("icons.json").get(section, {}).keys()


def test_actions_are_the_five_of_the_readme() -> None:
    assert _load("services.yaml").keys() >= {
        "find_recording",
        "get_stream_urls",
        "list_recording_days",
        "play_recording",
        "search_recordings",
    }


def test_icons_are_material_and_belong_to_something() -> None:
    icons = _load("icons.json")
    assert icons.keys() <= {"conditions", "entity", "services", "triggers"}
    assert [text for _, text in leaves(icons) if not re.fullmatch(r"mdi:[a-z0-9-]+", text)] == []
    for platform, keys in icons.get("entity", {}).items():
        assert keys.keys() <= words("en")["entity"].get(platform, {}).keys(), platform


def test_no_reference_is_left_for_a_build_step() -> None:
    for path in PACKAGE.rglob("*.json"):
        assert "[%key:" not in path.read_text(encoding="utf-8"), path.name
    assert not list(PACKAGE.rglob("strings.json"))
