"""Fail a run in which a test was skipped that tests/reviewed_skips.txt does not list."""

from fnmatch import fnmatchcase
from pathlib import Path

import pytest

LIST = Path(__file__).parents[1] / "reviewed_skips.txt"


def read_patterns(text: str) -> list[str]:
    """Return the test id patterns of the list; a line without a reason is a ValueError."""
    patterns = []
    for line in text.splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        pattern, separator, reason = line.partition(" : ")
        if not separator or not reason.strip():
            message = f"{LIST.name}: {line!r} gives no reason"
            raise ValueError(message)
        patterns.append(pattern.strip())
    return patterns


class ReviewedSkips:
    """Collect skips over all workers and compare them with the list."""

    def __init__(self, patterns: list[str]) -> None:
        self._patterns = patterns
        self.unreviewed: dict[str, str] = {}

    def _note(self, nodeid: str, longrepr: object) -> None:
        if not any(nodeid == pattern or fnmatchcase(nodeid, pattern) for pattern in self._patterns):
            self.unreviewed[nodeid] = str(longrepr[2] if isinstance(longrepr, tuple) else longrepr)

    @pytest.hookimpl
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.skipped:
            self._note(report.nodeid, report.longrepr)

    @pytest.hookimpl
    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.skipped:
            self._note(report.nodeid, report.longrepr)

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if self.unreviewed and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    @pytest.hookimpl
    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if self.unreviewed:
            terminalreporter.section("skipped without review", red=True)
            for nodeid, reason in sorted(self.unreviewed.items()):
                terminalreporter.line(f"{nodeid}: {reason}")
            terminalreporter.line(f"Make them run, or list them with a reason in tests/{LIST.name}.")


def pytest_configure(config: pytest.Config) -> None:
    """Register the check where results arrive: not in the workers of a parallel run."""
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(ReviewedSkips(read_patterns(LIST.read_text(encoding="utf-8"))), "reviewed-skips")
