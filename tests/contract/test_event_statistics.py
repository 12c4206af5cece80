"""What became of each word of the event stream: for a report that says why a detection does not arrive."""

import pytest

from custom_components.nvr.core.driver import Driver
from custom_components.nvr.core.event_tally import EventTally, Fate
from custom_components.nvr.core.models import EventKind

from .helpers import listening
from .rows import Case, each_family

pytestmark = pytest.mark.usefixtures("socket_enabled")


def tally_of(driver: Driver) -> EventTally:
    assert driver.events is not None
    return driver.events.tally


def fates(driver: Driver, channel: int | None, kind: EventKind) -> dict[Fate, int]:
    """Return what became of a kind on a channel, whatever the recorder calls it."""
    found: dict[Fate, int] = {}
    for key, row in tally_of(driver):
        if key[:2] == (channel, kind):
            assert key[2]
            assert row.last is not None
            assert row.last.tzinfo is not None
            found.update(row.fates)
    return found


@each_family
async def test_begins_ends_and_repeats_are_told_apart(case: Case) -> None:
    async with case.connected() as (rig, driver):
        told = case.events(rig)
        async with listening(driver) as heard:
            assert fates(driver, 1, told.said) == {}
            for on in (True, True, False, False):
                told.say(1, on=on)
            told.ring(2)
            await heard.until(lambda: len(heard.events) == 3)
            assert fates(driver, 1, told.said) == {Fate.TOLD: 2, Fate.REPEAT: 1, Fate.END_OF_NOTHING: 1}
            assert fates(driver, 2, EventKind.DOORBELL)[Fate.TOLD] == 1
        # A stream that was broken and came back is the same stream.
        async with listening(driver):
            assert fates(driver, 1, told.said)[Fate.TOLD] >= 2


@each_family
async def test_every_question_of_a_connect_is_told_with_its_answer(case: Case) -> None:
    async with case.connected() as (_rig, driver):
        answers = driver.statistics["answers"]
        assert isinstance(answers, dict)
        assert all(row["outcomes"] for row in answers.values())
        assert sum(count for row in answers.values() for count in row["outcomes"].values()) >= 3
        text = str(driver.statistics)
        assert driver.info.serial not in text
        assert "127.0.0.1" not in text
