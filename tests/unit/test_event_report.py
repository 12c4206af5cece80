"""Not subscribed, nothing sent, sent and dropped: the verdict on each detection."""

from datetime import UTC, datetime
from typing import Any

import pytest

from custom_components.nvr.core.event_tally import EventTally, Fate
from custom_components.nvr.core.models import EventKind
from custom_components.nvr.event_report import UNPROVEN, event_report
from custom_components.nvr.fanout import IGNORED_CHANNEL, IGNORED_KIND

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
MOTION = EventKind.MOTION


def judged(*fates: Fate, unsubscribed: str | None = None, dropped: dict[str, int] | None = None) -> dict[str, Any]:
    """Return the row of motion on channel 1, of which this came."""
    tally = EventTally()
    for fate in fates:
        tally.note(1, MOTION, "VMD", fate, NOW)
    silent: dict[tuple[int | None, EventKind], str] = {(1, MOTION): unsubscribed} if unsubscribed else {}
    lost = {(1, MOTION, why): count for why, count in (dropped or {}).items()}
    (row,) = event_report({1: [MOTION]}, tally, silent, lost)
    return row


def test_nothing_came() -> None:
    assert judged() == {"channel": 1, "kind": "motion", "verdict": "nothing_sent"}
    assert judged(unsubscribed="its trigger does: record") == {
        "channel": 1,
        "kind": "motion",
        "verdict": "not_subscribed",
        "why": "its trigger does: record",
    }


def test_what_came_counts_more_than_what_was_announced() -> None:
    row = judged(Fate.TOLD, Fate.REPEAT, unsubscribed="its trigger does: nothing")
    assert row["verdict"] == "told"
    assert "why" not in row
    assert row["codes"] == {"VMD": {"told": 1, "repeat": 1, "last": "2026-06-01T12:00:00+00:00"}}


@pytest.mark.parametrize(
    ("fates", "dropped", "verdict", "why"),
    [
        ([Fate.END_OF_NOTHING], {}, "sent_but_dropped", ["end_of_nothing"]),
        ([Fate.LATE, Fate.LATE_COPY], {}, "sent_but_dropped", ["late", "late_copy"]),
        ([Fate.TOLD, Fate.TOLD], {IGNORED_KIND: 2}, "sent_but_dropped", [IGNORED_KIND]),
        ([Fate.TOLD, Fate.TOLD], {IGNORED_CHANNEL: 1, UNPROVEN: 1}, "sent_but_dropped", [IGNORED_CHANNEL, UNPROVEN]),
        ([Fate.TOLD, Fate.TOLD], {UNPROVEN: 1}, "told", [UNPROVEN]),
        ([Fate.TOLD, Fate.END_OF_ONE_OF_SEVERAL], {}, "told", ["end_of_one_of_several"]),
    ],
)
def test_what_was_dropped_says_why(fates: list[Fate], dropped: dict[str, int], verdict: str, why: list[str]) -> None:
    row = judged(*fates, dropped=dropped)
    assert (row["verdict"], row["why"]) == (verdict, why)


def test_rows_are_those_that_may_come_and_those_that_came() -> None:
    tally = EventTally()
    tally.note(None, EventKind.DISK_FULL, "diskfull", Fate.TOLD, NOW)
    tally.note(7, EventKind.UNKNOWN, "newfangled", Fate.TOLD, NOW)
    rows = event_report({0: [], 1: [EventKind.FACE, MOTION]}, tally, {(None, EventKind.DISK_ERROR): "x"}, {})
    assert [(row["channel"], row["kind"], row["verdict"]) for row in rows] == [
        (0, "disk_error", "not_subscribed"),
        (0, "disk_full", "told"),
        (1, "face", "nothing_sent"),
        (1, "motion", "nothing_sent"),
        (7, "unknown", "told"),
    ]
