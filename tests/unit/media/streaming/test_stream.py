"""The life of a stream: who waits for whom, what becomes of the slot, and what the viewer is told."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
import itertools
import json
from typing import Any

import pytest

from custom_components.nvr.core.errors import NvrError, NvrNoSessionError, NvrNotFoundError, NvrResponseError
from custom_components.nvr.core.models import StreamRole, VideoCodec
from custom_components.nvr.media.audio import AudioFormat, AudioUnit
from custom_components.nvr.media.bits import length_prefixed
from custom_components.nvr.media.cover import Sample
from custom_components.nvr.media.fmp4 import VideoSets
from custom_components.nvr.media.h264 import find_sets
from custom_components.nvr.media.pool import WorkPool
from custom_components.nvr.media.sessions import SessionSlots
from custom_components.nvr.media.streaming.feed import Batch, Feed, FeedOptions
from custom_components.nvr.media.streaming.frames import Frame, Kind, unpack
from custom_components.nvr.media.streaming.ladder import CodecRefusedError
from custom_components.nvr.media.streaming.stream import Ending, MediaStream, Wanted
from custom_components.nvr.media.streaming.trick import Run
from custom_components.nvr.media.ticks import RATE
from tests.unit.media.test_h264 import encoder_sets

NVR, SLOTS = "recorder", 4
START = 1_795_000_000 * RATE
STEP = RATE // 10
NALS = encoder_sets(64, 48)


@dataclass
class Film:
    """A feed of the same real key frame again and again, from the second before the asked moment on."""

    run: Run
    codec: VideoCodec = VideoCodec.H264
    sets: VideoSets | None = field(default_factory=lambda: find_sets(NALS))
    audio: AudioFormat | None = None
    first: list[Batch] = field(default_factory=list)
    left: int = 10_000
    let_go: asyncio.Event = field(default_factory=asyncio.Event)
    holds: bool = False
    closed: int = 0
    paused: int = 0
    heard: int = 0

    def __post_init__(self) -> None:
        self.at = self.run.start - RATE

    async def read(self) -> Batch:
        await asyncio.sleep(0)
        if self.first:
            return self.first.pop(0)
        if not self.left:
            return Batch(ended=True)
        self.left -= 1
        self.at += STEP
        return Batch([Sample(self.at, True, length_prefixed(NALS))])

    async def pause(self) -> None:
        self.paused += 1

    async def rest(self) -> None:
        await asyncio.Event().wait()

    async def resume(self) -> None:
        pass

    async def close(self) -> None:
        self.closed += 1
        if self.holds:
            await self.let_go.wait()

    def take_audio(self) -> tuple[int, list[AudioUnit]]:
        self.heard += 1
        return 0, []


@dataclass
class Desk:
    """What a stream needs, and what it did."""

    slots: SessionSlots = field(default_factory=SessionSlots)
    pool: WorkPool = field(default_factory=WorkPool)
    films: list[Film] = field(default_factory=list)
    opens: Callable[[StreamRole, Run], Awaitable[Film] | Film] = lambda _, run: Film(run)

    def stream(self, kind: str = "playback", accept: str = "avc1", roles: int = 1, **values: Any) -> MediaStream:
        async def open_feed(role: StreamRole, run: Run, options: FeedOptions) -> Feed:
            found = self.opens(role, run)
            film = await found if isinstance(found, Awaitable) else found
            self.films.append(film)
            return film

        order = (StreamRole.MAIN, StreamRole.SUB)[:roles]
        wanted = Wanted(kind, 1, order, frozenset(accept.split()), START, **values)
        return MediaStream(
            1,
            NVR,
            "anna",
            wanted,
            open_feed=open_feed,
            slots=(self.slots, SLOTS),
            pool=self.pool,
            describe=lambda err: Ending(type(err).__name__, str(err)),
        )

    @property
    def used(self) -> int:
        return self.slots.used(NVR)


@pytest.fixture(name="desk")
async def desk_fixture() -> AsyncIterator[Desk]:
    desk = Desk()
    yield desk
    await desk.pool.aclose()


def taken(stream: MediaStream) -> list[Frame]:
    found = []
    while (message := stream.outbox.take()) is not None:
        found.append(unpack(message.data))
    return found


def kinds(stream: MediaStream) -> list[Kind]:
    return [frame.kind for frame in taken(stream)]


async def turns(count: int = 50) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


async def test_whoever_closes_it_waits_until_the_recorder_is_free(desk: Desk) -> None:
    stream = desk.stream()
    await stream.open()
    desk.films[0].holds = True
    first, second = (asyncio.create_task(stream.close(Ending(reason))) for reason in ("left", "stopped"))
    await turns()
    assert not first.done()
    assert not second.done(), "the session is still open"
    assert desk.used == 1
    first.cancel()
    await turns()
    assert not second.done(), "who is cancelled ends his waiting, and nothing else"
    desk.films[0].let_go.set()
    await second
    assert stream.done
    assert desk.used == 0
    (end,) = taken(stream)
    assert json.loads(end.payload)["reason"] == "left"


async def test_a_jump_that_fails_gives_the_slot_back_and_the_next_one_takes_it_again(desk: Desk) -> None:
    stream = desk.stream()
    await stream.open()

    def nothing(role: StreamRole, run: Run) -> Film:
        raise NvrNotFoundError("nothing was recorded there")

    works, desk.opens = desk.opens, nothing
    for jump in (stream.seek(START + RATE), stream.set_speed(8.0), stream.step(1)):
        with pytest.raises(NvrNotFoundError):
            await jump
        assert desk.used == 0
    with pytest.raises(NvrNotFoundError):
        await stream.set_speed(0.5)
    desk.opens = works
    assert (await stream.seek(START)).actual_start == START - RATE + STEP
    assert desk.used == 1
    await stream.close(Ending("left"))


async def test_speed_is_answered_though_a_seek_takes_its_place(desk: Desk) -> None:
    stream = desk.stream()
    gate = asyncio.Event()

    async def slow(role: StreamRole, run: Run) -> Film:
        await gate.wait()
        return Film(run)

    desk.opens = slow
    opening = asyncio.create_task(stream.open())
    await turns()
    speed = asyncio.create_task(stream.set_speed(0.5))
    await turns()
    seek = asyncio.create_task(stream.seek(START + 100 * RATE))
    await turns()
    gate.set()
    answers = await asyncio.gather(opening, speed, seek)
    assert {answer.actual_start for answer in answers} == {START + 99 * RATE + STEP}
    assert answers[1].speed == 0.5
    await stream.close(Ending("left"))


async def test_a_speed_that_is_asked_for_while_it_opens_is_the_one_it_begins_at(desk: Desk) -> None:
    stream = desk.stream()
    gate = asyncio.Event()

    async def slow(role: StreamRole, run: Run) -> Film:
        await gate.wait()
        return Film(run)

    desk.opens = slow
    opening = asyncio.create_task(stream.open())
    await turns()
    speed = asyncio.create_task(stream.set_speed(0.5))
    await turns()
    gate.set()
    await asyncio.gather(opening, speed)
    assert stream._way.pacer.speed == 0.5
    await stream.close(Ending("left"))


@pytest.mark.parametrize("late", [False, True])
async def test_a_fault_of_ours_is_told_and_logged_and_holds_no_slot(
    desk: Desk, caplog: pytest.LogCaptureFixture, *, late: bool
) -> None:

    class Broken(Film):
        async def read(self) -> Batch:
            if late and self.at >= self.run.start:
                raise ZeroDivisionError
            if not late:
                raise ZeroDivisionError
            return await super().read()

    desk.opens = lambda _, run: Broken(run)
    stream = desk.stream()
    if late:
        await stream.open()
        while desk.used:
            await asyncio.sleep(0)
        end = taken(stream)[-1]
        assert end.kind is Kind.END
        assert json.loads(end.payload)["reason"] == "NvrResponseError"
    else:
        with pytest.raises(NvrResponseError):
            await stream.open()
    assert desk.used == 0
    assert "ZeroDivisionError" in caplog.text
    await stream.close(Ending("left"))


async def test_refusals_of_live_streams_say_nothing_of_slots_and_those_of_footage_are_learned_once() -> None:
    for kind, left in (("live", SLOTS), ("playback", 2)):
        desk = Desk()
        others = [desk.stream(kind) for _ in range(2)]
        for other in others:
            await other.open()

        def full(role: StreamRole, run: Run) -> Film:
            raise NvrNoSessionError("453", retry_after=2.0)

        desk.opens = full
        with pytest.raises(NvrNoSessionError):
            await desk.stream(kind).open()
        assert desk.slots.limit(NVR, SLOTS) == left
        for other in others:
            await other.close(Ending("left"))


async def test_a_gap_at_the_beginning_belongs_to_the_run_that_begins(desk: Desk) -> None:
    gap = (START, START + 60 * RATE)
    desk.opens = lambda _, run: Film(run, first=[Batch(gap=gap)])
    stream = desk.stream()
    await stream.open()
    await turns()
    assert kinds(stream)[:3] == [Kind.INIT, Kind.GAP, Kind.KEY]
    await stream.close(Ending("left"))


async def test_who_is_paused_sees_where_he_jumped_to_and_nothing_more(desk: Desk) -> None:
    stream = desk.stream()
    await stream.open()
    stream.pause()
    moment = START + 500 * RATE
    await stream.seek(moment)
    await turns()
    came = taken(stream)
    assert came[0].kind is Kind.INIT
    assert moment // 90 <= came[-1].moment <= (moment + STEP) // 90
    await turns()
    assert not taken(stream)
    stream.resume()
    await turns()
    assert taken(stream)
    await stream.close(Ending("left"))


async def test_steps_go_on_from_the_picture_that_was_shown(desk: Desk) -> None:
    seen = []

    class Step(Film):
        async def read(self) -> Batch:
            group = [Sample(START - RATE + index * STEP, not index, length_prefixed(NALS)) for index in range(40)]
            shown = next(index for index, sample in enumerate(group) if sample.time > self.run.start)
            seen.append(group[shown].time)
            return Batch(group[: shown + 1])

    desk.opens = lambda _, run: Step(run) if run.step else Film(run)
    stream = desk.stream()
    await stream.open()
    await stream.step(1, START)
    for _ in range(3):
        await stream.step(1)
    assert seen == [START + STEP * index for index in (1, 2, 3, 4)]
    await turns()
    assert stream.position == seen[-1]
    await asyncio.sleep(0.01)
    assert stream.idle_for() > 0, "a single picture holds no slot against its owner's next playback"
    await stream.close(Ending("left"))


@pytest.mark.parametrize(
    ("codecs", "accept", "expected"),
    [
        ("h265 h264", "hvc1 avc1 jpeg", (StreamRole.MAIN, "hvc1", None)),
        ("h264", "avc1", (StreamRole.MAIN, "avc1", None)),
        ("h265 h264", "avc1 jpeg", (StreamRole.SUB, "avc1", VideoCodec.H265)),
        ("h264 h264", "jpeg", (StreamRole.SUB, "jpeg", VideoCodec.H264)),
        ("h264", "jpeg", (StreamRole.MAIN, "jpeg", VideoCodec.H264)),
        ("h264 none", "hvc1 jpeg", (StreamRole.MAIN, "jpeg", VideoCodec.H264)),
        ("h264 h264", "hvc1", (None, None, VideoCodec.H264)),
        ("none none", "hvc1 jpeg", (None, None, None)),
    ],
)
async def test_codec_ladder(
    desk: Desk, codecs: str, accept: str, expected: tuple[StreamRole | None, str | None, VideoCodec | None]
) -> None:
    role, codec, refused = expected
    names = codecs.split()

    def opens(asked: StreamRole, run: Run) -> Film:
        name = names[0 if asked is StreamRole.MAIN else 1]
        if name == "none":
            raise NvrNotFoundError("it is not recorded")
        # What is said to be H.265 here is never decoded.
        return Film(run, VideoCodec(name))

    desk.opens = opens
    stream = desk.stream(accept=accept, roles=len(names))
    if role is None:
        with pytest.raises(NvrError) as failure:
            await stream.open()
        assert isinstance(failure.value, CodecRefusedError) == (refused is not None)
        assert getattr(failure.value, "codec", None) == refused
        return
    opened = await stream.open()
    assert (opened.role, opened.refused) == (role, refused)
    assert opened.codec == "jpeg" if codec == "jpeg" else opened.codec.startswith("avc1")
    assert all(film.closed for film in desk.films[:-1])
    count = len(desk.films)
    await stream.seek(START + RATE)
    assert len(desk.films) == count + 1, "what is known is not tried again"
    await stream.close(Ending("left"))
    assert all(film.closed for film in desk.films)


async def test_stills_are_jpegs_of_key_frames_twice_a_second_and_dated(desk: Desk) -> None:
    stream = desk.stream(accept="jpeg")
    opened = await stream.open()
    assert desk.films[-1].heard, "sound that nobody wants is not kept"
    assert opened.mime == "image/jpeg"
    while len(stream.outbox) < 5:
        await asyncio.sleep(0.001)
    init, *stills = taken(stream)
    assert (init.kind, init.payload) == (Kind.INIT, b"")
    assert {still.kind for still in stills} == {Kind.JPEG}
    assert all(still.payload.startswith(b"\xff\xd8") for still in stills)
    assert all(b.moment - a.moment == 500 for a, b in itertools.pairwise(stills))
    await stream.close(Ending("left"))
