"""Each rule of the quality scale that asks for words has its heading, each other one something that shows it."""

import json
import re
from typing import Any

import pytest
import yaml

from .source_tree import PACKAGE, ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")
# rule: (document, heading, what must be told below it)
HEADINGS: dict[str, tuple[str, str, str]] = {
    "docs-actions": ("README.md", "## Actions", r"\| `nvr\.\w+` \|"),
    "docs-triggers": ("README.md", "## Triggers and conditions", r"\| trigger \| fires when \|"),
    "docs-conditions": ("README.md", "## Triggers and conditions", r"\| condition \| holds while \|"),
    "docs-high-level-description": ("README.md", "# NVR for Home Assistant", r"Hikvision, Dahua"),
    "docs-installation-instructions": ("README.md", "## Install", r"HACS.*Marketplace"),
    "docs-removal-instructions": ("README.md", "### Removing", r"⋮ → Delete"),
    "docs-configuration-parameters": ("README.md", "### Options", r"\| Grace time \|"),
    "docs-installation-parameters": ("README.md", "## Setting up", r"\| Address \|.*\| User name, password \|"),
    "docs-data-update": ("README.md", "## How it is kept up to date", r"pushed.*once a minute"),
    "docs-examples": ("README.md", "### Examples", r"```yaml\ntriggers:"),
    "docs-known-limitations": ("README.md", "## Known limits", r"(?m)^- "),
    "docs-supported-devices": ("README.md", "## Supported recorders", r"\*\*Hikvision\*\*.*\*\*Dahua\*\*"),
    "docs-supported-functions": ("README.md", "## What you get", r"\*\*Cameras\*\*.*\*\*Recordings\*\*"),
    "docs-troubleshooting": ("README.md", "## When something is wrong", r"\| you see \| do \|"),
    "docs-use-cases": ("README.md", "### What it is good for", r"notification"),
}
# Rules of code: where it can be seen that they hold, as file and a word of it.
EVIDENCE: dict[str, tuple[str, str]] = {
    "action-setup": ("custom_components/nvr/__init__.py", "async_setup_services"),
    "action-exceptions": ("tests/integration/test_action_refusals.py", "ServiceValidationError"),
    "appropriate-polling": ("custom_components/nvr/const.py", "POLL_STEADY"),
    "brands": ("tests/architecture/test_manifest.py", "test_brand_images_have_the_sizes_that_are_shown"),
    "common-modules": ("custom_components/nvr/coordinator.py", "class NvrCoordinator"),
    "config-entry-unloading": ("tests/integration/test_unload_busy.py", "async_unload"),
    "config-flow": ("tests/integration/test_support.py", "test_every_field_of_every_form_is_described"),
    "config-flow-test-coverage": ("tests/integration/test_config_flow.py", "CREATE_ENTRY"),
    "devices": ("custom_components/nvr/devices.py", "via_device_id"),
    "diagnostics": ("tests/integration/test_support.py", "test_diagnostics_help_and_hold_no_secret"),
    "discovery": ("custom_components/nvr/config_flow_discovery.py", "async_step_dhcp"),
    "discovery-update-info": ("tests/integration/test_discovery.py", "CONF_HOST"),
    "dynamic-devices": ("tests/integration/test_running_changes.py", "async def test_"),
    "entity-category": ("custom_components/nvr/binary_sensor.py", "EntityCategory.DIAGNOSTIC"),
    "entity-device-class": ("custom_components/nvr/detections.py", "BinarySensorDeviceClass.TAMPER"),
    "entity-disabled-by-default": ("custom_components/nvr/detections.py", "def enabled_by_default"),
    "entity-event-setup": ("custom_components/nvr/event.py", "async_added_to_hass"),
    "entity-translations": ("tests/integration/test_support.py", "test_every_entity_has_a_name_and_an_icon"),
    "entity-unavailable": ("tests/integration/test_dahua.py", '"unavailable"'),
    "entity-unique-id": ("custom_components/nvr/entity.py", "_attr_unique_id"),
    "exception-translations": ("tests/architecture/test_refusals.py", "def test_"),
    "has-entity-name": ("custom_components/nvr/entity.py", "_attr_has_entity_name = True"),
    "icon-translations": ("tests/architecture/test_words.py", "test_icons_are_material_and_belong_to_something"),
    "inject-websession": ("custom_components/nvr/connection.py", "def session_factory"),
    "log-when-unavailable": ("tests/integration/test_log.py", "offline"),
    "parallel-updates": ("custom_components/nvr/camera.py", "PARALLEL_UPDATES"),
    "reauthentication-flow": ("custom_components/nvr/config_flow.py", "async_step_reauth"),
    "reconfiguration-flow": ("custom_components/nvr/config_flow.py", "async_step_reconfigure"),
    "repair-issues": ("tests/integration/test_health_repairs.py", "async def test_"),
    "runtime-data": ("custom_components/nvr/runtime.py", "type NvrConfigEntry"),
    "stale-devices": ("custom_components/nvr/__init__.py", "async_remove_config_entry_device"),
    "strict-typing": ("pyproject.toml", "strict = true"),
    "async-dependency": ("tests/architecture/test_imports.py", "test_package_part_imports_without_home_assistant"),
    "test-before-configure": ("tests/integration/test_config_flow.py", "unreachable"),
    "test-before-setup": ("tests/integration/test_setup.py", "SETUP_RETRY"),
    "test-coverage": ("scripts/lib/coverage_gate.py", "TOTAL_PERCENT = 95"),
    "unique-config-entry": ("tests/integration/test_config_flow.py", "already_configured"),
}
PLATFORMS = "binary_sensor button camera event image light number select sensor siren switch update"


