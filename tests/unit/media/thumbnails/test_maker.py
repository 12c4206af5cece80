"""Who is asked for a picture, how often, and in which order."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
import time

import pytest

from custom_components.nvr.core.errors import (
    NvrBusyError,
    NvrError,
    NvrNotFoundError,
    NvrResponseError,
    NvrTimeoutError,
    NvrUnreachableError,
    NvrUnsupportedError,
)
from custom_components.nvr.core.models import VideoCodec
from custom_components.nvr.media.pool import WorkPool
from custom_components.nvr.media.thumbnails.maker import PictureLimits, PictureMaker, Thumbnail, key_of
from custom_components.nvr.media.thumbnails.picture import Coded, Pictures
from custom_components.nvr.media.thumbnails.reader import Wanted
from custom_components.nvr.media.thumbnails.store import PictureStore
from custom_components.nvr.media.ticks import from_datetime
from tests.simulators.clock import SimClock
from tests.simulators.video.bitstream import join_annexb
from tests.simulators.video.encoder import encode_gop
from tests.simulators.video.painter import ScenePainter
from tests.simulators.video.profile import Camera, VideoProfile, to_ticks

AT = datetime(2026, 11, 20, 8, tzinfo=UTC)
SECOND = timedelta(seconds=1)


class Source:
    """Gives one picture for every moment, or fails, and remembers what it was asked for."""

    def __init__(self, coded: bytes, failure: NvrError | None = None) -> None:
        self.coded = coded
        self.failure = failure
        self.asked: list[datetime] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.running = 0

    async def pictures(self, wanted: Wanted) -> Pictures:
        self.asked.append(wanted.moment)
        self.running += 1
        assert self.running == 1 or wanted.exact
        try:
            await self.gate.wait()
        finally:
            self.running -= 1
        if self.failure is not None:
            raise self.failure
        return Pictures(VideoCodec.H264, [Coded(from_datetime(wanted.moment), self.coded)])

    def __call__(self) -> Sequence[Source]:
        return [self]


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(name="clock")
def clock_fixture() -> Clock:
    return Clock()


@pytest.fixture(name="answer")
def answer_fixture() -> float:
    """How long an answer may take, in seconds."""
    return 0.5


@pytest.fixture(name="maker")
async def maker_fixture(tmp_path: Path, clock: Clock, answer: float) -> AsyncIterator[PictureMaker]:
    pool = WorkPool()
    limits = PictureLimits(answer=answer, waiting=4, burst=100, every=0.001)
    made = PictureMaker(PictureStore(tmp_path, pool, lambda: ["one"]), pool, limits=limits, monotonic=clock)
    yield made
    await made.aclose()
    await pool.aclose()


@pytest.fixture(name="coded", scope="module")
def coded_fixture() -> bytes:
    """A key picture, Annex B, whose painted time is of no interest here."""
    profile = VideoProfile(width=320, height=180, fps=12.5, bit_rate=64_000)
    start = to_ticks(AT)
    gop = encode_gop(
        profile, start, start + profile.frame_ticks, ScenePainter(Camera(1, "Gate"), (), SimClock().to_device)
    )
    nals = gop.units[0].nals
    return join_annexb(nals if nals[0] in gop.parameter_sets else gop.parameter_sets + nals)


async def test_all_who_ask_at_once_share_one_request_and_the_next_finds_it_kept(
    maker: PictureMaker, coded: bytes
) -> None:
    source = Source(coded)
    answers = await asyncio.gather(
        *(maker.picture("one", Wanted(1, AT + n * SECOND / 10), 320, source) for n in range(9))
    )
    assert len({answer.recorded_at for answer in answers}) == 1
    assert await maker.picture("one", Wanted(1, AT + 1.9 * SECOND), 320, source) == answers[0]
    assert len(source.asked) == 1
    assert await maker.known("one", Wanted(1, AT), 320) == AT
    assert await maker.known("one", Wanted(1, AT), 640) is None


@pytest.mark.parametrize("answer", [60.0])
async def test_the_newest_and_the_oldest_take_turns_and_too_many_are_told(maker: PictureMaker, coded: bytes) -> None:
    source = Source(coded)
    source.gate.clear()
    tasks: list[asyncio.Task[Thumbnail]] = []
    for number in range(6):
        wanted = Wanted(1, AT + 10 * number * SECOND)
        tasks.append(asyncio.create_task(maker.picture("one", wanted, 320, source)))
        # The first is being read; the others stand in line in this order, and the sixth pushes out the second.
        while not source.asked or (maker.waiting("one") < number if number < 5 else not tasks[1].done()):
            await asyncio.sleep(0.001)
    with pytest.raises(NvrBusyError):
        await tasks[1]  # the first one that waited
    # The very frame that somebody wants does not wait behind tiles.
    frame = asyncio.create_task(maker.picture("one", Wanted(1, AT, exact=True), 0, source))
    while len(source.asked) < 2:
        await asyncio.sleep(0)
    source.gate.set()
    await asyncio.gather(frame, tasks[0], *tasks[2:])
    assert [round((moment - AT).total_seconds()) for moment in source.asked] == [0, 0, 50, 20, 40, 30]


@pytest.mark.parametrize("answer", [60.0])
async def test_one_who_leaves_as_he_is_pushed_out_disturbs_nobody(maker: PictureMaker, coded: bytes) -> None:
    source = Source(coded)
    source.gate.clear()
    tasks: list[asyncio.Task[Thumbnail]] = []
    for number in range(5):
        tasks.append(asyncio.create_task(maker.picture("one", Wanted(1, AT + 10 * number * SECOND), 320, source)))
        while not source.asked or maker.waiting("one") < number:
            await asyncio.sleep(0.001)
    turns = maker._turns["one", False]
    oldest = turns._waiting[0]
    # The next one comes between the cancel and the moment it is noticed.
    oldest.cancel()
    last = asyncio.create_task(turns.__aenter__())
    await asyncio.sleep(0)
    assert not last.done()
    last.cancel()
    source.gate.set()
    answers = await asyncio.gather(*tasks, last, return_exceptions=True)
    assert [isinstance(answer, Thumbnail) for answer in answers] == [True, False, True, True, True, False]


@pytest.mark.parametrize(
    ("failure", "again_after", "whole"),
    [
        (NvrNotFoundError("x"), 31, False),
        (NvrResponseError("x"), 61, False),
        (NvrUnreachableError("x"), 11, True),
        (NvrBusyError("x"), 4, True),
    ],
)
async def test_failure_is_remembered_for_a_while(
    maker: PictureMaker, coded: bytes, clock: Clock, failure: NvrError, again_after: float, *, whole: bool
) -> None:
    source = Source(coded, failure)
    lengths = []
    for _ in range(4):
        with pytest.raises(type(failure)) as caught:
            await maker.picture("one", Wanted(1, AT), 320, source)
        lengths.append(len(caught.traceback))
    assert len(source.asked) == 1
    assert lengths[1] == lengths[-1]  # what is kept does not grow each time it is told
    source.failure = None
    if whole:
        with pytest.raises(type(failure)):
            await maker.picture("one", Wanted(1, AT + 60 * SECOND), 320, source)
    else:
        await maker.picture("one", Wanted(1, AT + 60 * SECOND), 320, source)
    clock.now += again_after
    await maker.picture("one", Wanted(1, AT), 320, source)


async def test_silent_recorder_is_told_and_waiting_is_no_failure_of_its_own(maker: PictureMaker, coded: bytes) -> None:
    source = Source(coded)
    source.gate.clear()
    first = asyncio.create_task(maker.picture("one", Wanted(1, AT), 320, source))
    while not source.asked:
        await asyncio.sleep(0)
    second = asyncio.create_task(maker.picture("one", Wanted(2, AT), 320, source))
    with pytest.raises(NvrTimeoutError):
        await first
    with pytest.raises(NvrError):
        await second
    assert source.asked == [AT], "what cannot be reached has no other picture either"


async def test_turn_of_somebody_who_has_left_goes_to_the_next(maker: PictureMaker, coded: bytes) -> None:
    source = Source(coded)
    source.gate.clear()
    tasks = []
    for channel in (1, 2, 3):
        tasks.append(asyncio.create_task(maker.picture("one", Wanted(channel, AT), 320, source)))
        while not source.asked:
            await asyncio.sleep(0)
        await asyncio.sleep(0.01)
    source.gate.set()
    while source.running:
        await asyncio.sleep(0)
    tasks[2].cancel()  # it has just been given the turn, or is about to be
    assert (await tasks[0]).recorded_at == (await tasks[1]).recorded_at == AT
    with pytest.raises(asyncio.CancelledError):
        await tasks[2]
    assert await maker.picture("one", Wanted(3, AT), 320, source)


async def test_next_source_is_asked_where_the_first_one_lacks_it(maker: PictureMaker, coded: bytes) -> None:
    lacking, giving = Source(coded, NvrUnsupportedError("none")), Source(coded)
    assert await maker.picture("one", Wanted(1, AT), 320, lambda: [lacking, giving])
    # Nothing recorded says more than cannot be asked, whoever says it.
    missing = Source(coded, NvrNotFoundError("none"))
    for sources in ([missing, lacking], [lacking, missing]):
        with pytest.raises(NvrNotFoundError):
            await maker.picture("one", Wanted(3, AT), 320, partial(list[Source], sources))
        await maker.close_recorder("one")
    with pytest.raises(NvrUnsupportedError):
        await maker.picture("one", Wanted(4, AT), 320, list)


async def test_closing_ends_what_is_under_way(maker: PictureMaker, coded: bytes) -> None:
    source = Source(coded)
    source.gate.clear()
    waiting = [asyncio.create_task(maker.picture("one", Wanted(n, AT), 320, source)) for n in (1, 2)]
    while not source.asked:
        await asyncio.sleep(0)
    await maker.forget_recorder("one")
    for task in waiting:
        with pytest.raises(NvrUnreachableError):
            await task
    assert source.running == 0


async def test_recorder_is_not_asked_faster_than_allowed(tmp_path: Path, coded: bytes) -> None:
    pool = WorkPool()
    limits = PictureLimits(burst=2, every=0.05)
    maker = PictureMaker(PictureStore(tmp_path, pool, lambda: ["one"]), pool, limits=limits)
    begun = time.monotonic()
    source = Source(coded)
    await asyncio.gather(*(maker.picture("one", Wanted(n, AT), 320, source) for n in range(1, 6)))
    assert time.monotonic() - begun >= 0.1
    await pool.aclose()


def test_key_is_of_the_slot_or_of_the_very_moment() -> None:
    assert key_of("one", Wanted(1, AT + 1.999 * SECOND), 320) == key_of("one", Wanted(1, AT), 320)
    assert key_of("one", Wanted(1, AT + 2 * SECOND), 320) != key_of("one", Wanted(1, AT), 320)
    exact = Wanted(1, AT + SECOND / 8, exact=True)
    assert key_of("one", exact, 0).moment == round(AT.timestamp() * 1000) + 125
