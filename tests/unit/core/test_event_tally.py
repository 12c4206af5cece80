"""What is counted of the words of an event stream."""

from datetime import UTC, datetime, timedelta

from custom_components.nvr.core.event_tally import OTHER_CODES, EventTally, Fate
from custom_components.nvr.core.models import EventKind, EventPhase, NvrEvent

NOW = datetime(2026, 6, 1, tzinfo=UTC)
MOTION = (1, EventKind.MOTION, "VMD")


def counted(tally: EventTally) -> dict[object, dict[Fate, int]]:
    return {key: row.fates for key, row in tally}


def test_each_word_is_counted_by_what_became_of_it() -> None:
    tally = EventTally()
    for second, fate in enumerate((Fate.TOLD, Fate.REPEAT, Fate.REPEAT)):
        tally.note(*MOTION, fate, NOW + timedelta(seconds=second))
    tally.note(None, EventKind.DISK_ERROR, "diskerror", Fate.TOLD, NOW)
    assert counted(tally) == {
        MOTION: {Fate.TOLD: 1, Fate.REPEAT: 2},
        (None, EventKind.DISK_ERROR, "diskerror"): {Fate.TOLD: 1},
    }
    assert [row.last for _, row in tally] == [NOW + timedelta(seconds=2), NOW]


def test_what_was_dropped_after_all_is_told_no_more() -> None:
    tally = EventTally()
    tally.note(*MOTION, Fate.TOLD, NOW)
    event = NvrEvent(EventKind.MOTION, EventPhase.START, 1, NOW, NOW, "VMD")
    for _ in range(2):
        tally.revoke(event, Fate.NO_CAMERA)
    assert counted(tally) == {MOTION: {Fate.TOLD: 0, Fate.NO_CAMERA: 2}}


def test_words_without_end_take_no_memory() -> None:
    tally = EventTally()
    for number in range(3000):
        tally.note(1, EventKind.UNKNOWN, f"{number}{'x' * 500}", Fate.TOLD, NOW)
    rows = counted(tally)
    assert len(rows) == 1001
    assert rows[None, EventKind.UNKNOWN, OTHER_CODES] == {Fate.TOLD: 2000}
    assert max(len(code) for (_, _, code), _ in tally) == 40
