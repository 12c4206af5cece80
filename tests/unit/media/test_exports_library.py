"""Which clips go, and when: pure."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from custom_components.nvr.core.models import TimeSpan
from custom_components.nvr.media.exports.library import Retention, outdated
from custom_components.nvr.media.exports.models import Clip, ExportFormat, ExportJob, ExportOrder, JobState

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
SPAN = TimeSpan(NOW - timedelta(hours=1), NOW)


def clip(number: int, days: float, size: int = 100, recorder: str = "a", *, keep: bool = False) -> Clip:
    created = NOW - timedelta(days=days)
    return Clip(
        f"{number:016x}", recorder, 1, "Gate", "Gate", SPAN, created, None, f"/m/{number}.mp4", size, "video/mp4",
        "avc1.42C01E", keep=keep, gaps=(SPAN,),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("rule", "gone"),
    [
        (Retention(), []),
        (Retention(days=3), [4]),
        (Retention(days=2), [4, 3]),
        (Retention(size=250), [4, 3]),
        (Retention(size=200), [4, 3]),
        (Retention(size=199), [4, 3, 2]),
        (Retention(size=0), [4, 3, 2, 1]),
        (Retention(days=3, size=300), [4]),
    ],
)
def test_oldest_go_first_and_what_is_kept_for_ever_is_not_counted(rule: Retention, gone: list[int]) -> None:
    clips = [clip(1, 0.5), clip(2, 1.5), clip(3, 2.5), clip(4, 3.5), clip(5, 400, 10_000, keep=True)]
    clips.append(clip(6, 400, 10_000, "other"))
    assert [int(found.id, 16) for found in outdated(clips, {"a": rule}, NOW)] == gone


def test_one_that_is_too_large_does_not_drive_out_the_others_and_its_spare_counts() -> None:
    clips = [clip(1, 0.5, 5000), clip(2, 1.5), replace(clip(3, 2.5), spare="/m/3_h264.mp4", spare_size=150)]
    rules = {"a": Retention(size=300)}
    assert [int(found.id, 16) for found in outdated(clips, rules, NOW)] == [3, 1]
    assert [int(found.id, 16) for found in outdated(clips[:2], rules, NOW)] == [1]


def test_rows_outlive_a_restart_and_a_version_that_knows_more() -> None:
    one = clip(1, 1)
    assert Clip.from_json({**one.to_json(), "of_tomorrow": 1}) == one
    order = ExportOrder("x", "a", 1, SPAN, ExportFormat.MP4, "anna", NOW, title="Parcel")
    job = ExportJob(order, JobState.RUNNING, 2, NOW, "busy", {"name": "NVR"})
    again = ExportJob.from_json(job.to_json())
    assert (again.order, again.state, again.attempts, again.reason) == (order, JobState.WAITING, 2, "busy")
    for broken in ({}, {**job.to_json(), "state": "asleep"}):
        with pytest.raises((KeyError, ValueError)):
            ExportJob.from_json(broken)


def test_progress_is_told_without_a_promise() -> None:
    job = ExportJob(ExportOrder("x", "a", 1, SPAN, ExportFormat.MP4, None, NOW), total=100.0)
    assert (job.fraction, job.left(5.0)) == (0.0, None)
    job.state, job.since, job.covered = JobState.RUNNING, 10.0, 25.0
    assert (job.fraction, job.left(15.0)) == (0.25, 15.0)
    job.covered = 100.0
    assert job.fraction < 1
    job.state = JobState.DONE
    assert job.fraction == 1
