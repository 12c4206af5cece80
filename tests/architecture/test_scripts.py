"""The programs under scripts/ and the plugins of the tests do what they promise."""

import json
import os
from pathlib import Path
import subprocess
import sys
import textwrap

import pytest

from custom_components.nvr.core.families import FAMILIES
from scripts.demo_app.recorders import NEGLECTED, NEW, RECORDERS
from scripts.lib import bench, coverage_gate, lock, release_notes
from tests.plugins.reviewed_skips import read_patterns

from .source_tree import ROOT, manifest


def run_script(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    variables = {**os.environ, **environment}
    return subprocess.run(arguments, cwd=ROOT, env=variables, capture_output=True, text=True, check=False, timeout=60)


def test_skips_unreviewed_one_fails_the_run(tmp_path: Path) -> None:
    # A run of its own: what is tested is the exit status that a person and CI get.
    (tmp_path / "test_sample.py").write_text(
        textwrap.dedent(
            """
            import pytest

            def test_runs():
                pass

            def test_is_skipped():
                pytest.skip("for a reason")
            """
        ),
        encoding="utf-8",
    )
    options = ["-p", "no:cacheprovider", "-p", "tests.plugins.reviewed_skips", f"--rootdir={tmp_path}", str(tmp_path)]
    command = [sys.executable, "-m", "pytest", "-q", *options]
    alone = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    skipping = run_script(*command, **alone)
    assert (skipping.returncode, "test_sample.py::test_is_skipped: Skipped: for a reason" in skipping.stdout) == (
        1,
        True,
    )
    assert run_script(*command, "-k", "test_runs", **alone).returncode == 0


def test_skips_list_needs_reasons() -> None:
    assert read_patterns("# comment\n\na/b.py::test_* : because\n") == ["a/b.py::test_*"]
    with pytest.raises(ValueError, match="gives no reason"):
        read_patterns("a/b.py::test_x\n")


def test_skips_list_names_tests_that_exist() -> None:
    patterns = read_patterns((ROOT / "tests" / "reviewed_skips.txt").read_text(encoding="utf-8"))
    assert [pattern for pattern in patterns if not (ROOT / pattern.partition("::")[0]).is_file()] == []


def coverage_file(percent: float, lines: list[int], branches: list[list[int]]) -> dict[str, object]:
    return {"summary": {"percent_covered": percent}, "missing_lines": lines, "missing_branches": branches}


def test_coverage_gate_names_each_shortfall() -> None:
    report = {
        "totals": {"percent_covered": 94.99},
        "files": {
            "custom_components/nvr/core/timeline.py": coverage_file(99.0, [], [[3, 5]]),
            "custom_components/nvr/core/drivers/hikvision/wire_search.py": coverage_file(98.0, [7], []),
            "custom_components/nvr/core/clock.py": coverage_file(100.0, [], []),
            "custom_components/nvr/hub.py": coverage_file(50.0, [1], []),
        },
    }
    found = coverage_gate.shortfalls(report)
    assert [line.partition(":")[0].rpartition("/")[2] for line in found] == ["in all", "wire_search.py", "timeline.py"]
    assert "3->5" in found[2]


def test_coverage_gate_passes_what_is_covered() -> None:
    files = {"custom_components/nvr/media_ids.py": coverage_file(100.0, [], [])}
    assert coverage_gate.shortfalls({"totals": {"percent_covered": 95.0}, "files": files}) == []


def test_coverage_gate_pure_modules_exist() -> None:
    inside = [path.relative_to(ROOT / coverage_gate.PACKAGE) for path in (ROOT / coverage_gate.PACKAGE).rglob("*.py")]
    unused = [glob for glob in coverage_gate.FULLY_COVERED if not any(path.match(glob) for path in inside)]
    assert unused == []


@pytest.mark.parametrize(
    ("output", "status"),
    [
        ('print(\'{"name": "a", "value": 1, "ok": true}\')', True),
        ('print(\'{"name": "a", "value": 1, "ok": false}\')', False),
        ("print('no figure at all')", False),
        ('print(\'{"name": "a", "ok": true}\'); raise SystemExit(3)', False),
    ],
    ids=["hit", "missed", "silent", "failed"],
)
def test_bench_judges_what_a_benchmark_prints(
    output: str,
    status: bool,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "sample.py").write_text(f"print('words for people')\n{output}\n", encoding="utf-8")
    monkeypatch.setattr(bench, "FOLDER", tmp_path)
    assert bench.main(["sample"]) == (0 if status else 1)
    printed = capsys.readouterr()
    assert all(json.loads(line).keys() >= set(bench.FIELDS) for line in printed.out.splitlines())
    assert "words for people" in printed.err


def test_bench_refuses_an_unknown_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert bench.main(["no-such-benchmark"]) == 2
    assert "no-such-benchmark" in capsys.readouterr().err


def test_release_notes_are_the_section_of_the_version() -> None:
    text = "# Changelog\n\n## 0.2.0\n\n- new\n\n## 0.1.0\n\n- first\n"
    assert release_notes.section(text, "0.1.0") == "- first"
    assert release_notes.section(text, "0.2.0") == "- new"
    assert release_notes.section(text, "0.2") == ""
    assert release_notes.section(text, "1.0.0") == ""


def test_release_is_refused_when_the_tag_is_not_the_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert release_notes.main("v99.0.0") == 1
    assert release_notes.main(f"v{manifest()['version']}") == 0
    assert "tag it v" in capsys.readouterr().err


def test_lock_takes_what_components_and_their_dependencies_require(tmp_path: Path) -> None:
    components = {
        "a": {"requirements": ["x==1"], "dependencies": ["b"]},
        "b": {"requirements": ["Y-z==2", "no-wheel==3"]},
    }
    for name, content in components.items():
        (tmp_path / "components" / name).mkdir(parents=True)
        (tmp_path / "components" / name / "manifest.json").write_text(json.dumps(content), encoding="utf-8")
    assert lock.component_requirements(tmp_path, ["a", "unknown"], {"no-wheel"}) == ["Y-z==2", "x==1"]


@pytest.mark.parametrize("arguments", [("--for", "nothing"), ("--ha", "1.2.3"), ("--unknown",)])
def test_setup_refuses_what_it_cannot_do(arguments: tuple[str, ...]) -> None:
    result = run_script("scripts/setup", *arguments)
    assert result.returncode == 2
    assert "error: " in result.stderr


def test_setup_does_nothing_when_all_is_in_place() -> None:
    assert Path(sys.prefix).is_relative_to(ROOT), "run the tests with the environment that scripts/setup makes"
    version = sys.prefix.partition(".venv-")[2]
    result = run_script("scripts/setup", *(["--ha", version] if version else []))
    assert result.stdout.splitlines()[-1] == sys.prefix
    assert result.stderr == ""


def test_demo_shows_every_family() -> None:
    assert {kind.family for kind in RECORDERS} == {family.key for family in FAMILIES}
    names = [name for kind in (*RECORDERS, *NEGLECTED, NEW) for name in (kind.name, *kind.cameras)]
    assert len(names) == len(set(names)), "a visitor must be able to tell them apart"
