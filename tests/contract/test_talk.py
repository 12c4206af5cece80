"""Speaking through cameras: by RTSP's back channel and by the family's own page, heard by the simulator's ears."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest

from custom_components.nvr.core import errors
from custom_components.nvr.core.credentials import LoginGuard
from custom_components.nvr.core.driver import Driver, TalkLine
from custom_components.nvr.core.models import AudioCodec
from custom_components.nvr.media.rtsp.back_channel import open_back_channel
from custom_components.nvr.media.speech import encode_speech, speak
from tests.simulators.loudspeaker import Loudspeaker, tones
from tests.simulators.tone import beeps

from .rig import Rig
from .rows import ROWS, Case

pytestmark = pytest.mark.usefixtures("socket_enabled")

PITCHES = (700, 1100)
SOUND = beeps(PITCHES, seconds=0.25)
DUMB = 2  # a camera without a loudspeaker
type Open = Callable[[Driver, int], AbstractAsyncContextManager[TalkLine]]


def by_rtsp(driver: Driver, channel: int) -> AbstractAsyncContextManager[TalkLine]:
    assert driver.talk is not None
    return open_back_channel(driver.talk.address(channel), driver.guard)


def by_page(driver: Driver, channel: int) -> AbstractAsyncContextManager[TalkLine]:
    assert driver.talk is not None
    return driver.talk.line(channel)


def _ways(*, everyday: int) -> pytest.MarkDecorator:
    """Give a test the cameras and the ways to them; only so many of these in each run."""
    cameras = [Case(row, profile) for row, profile in zip(ROWS, ("ipc", "ipc_sd"), strict=True)]
    pairs = [(case, way) for way in (by_page, by_rtsp) for case in cameras]
    return pytest.mark.parametrize(
        ("case", "way"),
        [
            pytest.param(case, way, id=f"{case}-{way.__name__}", marks=() if number < everyday else pytest.mark.slow)
            for number, (case, way) in enumerate(pairs)
        ],
    )


both_pages = _ways(everyday=2)
one_page = _ways(everyday=1)
each_nvr = pytest.mark.parametrize("case", [Case(row, row.profiles[0]) for row in ROWS], ids=str)


def speaker_of(rig: Rig[Any], channel: int = 1) -> Loudspeaker:
    speaker: Loudspeaker = rig.simulator.device.speakers[channel]
    return speaker


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.005)


async def say(line: TalkLine) -> None:
    await speak(line, encode_speech(SOUND, line.codec))


async def quiet(rig: Rig[Any], speaker: Loudspeaker) -> None:
    """Wait until nothing of a talk is left on the recorder."""
    await until(lambda: speaker.talker is None and not rig.simulator.rtsp.sessions)
    await until(lambda: rig.simulator.rtsp.counters.connections_open == 0)


@each_nvr
async def test_a_camera_of_a_recorder_says_what_is_said(case: Case) -> None:
    async with case.connected() as (rig, driver):
        speaker = speaker_of(rig)
        async with by_rtsp(driver, 1) as line:
            assert speaker.talker is not None
            await say(line)
        assert tones(speaker.samples()) == list(PITCHES)
        assert speaker.lost == 0
        assert rig.simulator.rtsp.counters.teardowns["live"] == 1
        await quiet(rig, speaker)


@both_pages
async def test_a_camera_says_what_is_said_either_way(case: Case, way: Open) -> None:
    async with case.connected() as (rig, driver):
        speaker = speaker_of(rig)
        for _ in range(2):
            async with way(driver, 1) as line:
                await say(line)
            await quiet(rig, speaker)
            await until(lambda: tones(speaker.samples()) == list(PITCHES))
            speaker.heard.clear()
        assert speaker.talks == 2
        assert driver.guard.refusals == 0


@one_page
async def test_one_talker_at_a_time(case: Case, way: Open) -> None:
    async with case.connected() as (rig, driver):
        speaker = speaker_of(rig)
        speaker.talker = "somebody"
        if case.row.family == "dahua" and way is by_page:
            # The page says nothing of who else speaks, so that nobody is refused.
            async with way(driver, 1) as line:
                await say(line)
            return
        with pytest.raises(errors.NvrBusyError):
            async with way(driver, 1):
                pytest.fail("two talk at once")
        assert speaker.talker == "somebody"
        assert (speaker.refused, speaker.talks) == (1, 0)
        assert driver.talk is not None
        if way is by_page:
            async with driver.talk.line(1, take_over=True) as line:
                await say(line)
            assert tones(speaker.samples()) == list(PITCHES)


@one_page
async def test_who_is_cut_off_leaves_nothing_open(case: Case, way: Open) -> None:
    async with case.connected() as (rig, driver):
        speaker = speaker_of(rig)

        async def talk() -> None:
            async with way(driver, 1) as line:
                await speak(line, encode_speech(beeps(PITCHES, seconds=20.0), line.codec))

        talking = asyncio.ensure_future(talk())
        await until(lambda: speaker.heard)
        talking.cancel()
        await asyncio.gather(talking, return_exceptions=True)
        await quiet(rig, speaker)


@one_page
async def test_a_camera_that_goes_away_is_noticed_while_somebody_speaks(case: Case, way: Open) -> None:
    async with case.connected() as (rig, driver):
        speaker = speaker_of(rig)

        async def talk() -> None:
            async with way(driver, 1) as line:
                await line.send(bytes(160))
                await until(lambda: speaker.heard)
                await rig.simulator.power_off()
                while True:
                    await line.send(bytes(160))
                    await asyncio.sleep(0.01)

        async with asyncio.timeout(20):
            with pytest.raises(errors.NvrUnreachableError):
                await talk()


@each_nvr
async def test_what_cannot_be_spoken_through_is_told(case: Case) -> None:
    async with case.connected() as (_, driver):
        with pytest.raises(errors.NvrUnsupportedError):
            async with by_rtsp(driver, DUMB):
                pytest.fail("it has no loudspeaker")
        with pytest.raises((errors.NvrUnsupportedError, errors.NvrNotFoundError)):
            async with by_page(driver, 1):
                pytest.fail("that is the recorder's own")
        with pytest.raises(errors.NvrNotFoundError):
            by_rtsp(driver, 99)


@one_page
async def test_a_wrong_password_is_sent_once(case: Case, way: Open) -> None:
    async with case.connected() as (rig, driver):
        rig.simulator.change_password("changed-pass-1")
        before = rig.counts().refused + rig.simulator.rtsp.counters.auth_failures
        with pytest.raises(errors.NvrError):
            async with way(driver, 1) as line:
                await say(line)
        assert rig.counts().refused + rig.simulator.rtsp.counters.auth_failures - before <= 2
        assert isinstance(driver.guard, LoginGuard)
        assert driver.guard.refusals >= 1


async def test_sound_that_comes_too_fast_is_lost() -> None:
    speaker = Loudspeaker("pcma")
    speaker.begin("somebody")
    speaker.hear(encode_speech(beeps((700,), seconds=4.0), AudioCodec.G711_ALAW))
    assert speaker.lost > 8000


async def test_lorex_is_not_asked_for_its_page_of_sound() -> None:
    case = Case(ROWS[1], "lorex")
    async with case.connected() as (rig, driver):
        with pytest.raises(errors.NvrUnsupportedError):
            async with by_page(driver, 1):
                pytest.fail("it reboots")
        assert rig.simulator.counters.audio_outages == 0
