#!/usr/bin/env python3
"""Print the changelog section of the version that a tag names; fail when tag, manifest and changelog disagree."""

import json
from pathlib import Path
import re
import sys

ROOT = Path(__file__).resolve().parents[2]


def section(changelog: str, version: str) -> str:
    """Return the text below the heading of a version; empty when there is none."""
    pattern = rf"^## \[?{re.escape(version)}\]?(?![\w.])[^\n]*\n(.*?)(?=^## |\Z)"
    match = re.search(pattern, changelog, re.MULTILINE | re.DOTALL)
    return match.group(1).strip() if match else ""


def main(tag: str) -> int:
    """Print the notes of a tag such as `v1.2.3`; return 1 with the reason when it cannot be released."""
    manifest = json.loads((ROOT / "custom_components/nvr/manifest.json").read_text(encoding="utf-8"))
    version = manifest["version"]
    if tag != f"v{version}":
        sys.stderr.write(f"error: the tag is {tag}, the manifest says {version}: tag it v{version}\n")
        return 1
    notes = section((ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), version)
    if not notes:
        sys.stderr.write(f"error: CHANGELOG.md has no section for {version}\n")
        return 1
    print(notes)
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:2]))
