"""Fast, slow, backwards, step by step, over gaps and through pauses: judged by the time painted into the pictures."""

from collections.abc import Sequence
from datetime import timedelta
import itertools
import json

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.nvr.media.streaming.frames import Frame, Kind

from .conftest import StartSimulator, every_family, until
from .media_viewer import MEDIA, Picture, Viewer, Watched, viewer_fixture
from .recorders import Recorder
from .test_streams import FRAME, camera, sessions, two_hours_ago

__all__ = ["viewer_fixture"]

ACCEPT = ["avc1", "hvc1"]


@pytest.fixture(name="nvr")
async def nvr_fixture(start_simulator: StartSimulator) -> Recorder:
    simulator: Recorder = await start_simulator(channels=1, rtsp=True)
    return simulator


def of_run(watched: Watched, told: dict[str, float]) -> list[Frame]:
    """Return what came of the run that an answer tells of."""
    return watched.since(told["actual_start"])


async def fragments(watched: Watched, told: dict[str, float], count: int) -> list[Frame]:
    """Wait for so many fragments of a run, and return it."""
    await watched.until(lambda: sum(m.kind in MEDIA for m in of_run(watched, told)) >= count, 30)
    return of_run(watched, told)


def backwards(watched: Watched, run: Sequence[Frame]) -> list[Picture]:
    """Return the pictures of a run that goes back, as a viewer shows them: each group from its end."""
    found: list[Picture] = []
    init: list[Frame] = []
    for message in run:
        if message.kind is Kind.INIT:
            init = [message]
        elif message.kind in MEDIA:
            found += reversed(watched.pictures([*init, message]))
    return found


@pytest.mark.slow
@every_family
async def test_four_times_as_fast(entry: MockConfigEntry, nvr: Recorder, viewer: Viewer) -> None:
    nvr.rtsp.faults.delivery = 0.0
    start = two_hours_ago(nvr)
    watched = await viewer.open("playback", camera(entry), start=start, accept=ACCEPT)
    # More than ten seconds ahead comes only what was held back before: by then it is known to be fast. Once more, for
    # the simulator had to encode it.
    await watched.until(lambda: watched.run[-1].moment / 1000 >= start + 10.5, 30)
    again = await viewer.control(watched, "seek", start)
    await watched.until(lambda: of_run(watched, again)[-1:] and watched.run[-1].moment / 1000 >= start + 10.5, 30)
    told = await viewer.control(watched, "speed", 4.0, at=start + 1)
    assert told["speed"] == 4.0
    # Four times ten seconds are let out ahead of the viewer, and not less.
    await watched.until(lambda: of_run(watched, told)[-1].moment / 1000 >= start + 35, 60)
    pictures = watched.pictures(of_run(watched, told))
    assert all(abs(picture.at + told["epoch"] - picture.painted) <= FRAME for picture in pictures)
    assert all(0 < b.painted - a.painted <= 2 * FRAME for a, b in itertools.pairwise(pictures)), "no picture is missing"


@every_family
async def test_sixteen_times_as_fast_shows_key_frames(entry: MockConfigEntry, nvr: Recorder, viewer: Viewer) -> None:
    start = two_hours_ago(nvr)
    watched = await viewer.open("playback", camera(entry), start=start, speed=16.0, accept=ACCEPT)
    run = await fragments(watched, watched.opened, 5)
    assert {message.kind for message in run} == {Kind.INIT, Kind.KEY}
    pictures = watched.pictures(run)
    assert abs(pictures[0].painted - start) <= 15
    for picture in pictures:
        fast = start + (picture.at + watched.opened["epoch"] - start) * 16
        assert abs(fast - picture.painted) <= 16 * FRAME, (fast, picture)
    assert all(a.painted < b.painted for a, b in itertools.pairwise(pictures))


@pytest.mark.slow
@every_family
async def test_backwards_every_picture_is_older_than_the_one_before(
    entry: MockConfigEntry, nvr: Recorder, viewer: Viewer
) -> None:
    start = two_hours_ago(nvr)
    watched = await viewer.open("playback", camera(entry), start=start, accept=ACCEPT)
    await watched.media(3)
    told = await viewer.control(watched, "speed", -1.0, at=start)
    assert start - 2 * FRAME <= told["actual_start"] < start
    await watched.until(lambda: of_run(watched, told)[-1].moment / 1000 <= start - 6, 30)
    pictures = backwards(watched, of_run(watched, told))
    assert abs(pictures[0].painted - start) <= 2 * FRAME
    assert all(0 < a.painted - b.painted <= 2 * FRAME for a, b in itertools.pairwise(pictures))
    assert all(abs(picture.at + told["epoch"] - picture.painted) <= FRAME for picture in pictures)
    # Whether eight of them come in a second, `scripts/bench playback` measures.
    assert len(pictures) >= 8 * 6


