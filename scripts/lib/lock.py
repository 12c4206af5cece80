"""Compile requirements/*.txt: our own pins plus those that Home Assistant's components name in their manifests."""

import json
from pathlib import Path
import re
import subprocess
import sys
import tempfile
import tomllib
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
EXACT_PIN = re.compile(r"[A-Za-z0-9._-]+==[^\s;*]+")


def component_requirements(package: Path, names: list[str], absent: set[str]) -> list[str]:
    """Return what `names` and their dependencies require, less the packages in `absent`."""
    found: set[str] = set()
    waiting, seen = list(names), set[str]()
    while waiting:
        name = waiting.pop()
        manifest_path = package / "components" / name / "manifest.json"
        if name in seen or not manifest_path.exists():
            continue
        seen.add(name)
        manifest = json.loads(manifest_path.read_text(encoding="utf-8"))
        found.update(manifest.get("requirements", []))
        waiting += manifest.get("dependencies", [])
    return sorted(pin for pin in found if pin.split("==")[0].lower() not in absent)


def compile_lock(uv: str, settings: dict[str, Any], purpose: str, version: str, options: list[str]) -> None:
    """Write the lock file of one virtual environment."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        install = [uv, "pip", "install", "--quiet", "--no-deps", "--target", str(folder), "--python", sys.executable]
        subprocess.run([*install, f"homeassistant=={version}"], check=True)
        package = folder / "homeassistant"
        pins = [
            f"homeassistant=={version}",
            *component_requirements(package, settings[purpose]["components"], set(settings["absent"])),
        ]
        wanted = folder / "wanted.in"
        wanted.write_text("\n".join(pins) + "\n", encoding="utf-8")
        # The test plugin pins the Home Assistant that it was cut from; the overrides let it run on the next one too.
        constraints = (package / "package_constraints.txt").read_text(encoding="utf-8").splitlines()
        overrides = folder / "overrides.in"
        exact = sorted({*pins, *filter(EXACT_PIN.fullmatch, constraints)})
        overrides.write_text("\n".join(exact) + "\n", encoding="utf-8")
        lock = ROOT / "requirements" / f"{purpose}-{version}.txt"
        command = [uv, "pip", "compile", "--quiet", "--python", sys.executable, "--python-version", "3.14.2"]
        command += ["--universal", "--generate-hashes", "--no-emit-index-url", "--no-annotate"]
        command += ["--custom-compile-command", "scripts/lock", "--override", str(overrides)]
        command += ["--constraint", str(package / "package_constraints.txt"), "--output-file", str(lock)]
        for group in settings[purpose]["groups"]:
            command += ["--group", f"{ROOT / 'pyproject.toml'}:{group}"]
        subprocess.run([*command, *options, str(wanted)], check=True, cwd=ROOT)
    print(lock.relative_to(ROOT))


def main() -> None:
    """Compile every lock file that [tool.nvr.lock] names."""
    uv, *options = sys.argv[1:]
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["nvr"]["lock"]
    for version in settings["homeassistant"]:
        for purpose in ("test", "demo"):
            compile_lock(uv, settings, purpose, version, options)


if __name__ == "__main__":
    main()