def rules() -> dict[str, dict[str, str]]:
    """Return every rule with its status and comment."""
    document = yaml.safe_load((PACKAGE / "quality_scale.yaml").read_text(encoding="utf-8"))
    return {
        rule: verdict if isinstance(verdict, dict) else {"status": verdict}
        for rule, verdict in document["rules"].items()
    }


def below(document: str, heading: str) -> str:
    """Return what stands below a heading, as far as the next one of its level or a higher one."""
    text = (ROOT / document).read_text(encoding="utf-8")
    level = len(heading) - len(heading.lstrip("#"))
    part = re.split(rf"(?m)^{re.escape(heading)}$", text)
    assert len(part) == 2, f"{document}: {heading} stands {len(part) - 1} times"
    return re.split(rf"(?m)^#{{1,{level}}} (?=\S)", re.sub(r"(?ms)^```.*?^```$", _blank_hashes, part[1]))[0]


def _blank_hashes(block: re.Match[str]) -> str:
    """Return a block of code without comments: theirs are no headings."""
    return re.sub(r"(?m)^#.*$", "", block.group())


def test_no_rule_is_left_to_do_and_exemptions_have_a_reason() -> None:
    found = rules()
    assert {rule for rule, verdict in found.items() if verdict["status"] not in {"done", "exempt"}} == set()
    exempt = {rule: verdict.get("comment", "") for rule, verdict in found.items() if verdict["status"] == "exempt"}
    assert exempt.keys() == {"dependency-transparency", "integration-owner"}
    assert {rule for rule, reason in exempt.items() if len(reason.split()) < 12} == set()


def test_every_rule_can_be_seen_to_hold() -> None:
    done = {rule for rule, verdict in rules().items() if verdict["status"] == "done"}
    assert HEADINGS.keys() == {rule for rule in done if rule.startswith("docs-")}
    assert EVIDENCE.keys() == done - HEADINGS.keys()


@pytest.mark.parametrize("rule", sorted(EVIDENCE))
def test_rules_of_code_point_at_what_shows_them(rule: str) -> None:
    file, word = EVIDENCE[rule]
    assert word in (ROOT / file).read_text(encoding="utf-8")


@pytest.mark.parametrize("rule", sorted(HEADINGS))
def test_rules_of_documentation_have_their_heading(rule: str) -> None:
    document, heading, told = HEADINGS[rule]
    text = below(document, heading)
    assert len(text.split()) > 20, "a heading with nothing below it"
    assert re.search(told, text, re.DOTALL)


def test_every_platform_says_how_many_updates_at_once() -> None:
    there = [path for name in PLATFORMS.split() if (path := PACKAGE / f"{name}.py").exists()]
    assert there
    silent = [
        path.name for path in there if not re.search(r"(?m)^PARALLEL_UPDATES\b", path.read_text(encoding="utf-8"))
    ]
    assert silent == []


def options() -> set[str]:
    """Return what the fields of the options are called."""
    steps: dict[str, Any] = json.loads((PACKAGE / "translations" / "en.json").read_text(encoding="utf-8"))["options"][
        "step"
    ]
    found: set[str] = set()
    for step in steps.values():
        for part in (step, *step.get("sections", {}).values()):
            found |= set(part.get("data", {}).values())
    return found - {"User", "Like other users"}


@pytest.mark.parametrize("name", sorted(options()))
def test_every_option_is_explained(name: str) -> None:
    assert name in below("README.md", "### Options")


def test_every_issue_is_explained() -> None:
    issues = json.loads((PACKAGE / "translations" / "en.json").read_text(encoding="utf-8"))["issues"]
    told = (ROOT / "docs" / "health.md").read_text(encoding="utf-8") + below("README.md", "## When something is wrong")
    words = {
        "permission": "right",
        "events_permission": "right to be notified",
        "insecure_login": "unencrypted",
        "other_recorder": "another device answered",
        "camera_changed": "has another camera on channel",
        "locked": "has locked the account",
    }
    reporting = (ROOT / "docs" / "reporting.md").read_text(encoding="utf-8")
    missing = [key for key in issues if f"`{key}`" not in told and words.get(key, key) not in told + README + reporting]
    assert missing == []


def test_every_verdict_and_reason_of_diagnostics_is_explained() -> None:
    text = (ROOT / "docs" / "reporting.md").read_text(encoding="utf-8")
    source = "".join(
        (PACKAGE / name).read_text(encoding="utf-8") for name in ("core/event_tally.py", "event_report.py", "fanout.py")
    )
    words = set(re.findall(r'^    [A-Z_]+ = "(\w+)"$', source, re.MULTILINE))
    words |= set(re.findall(r'^(?:UNPROVEN|IGNORED_\w+): Final = "(\w+)"$', source, re.MULTILINE))
    assert {"not_subscribed", "nothing_sent", "sent_but_dropped", "repeat", "unproven", "ignored_kind"} <= words
    assert [word for word in sorted(words) if f"`{word}`" not in text] == []
