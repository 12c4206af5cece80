"""Workflows give no more rights than a step needs and run only what was pinned."""

import re
from typing import Any

import pytest
import yaml

from .source_tree import ROOT

WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


def jobs(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the jobs of a workflow."""
    found: dict[str, dict[str, Any]] = document["jobs"]
    return found


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_workflow_rights_are_given_by_the_job(path: Any) -> None:
    document = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert document["permissions"] == {}
    for name, job in jobs(document).items():
        assert job["timeout-minutes"] <= 120, name
        writes = {scope for scope, right in job["permissions"].items() if right == "write"}
        assert writes <= ({"contents"} if path.stem == "release" else set()), name


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_workflow_actions_are_pinned_to_commits(path: Any) -> None:
    text = path.read_text(encoding="utf-8")
    used = re.findall(r"uses: (\S+)(.*)", text)
    assert [action for action, _ in used if not re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", action)] == []
    assert all(re.fullmatch(r" # \S+", comment) for _, comment in used)


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_workflow_commands_take_no_text_from_outside(path: Any) -> None:
    # What others can choose (a branch, a tag, a title) reaches a shell through the environment only.
    for job in jobs(yaml.safe_load(path.read_text(encoding="utf-8"))).values():
        for step in job["steps"]:
            expressions = re.findall(r"\$\{\{\s*(.*?)\s*\}\}", step.get("run", ""))
            assert [found for found in expressions if not found.startswith("matrix.")] == []


def test_workflow_of_checks_covers_every_supported_home_assistant() -> None:
    text = (ROOT / ".github" / "workflows" / "check.yml").read_text(encoding="utf-8")
    locks = {path.stem.partition("-")[2] for path in (ROOT / "requirements").glob("demo-*.txt")}
    assert locks == {version for version in locks if version in text}