@pytest.mark.slow
@every_family
async def test_backwards_and_fast_shows_older_and_older_key_frames(
    entry: MockConfigEntry, nvr: Recorder, viewer: Viewer
) -> None:
    start = two_hours_ago(nvr)
    watched = await viewer.open("playback", camera(entry), start=start, speed=-16.0, accept=ACCEPT)
    pictures = watched.pictures(await fragments(watched, watched.opened, 4))
    assert all(a.painted > b.painted and a.at < b.at for a, b in itertools.pairwise(pictures))
    for picture in pictures:
        back = start - (picture.at + watched.opened["epoch"] - start) * 16
        assert abs(back - picture.painted) <= 16 * FRAME


@every_family
async def test_single_steps_both_ways(entry: MockConfigEntry, nvr: Recorder, viewer: Viewer) -> None:
    nvr.rtsp.faults.delivery = 20.0
    start = two_hours_ago(nvr)
    watched = await viewer.open("playback", camera(entry), start=start, accept=ACCEPT)
    await watched.until(lambda: watched.run[-1].moment / 1000 >= start + 2)
    known = sorted(picture.painted for picture in watched.pictures())
    index = next(i for i, painted in enumerate(known) if painted > start + 1)
    for step in (1, 1, 1, -1, -1, -1, -1):
        told = await viewer.control(watched, "step", step, at=known[index])
        index += step
        assert abs(told["actual_start"] - known[index]) < 0.002
        run = await fragments(watched, told, 1)
        assert abs(watched.pictures(run)[-1].painted - known[index]) < 0.002
    await until(lambda: not sessions(nvr))
    assert watched.ending is None


@pytest.mark.slow
@every_family
async def test_a_gap_is_told_of_and_jumped_over_both_ways(
    entry: MockConfigEntry, nvr: Recorder, viewer: Viewer
) -> None:
    nvr.rtsp.faults.delivery = 20.0
    start = nvr.now().replace(microsecond=0, second=0) - timedelta(hours=2)
    hole = (start + timedelta(seconds=8), start + timedelta(seconds=608))
    nvr.footage.add_gap(1, *hole)
    watched = await viewer.open("playback", camera(entry), start=start.timestamp() + 3, accept=ACCEPT)
    await watched.until(lambda: watched.messages[-1].moment / 1000 > hole[1].timestamp() + 1)
    (gap,) = [message for message in watched.messages if message.kind is Kind.GAP]
    told = json.loads(gap.payload)
    assert abs(told["start"] - hole[0].timestamp()) <= 2
    assert abs(told["end"] - hole[1].timestamp()) <= 2
    assert gap.moment == round(told["start"] * 1000)
    back = await viewer.control(watched, "speed", -1.0, at=hole[1].timestamp() + 1)
    await watched.until(lambda: of_run(watched, back)[-1].moment / 1000 < hole[0].timestamp() - 1, 30)
    pictures = backwards(watched, of_run(watched, back))
    assert all(a.painted > b.painted for a, b in itertools.pairwise(pictures))
    inside = [p for p in pictures if hole[0].timestamp() + FRAME < p.painted < hole[1].timestamp() - FRAME]
    assert not inside
    await viewer.control(watched, "speed", 1.0, at=start.timestamp())
    seeks = await viewer.control(watched, "seek", hole[0].timestamp() + 100)
    assert abs(seeks["actual_start"] - hole[1].timestamp()) <= 2


@pytest.mark.slow
@every_family
async def test_a_pause_holds_the_recorder_and_goes_on_without_a_seam(
    entry: MockConfigEntry, nvr: Recorder, viewer: Viewer
) -> None:
    nvr.rtsp.faults.delivery = 4.0
    start = two_hours_ago(nvr)
    watched = await viewer.open("playback", camera(entry), start=start, accept=ACCEPT)
    await watched.media(5)
    await viewer.control(watched, "pause")
    await until(lambda: nvr.rtsp.counters.requests["PAUSE"] == 1)
    assert sessions(nvr) == {"playback": 1}, "it is kept"
    packets = nvr.rtsp.counters.packets
    reached = watched.run[-1].moment / 1000
    await viewer.control(watched, "resume")
    await watched.until(lambda: watched.run[-1].moment / 1000 > reached + 3)
    assert nvr.rtsp.counters.packets > packets
    pictures = watched.pictures()
    assert all(abs(picture.at + watched.opened["epoch"] - picture.painted) <= FRAME for picture in pictures)
    assert all(0 < b.painted - a.painted <= 2 * FRAME for a, b in itertools.pairwise(pictures))
    assert nvr.rtsp.counters.sessions_opened["playback"] == 1


@pytest.mark.slow
@every_family
async def test_the_end_of_the_footage_is_told_and_one_may_jump_back_from_it(
    entry: MockConfigEntry, nvr: Recorder, viewer: Viewer
) -> None:
    nvr.rtsp.faults.delivery = 20.0
    start = two_hours_ago(nvr)
    watched = await viewer.open("playback", camera(entry), start=start, end=start + 4, accept=ACCEPT)
    assert (await watched.ended())["reason"] == "end"
    await until(lambda: not sessions(nvr))
    last = max(message.moment for message in watched.messages if message.kind in MEDIA) / 1000
    assert start + 3 <= last < start + 4
    run = await viewer.seek(watched, start + 1)
    assert min(abs(picture.painted - start - 1) for picture in watched.pictures(run)) <= FRAME
