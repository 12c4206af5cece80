"""The dead man's switch: no motion without an end, whatever fails."""

import asyncio
from collections.abc import Sequence

import pytest

from custom_components.nvr.core import pilot as pilot_module
from custom_components.nvr.core.controls import PtzAbilities, PtzMotion, PtzOrder, PtzPreset
from custom_components.nvr.core.errors import NvrAuthError, NvrError, NvrPermissionError, NvrTimeoutError
from custom_components.nvr.core.pilot import Pilot

RIGHT = PtzMotion(pan=1.0)
LEFT = PtzMotion(pan=-1.0)
STILL = PtzMotion()


class Recorder:
    """Takes what it is told, or fails as it was told to."""

    def __init__(self) -> None:
        self.told: list[PtzMotion] = []
        self.fails: list[NvrError | None] = []
        self.hangs = False

    async def abilities(self, channel: int) -> PtzAbilities:
        return PtzAbilities(pan_tilt=channel > 0)

    async def move(self, channel: int, motion: PtzMotion) -> None:
        del channel
        self.told.append(motion)
        if self.hangs:
            await asyncio.Event().wait()
        if self.fails and (error := self.fails.pop(0)) is not None:
            raise error

    async def presets(self, channel: int) -> Sequence[PtzPreset]:
        return (PtzPreset(channel, "Gate"),)

    async def order(self, channel: int, order: PtzOrder, number: int, name: str = "") -> None:
        del channel, order, number, name


@pytest.fixture(autouse=True)
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pilot_module, "STOP_AGAIN", (0.0, 0.0, 0.0))


async def rest() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


async def test_another_motion_keeps_its_own_end() -> None:
    recorder = Recorder()
    pilot = Pilot(recorder)
    await pilot.move(1, RIGHT, 0.0)
    await pilot.move(1, LEFT, 60.0)
    await asyncio.sleep(0.01)
    assert recorder.told == [RIGHT, LEFT]
    await pilot.close()
    assert recorder.told == [RIGHT, LEFT, STILL]


async def test_a_stop_that_fails_is_told_again() -> None:
    recorder = Recorder()
    pilot = Pilot(recorder)
    recorder.fails = [None, NvrTimeoutError("late"), NvrTimeoutError("late")]
    await pilot.move(1, RIGHT, 60.0)
    with pytest.raises(NvrTimeoutError):
        await pilot.stop(1)
    await rest()
    assert recorder.told == [RIGHT, STILL, STILL, STILL]
    assert pilot.moving == frozenset()


async def test_a_stop_that_never_succeeds_is_told_of() -> None:
    lost: list[tuple[int, NvrError]] = []
    recorder = Recorder()
    pilot = Pilot(recorder, lambda channel, error: lost.append((channel, error)))
    recorder.fails = [None, *(NvrTimeoutError("late") for _ in range(9))]
    await pilot.move(1, RIGHT, 0.0)
    await asyncio.sleep(0.05)
    assert [(channel, type(error)) for channel, error in lost] == [(1, NvrTimeoutError)]
    assert recorder.told.count(STILL) == 4


async def test_a_refused_login_is_not_sent_again() -> None:
    recorder = Recorder()
    pilot = Pilot(recorder)
    recorder.fails = [None, NvrAuthError("no"), None]
    await pilot.move(1, RIGHT, 0.0)
    await asyncio.sleep(0.02)
    assert recorder.told == [RIGHT, STILL]


async def test_what_was_refused_needs_no_stop() -> None:
    recorder = Recorder()
    pilot = Pilot(recorder)
    recorder.fails = [NvrPermissionError("no")]
    with pytest.raises(NvrPermissionError):
        await pilot.move(1, RIGHT, 60.0)
    await rest()
    assert recorder.told == [RIGHT]
    assert pilot.moving == frozenset()


async def test_a_motion_that_goes_on_is_ended_when_the_next_one_is_refused() -> None:
    recorder = Recorder()
    pilot = Pilot(recorder)
    recorder.fails = [None, NvrPermissionError("no")]
    await pilot.move(1, RIGHT, 60.0)
    with pytest.raises(NvrPermissionError):
        await pilot.move(1, LEFT, 60.0)
    await rest()
    assert recorder.told == [RIGHT, LEFT, STILL]


@pytest.mark.parametrize("error", [NvrTimeoutError("late"), None], ids=["timeout", "cancelled"])
async def test_what_may_have_been_heard_is_stopped(error: NvrError | None) -> None:
    recorder = Recorder()
    pilot = Pilot(recorder)
    recorder.fails, recorder.hangs = [error], error is None
    asked = asyncio.ensure_future(pilot.move(1, RIGHT, 60.0))
    await asyncio.sleep(0)
    recorder.hangs = False
    asked.cancel()
    await asyncio.gather(asked, return_exceptions=True)
    await rest()
    assert recorder.told == [RIGHT, STILL]


async def test_a_preset_ends_a_motion_first() -> None:
    recorder = Recorder()
    pilot = Pilot(recorder)
    await pilot.move(1, RIGHT, 60.0)
    await pilot.order(1, PtzOrder.GO_TO_PRESET, 2)
    assert recorder.told == [RIGHT, STILL]
    await pilot.close()
    assert recorder.told == [RIGHT, STILL]
