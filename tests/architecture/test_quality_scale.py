"""quality_scale.yaml answers every rule of Home Assistant's quality scale, and only those (home-assistant 2)."""

import yaml

from .source_tree import PACKAGE

BRONZE = """
action-setup appropriate-polling brands common-modules config-flow-test-coverage config-flow dependency-transparency
docs-actions docs-triggers docs-conditions docs-high-level-description docs-installation-instructions
docs-removal-instructions entity-event-setup entity-unique-id has-entity-name runtime-data test-before-configure
test-before-setup unique-config-entry
"""
SILVER = """
action-exceptions config-entry-unloading docs-configuration-parameters docs-installation-parameters entity-unavailable
integration-owner log-when-unavailable parallel-updates reauthentication-flow test-coverage
"""
GOLD = """
devices diagnostics discovery-update-info discovery docs-data-update docs-examples docs-known-limitations
docs-supported-devices docs-supported-functions docs-troubleshooting docs-use-cases dynamic-devices entity-category
entity-device-class entity-disabled-by-default entity-translations exception-translations icon-translations
reconfiguration-flow repair-issues stale-devices
"""
PLATINUM = "async-dependency inject-websession strict-typing"
RULES = f"{BRONZE} {SILVER} {GOLD} {PLATINUM}".split()


def test_quality_scale_has_every_rule_once() -> None:
    document = yaml.safe_load((PACKAGE / "quality_scale.yaml").read_text(encoding="utf-8"))
    assert len(RULES) == 54
    assert list(document) == ["rules"]
    assert set(document["rules"]) == set(RULES)


def test_quality_scale_gives_a_reason_for_what_is_not_done() -> None:
    document = yaml.safe_load((PACKAGE / "quality_scale.yaml").read_text(encoding="utf-8"))
    for rule, verdict in document["rules"].items():
        if isinstance(verdict, dict):
            assert verdict["status"] in {"done", "todo", "exempt"}, rule
            assert verdict["status"] == "done" or verdict.get("comment"), rule
        else:
            assert verdict in {"done", "todo"}, rule
