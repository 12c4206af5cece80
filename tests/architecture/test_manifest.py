"""manifest.json as Home Assistant, HACS and the Marketplace read it (home-assistant 1.1, 1.3)."""

from importlib.metadata import version
import json
from pathlib import Path
import re
import struct

from awesomeversion import AwesomeVersion, AwesomeVersionStrategy
import homeassistant
import pytest

from .source_tree import PACKAGE, manifest

GENERATED = Path(homeassistant.__file__).parent / "generated"
KINDS: dict[str, type | tuple[type, ...]] = {
    "after_dependencies": list,
    "categories": list,
    "codeowners": list,
    "config_flow": bool,
    "connectivity": list,
    "dependencies": list,
    "dhcp": list,
    "documentation": str,
    "domain": str,
    "integration_type": str,
    "iot_class": str,
    "issue_tracker": str,
    "loggers": list,
    "name": str,
    "quality_scale": str,
    "requirements": list,
    "ssdp": list,
    "version": str,
    "zeroconf": list,
}
REQUIRED = {
    "codeowners",
    "documentation",
    "domain",
    "integration_type",
    "iot_class",
    "issue_tracker",
    "name",
    "version",
}
LOADABLE = [
    AwesomeVersionStrategy.CALVER,
    AwesomeVersionStrategy.SEMVER,
    AwesomeVersionStrategy.SIMPLEVER,
    AwesomeVersionStrategy.BUILDVER,
    AwesomeVersionStrategy.PEP440,
]


def test_manifest_keys_are_known_and_typed() -> None:
    assert manifest().keys() >= REQUIRED
    assert {key for key, value in manifest().items() if not isinstance(value, KINDS.get(key, ()))} == set()


def test_manifest_keys_are_in_order() -> None:
    keys = list(manifest())
    assert keys == ["domain", "name", *sorted(keys[2:])]


def test_manifest_says_what_the_integration_is() -> None:
    found = manifest()
    assert (found["domain"], found["domain"], found["name"]) == ("nvr", PACKAGE.name, "NVR")
    assert (found["integration_type"], found["iot_class"]) == ("hub", "local_push")
    assert found["config_flow"] is True
    assert {"http", "stream", "websocket_api"} <= set(found["dependencies"])
    assert not set(found["dependencies"]) & set(found.get("after_dependencies", []))
    # An extra package is installed at run time into an environment shared with everything else, often offline.
    assert found["requirements"] == []


def test_manifest_dependencies_are_components_of_home_assistant() -> None:
    components = Path(homeassistant.__file__).parent / "components"
    names = [*manifest()["dependencies"], *manifest().get("after_dependencies", [])]
    assert [name for name in names if not (components / name).is_dir()] == []


def test_manifest_version_is_loadable() -> None:
    version = AwesomeVersion(manifest()["version"], ensure_strategy=LOADABLE)
    assert version.valid
    assert re.fullmatch(r"\d+\.\d+\.\d+([ab]\d+|rc\d+)?", manifest()["version"])


def test_manifest_matchers_are_written_as_they_are_compared() -> None:
    for row in manifest().get("dhcp", []):
        assert row.keys() <= {"hostname", "macaddress", "registered_devices"}
        assert row.get("hostname", "") == row.get("hostname", "").lower()
        assert re.fullmatch(r"[0-9A-F*?]*", row.get("macaddress", ""))
    for row in manifest().get("zeroconf", []):
        assert json.dumps(row.get("properties", {})).islower() or "properties" not in row


def _slugs(node: object) -> set[str]:
    """Return the slugs of a generated list, `group.sub` for a subcategory."""
    found: set[str] = set()
    for entry in node if isinstance(node, list) else []:
        found.add(entry["slug"])
        found |= {f"{entry['slug']}.{sub['slug']}" for sub in entry.get("subcategories", [])}
    return found


@pytest.mark.parametrize(
    ("key", "file"),
    [("categories", "integration_categories.json"), ("connectivity", "integration_connectivity.json")],
)
def test_manifest_slugs_exist(key: str, file: str) -> None:
    assert manifest()[key]
    if version("homeassistant").startswith("2026.10."):
        pytest.skip("Home Assistant lists these from 2026.11 on")
    assert set(manifest()[key]) <= _slugs(json.loads((GENERATED / file).read_text(encoding="utf-8")))


@pytest.mark.parametrize(
    ("name", "sides"),
    [
        ("icon.png", [(256, 256)]),
        ("icon@2x.png", [(512, 512)]),
        ("logo.png", []),
        ("logo@2x.png", []),
        ("dark_logo.png", []),
        ("dark_logo@2x.png", []),
    ],
)
def test_brand_images_have_the_sizes_that_are_shown(name: str, sides: list[tuple[int, int]]) -> None:
    path = PACKAGE / "brand" / name
    head = path.read_bytes()[:24]
    assert head[:8] == b"\x89PNG\r\n\x1a\n"
    width, height = struct.unpack(">II", head[16:24])
    assert not sides or (width, height) in sides
    assert min(width, height) <= (512 if "@2x" in name else 256)
