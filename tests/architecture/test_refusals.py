"""Sentences that are named in code but raised later: refusals and the titles of the media browser."""

import ast
from collections.abc import Iterator
import json
import re

from .source_tree import PACKAGE, python_files, relative, syntax

_NAMING = {"RefusedError": "exceptions", "TimeParsingError": "exceptions", "text": "common"}


def named() -> Iterator[tuple[str, str, str, frozenset[str]]]:
    """Yield (file, section, key, placeholders given) for every sentence named by a literal."""
    for path in python_files("custom_components/nvr"):
        for node in ast.walk(syntax(path)):
            if not isinstance(node, ast.Call) or not node.args:
                continue
            section = _NAMING.get(ast.unparse(node.func).rpartition(".")[2])
            key = node.args[0]
            if section and isinstance(key, ast.Constant) and isinstance(key.value, str):
                if section == "common" and not key.value.startswith("media_"):
                    continue
                yield relative(path), section, key.value, frozenset(item.arg for item in node.keywords if item.arg)


def test_named_sentences_exist_with_their_placeholders() -> None:
    english = json.loads((PACKAGE / "translations" / "en.json").read_text(encoding="utf-8"))
    found = list(named())
    assert len(found) > 20, "the scan finds too little: it does not fit the code any more"
    wrong = []
    for file, section, key, given in found:
        entry = english[section].get(key)
        text = entry["message"] if isinstance(entry, dict) else entry
        if text is None or set(re.findall(r"\{(\w+)\}", text)) != given:
            wrong.append(f"{file}: {section} {key} {sorted(given)}")
    assert wrong == []
