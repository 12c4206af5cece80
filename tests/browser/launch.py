"""Starts a demo instance in the demo's own environment, and ends it."""

from collections.abc import Iterator
from contextlib import contextmanager
import json
import os
from pathlib import Path
import subprocess

from .frontend import Home, HomeNvr

ROOT = Path(__file__).parents[2]
OLDEST, NEWEST = "2026.10.4", "2026.11.0"
_STOP_SECONDS = 40


def environment_of(version: str) -> Path:
    """Return the demo's virtual environment for a Home Assistant, made when it is not there."""
    # What it says when it fails belongs on the terminal.
    made = subprocess.run(
        [ROOT / "scripts/setup", "--for", "demo", "--ha", version], stdout=subprocess.PIPE, text=True, check=True
    )
    return Path(made.stdout.splitlines()[-1])


@contextmanager
def running_home(version: str = OLDEST, *options: str) -> Iterator[Home]:
    """Run an instance with further words for the command line of tests.browser.home; end it afterwards."""
    python = environment_of(version) / "bin/python"
    with subprocess.Popen(
        [python, "-m", "tests.browser.home", *options],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        try:
            # It gives up by itself when Home Assistant does not come, and says why on the terminal.
            line = process.stdout.readline()
            assert line, "the demo instance did not start; the lines above tell why"
            told = json.loads(line)
            nvrs = {family: HomeNvr(**nvr) for family, nvr in told.pop("nvrs").items()}
            yield Home(**told, nvrs=nvrs)
        finally:
            process.terminate()
            try:
                process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
