"""Check the coverage that pytest left behind: 95 % in all, 100 % for the modules without input or output."""

from fnmatch import fnmatchcase
import json
from pathlib import Path
import subprocess
import sys
import tempfile
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = "custom_components/nvr"
TOTAL_PERCENT = 95.0
# Patterns below the package; branches count.
FULLY_COVERED = (
    "access_rules.py",
    "audit_rows.py",
    "core/clock.py",
    "core/drivers/*/mapping*",
    "core/drivers/*/wire*",
    "core/learned.py",
    "core/timeline.py",
    "core/transport/digest.py",
    "core/transport/multipart.py",
    "core/transport/xml.py",
    "media/aac.py",
    "media/audio.py",
    "media/bits.py",
    "media/fmp4*",
    "media/h26*",
    "media/hls*",
    "media/rtsp/audio_*",
    "media_ids.py",
)


def is_pure(path: str) -> bool:
    """Say whether the file must be covered in full."""
    inside = path.removeprefix(f"{PACKAGE}/")
    return inside != path and any(fnmatchcase(inside, pattern) for pattern in FULLY_COVERED)


def shortened(items: list[str], limit: int = 12) -> str:
    """Return the first few items as text."""
    rest = f" and {len(items) - limit} more" if len(items) > limit else ""
    return ", ".join(items[:limit]) + rest if items else "none"


def shortfalls(report: dict[str, Any]) -> list[str]:
    """Return one line for every gate that the report of `coverage json` fails."""
    total = report["totals"]["percent_covered"]
    found = [f"in all: {total:.2f} %, at least {TOTAL_PERCENT:g} % wanted"] if total < TOTAL_PERCENT else []
    for path, file in sorted(report["files"].items()):
        if is_pure(path) and file["summary"]["percent_covered"] < 100:
            lines = shortened([str(line) for line in file["missing_lines"]])
            branches = shortened([f"{start}->{end}" for start, end in file["missing_branches"]])
            found.append(f"{path}: lines not run: {lines}; branches not taken: {branches}")
    return found


def main() -> int:
    """Combine, report, and return 1 when a gate fails."""
    coverage = [sys.executable, "-m", "coverage"]
    subprocess.run([*coverage, "combine", "--quiet"], cwd=ROOT, check=False)
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "coverage.json"
        subprocess.run([*coverage, "json", "--quiet", "-o", str(target)], cwd=ROOT, check=True)
        report = json.loads(target.read_text(encoding="utf-8"))
    subprocess.run([*coverage, "report"], cwd=ROOT, check=False)
    found = shortfalls(report)
    for line in found:
        print(f"coverage: {line}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
