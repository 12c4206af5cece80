"""Run benchmarks of scripts/benchmarks, pass their figures on, and judge them."""

from collections.abc import Iterator
import contextlib
import json
import os
from pathlib import Path
import signal
import subprocess
import sys
import threading

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "scripts" / "benchmarks"
LIMIT = 900.0  # seconds for one benchmark
FIELDS = ("name", "value", "unit", "reference", "ratio", "target", "ok")


def available() -> list[str]:
    """Return the names of the benchmarks: files that do not start with an underscore."""
    return sorted(path.stem for path in FOLDER.glob("[!_]*.py"))


def read_figure(line: str) -> dict[str, object] | None:
    """Return the figure that a line of output holds, or None for any other text."""
    try:
        figure = json.loads(line)
    except ValueError:
        return None
    return figure if isinstance(figure, dict) and {"name", "ok"} <= figure.keys() else None


@contextlib.contextmanager
def ended_after(seconds: float, process: subprocess.Popen[str]) -> Iterator[None]:
    """End a benchmark that takes too long, with all it started, and one that we are stopped in the midst of."""

    def end() -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)

    timer = threading.Timer(seconds, end)
    timer.start()
    try:
        yield
    except BaseException:
        end()
        raise
    finally:
        timer.cancel()
        timer.join()


def run(name: str, options: list[str]) -> bool:
    """Run one benchmark; return True when it ended well, gave figures, and all of them hit their targets."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
    command = [sys.executable, str(FOLDER / f"{name}.py"), *options]
    figures = []
    with (
        subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True, start_new_session=True
        ) as process,
        ended_after(LIMIT, process),
    ):
        for line in process.stdout or ():
            if figure := read_figure(line):
                figures.append(figure)
                print(json.dumps({field: figure.get(field) for field in FIELDS} | figure), flush=True)
            else:
                sys.stderr.write(line)
    if not figures:
        sys.stderr.write(f"bench: {name} gave no figure\n")
    if process.returncode:
        sys.stderr.write(f"bench: {name} ended with {process.returncode}\n")
    return bool(figures) and process.returncode == 0 and all(figure["ok"] is True for figure in figures)


def main(arguments: list[str]) -> int:
    """Run the benchmarks that are named before `--`, or all of them."""
    split = arguments.index("--") if "--" in arguments else len(arguments)
    names, options = arguments[:split] or available(), arguments[split + 1 :]
    unknown = [name for name in names if name not in available()]
    if unknown or not names:
        sys.stderr.write(f"bench: no benchmark {' '.join(unknown)}; there are: {' '.join(available()) or 'none'}\n")
        return 2
    verdicts = [run(name, options) for name in names]
    return 0 if all(verdicts) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
