"""What the repository holds and what it must not."""

import json
from pathlib import Path
import re
import subprocess
import tomllib

import pytest

from .source_tree import ROOT, manifest, relative, tracked_files

PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
# Stands for the owner and the address of the repository until both are known.
PLACEHOLDER = "OWNER"
BINARY = {".gz", ".ico", ".jpg", ".mp4", ".png", ".ttf", ".webp", ".woff2", ".zip"}


def text_files() -> list[tuple[str, str]]:
    """Return name and text of every tracked file that is text."""
    return [(relative(p), p.read_text(encoding="utf-8")) for p in tracked_files() if p.suffix not in BINARY]


def test_version_is_told_once() -> None:
    assert PYPROJECT["project"]["version"] == manifest()["version"]
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert re.search(rf"^## \[?{re.escape(manifest()['version'])}\]?(?![\w.])", changelog, re.MULTILINE)


def test_placeholder_of_the_repository_stands_in_the_manifest_only() -> None:
    address = f"https://github.com/{PLACEHOLDER}/nvr"
    assert manifest()["documentation"] == address
    assert manifest()["issue_tracker"] == f"{address}/issues"
    assert manifest()["codeowners"] == [f"@{PLACEHOLDER}"]
    pattern = re.compile(rf"\b{PLACEHOLDER}\b/|@{PLACEHOLDER}\b|github\.com/[\w.-]+/nvr\b", re.IGNORECASE)
    found = {name for name, text in text_files() if pattern.search(text)}
    assert found - {relative(Path(__file__))} == {"custom_components/nvr/manifest.json"}


def test_hacs_finds_one_integration() -> None:
    folders = [path.name for path in (ROOT / "custom_components").iterdir() if path.is_dir() and path.name[0] != "_"]
    assert folders == ["nvr"]
    assert (ROOT / "README.md").is_file()


def test_links_of_the_documentation_lead_somewhere() -> None:
    for path in (*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")):
        targets = re.findall(r"\]\(([^)#\s]+)", path.read_text(encoding="utf-8"))
        local = [target for target in targets if "://" not in target]
        assert [target for target in local if not (path.parent / target).exists()] == [], path.name


def test_modules_named_in_the_documentation_exist() -> None:
    folders = ("custom_components", "scripts", "tests")
    there = {f"/{relative(path)}" for folder in folders for path in (ROOT / folder).rglob("*.py")}
    for path in (ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")):
        named = set(re.findall(r"`(?:\.\.\./)?([\w/]+\.py)`", path.read_text(encoding="utf-8")))
        assert [name for name in sorted(named) if not any(item.endswith(f"/{name}") for item in there)] == [], path.name


def test_hacs_json_is_what_hacs_reads() -> None:
    hacs = json.loads((ROOT / "hacs.json").read_text(encoding="utf-8"))
    kinds = {"content_in_root": bool, "country": list, "filename": str, "hacs": str, "hide_default_branch": bool}
    kinds |= {
        "homeassistant": str,
        "name": str,
        "persistent_directory": str,
        "render_readme": bool,
        "zip_release": bool,
    }
    assert {key for key, value in hacs.items() if not isinstance(value, kinds.get(key, ()))} == set()
    assert hacs["name"] == manifest()["name"]
    assert hacs["homeassistant"] == PYPROJECT["tool"]["nvr"]["lock"]["homeassistant"][0]
    assert not hacs.get("zip_release") or hacs["filename"].endswith(".zip")


def test_floor_is_the_default_of_setup() -> None:
    setup = (ROOT / "scripts" / "setup").read_text(encoding="utf-8")
    assert f'default_ha="{PYPROJECT["tool"]["nvr"]["lock"]["homeassistant"][0]}"' in setup


@pytest.mark.parametrize("purpose", ["test", "demo"])
def test_lock_files_pin_every_package_with_hashes(purpose: str) -> None:
    versions = PYPROJECT["tool"]["nvr"]["lock"]["homeassistant"]
    for version in versions:
        text = (ROOT / "requirements" / f"{purpose}-{version}.txt").read_text(encoding="utf-8")
        entries = [entry for entry in re.split(r"\n(?=\S)", text) if entry and not entry.startswith("#")]
        assert f"homeassistant=={version} " in text
        assert [entry for entry in entries if "==" not in entry or "--hash=sha256:" not in entry] == []
        names = {entry.partition("==")[0] for entry in entries}
        assert not names & set(PYPROJECT["tool"]["nvr"]["lock"]["absent"])


@pytest.mark.parametrize("version", PYPROJECT["tool"]["nvr"]["lock"]["homeassistant"])
def test_lock_files_follow_the_groups(version: str) -> None:
    text = (ROOT / "requirements" / f"test-{version}.txt").read_text(encoding="utf-8")
    groups = PYPROJECT["tool"]["nvr"]["lock"]["test"]["groups"]
    pins = [pin for group in groups for pin in PYPROJECT["dependency-groups"][group]]
    assert [pin for pin in pins if f"{pin} " not in text] == []


def test_tree_holds_no_caches_and_no_left_overs() -> None:
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, check=True, capture_output=True, text=True).stdout.split(
        "\n"
    )
    wrong = re.compile(
        r"(^|/)(__pycache__|\.\w+_cache|\.hypothesis|\.venv[^/]*|node_modules)/|\.(pyc|log|orig|rej|tmp)$"
    )
    assert [name for name in tracked if wrong.search(name)] == []
    assert [name for name in tracked if name.endswith("strings.json")] == []


def test_text_names_no_machine_and_no_registry() -> None:
    hosts = r"deb\.debian\.org|files\.pythonhosted|pypi\.org|registry\.npmjs|snapshot\.debian"
    paths = r"(?<![\w.$}/])/(?:work|root|farm)/\w|(?<![\w.])/home/(?!assistant)\w+/|[A-Z]:\\\\Users"
    wrong = re.compile(f"{hosts}|{paths}")
    found = [
        f"{name}: {match.group()}"
        for name, text in text_files()
        if name != relative(Path(__file__))
        for match in wrong.finditer(text)
    ]
    assert found == []


def test_scripts_are_executable() -> None:
    programs = [path for path in tracked_files() if path.parent in {ROOT / "scripts", ROOT / ".ci"} and not path.suffix]
    assert {path.name for path in programs} >= {"bench", "demo", "lint", "run", "setup", "test"}
    assert [path.name for path in programs if not path.stat().st_mode & 0o111] == []


def test_standins_are_off_the_import_path_of_the_tests() -> None:
    paths = [str(ROOT / path) for path in PYPROJECT["tool"]["pytest"]["ini_options"]["pythonpath"]]
    standins = {path.stem for path in (ROOT / "scripts" / "demo_standins").glob("*.py")}
    assert standins
    assert [name for name in standins for path in paths if (Path(path) / f"{name}.py").exists()] == []


def test_links_between_documents_lead_somewhere() -> None:
    broken = []
    for path in tracked_files():
        if path.suffix == ".md":
            text = re.sub(r"```.*?```", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
            for target in re.findall(r"\]\(([^)\s]+)\)", text):
                file = target.partition("#")[0]
                if file and not re.match(r"\w+:", file) and not (path.parent / file).exists():
                    broken.append(f"{relative(path)}: {target}")
    assert broken == []
