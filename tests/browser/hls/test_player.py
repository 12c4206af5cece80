"""What a person sees who plays a recording with Home Assistant's player; the painted time of the picture judges."""

import asyncio
from dataclasses import replace
from datetime import timedelta
import itertools

import pytest

from custom_components.nvr.core.models import StreamRole, TimeSpan
from tests.contract.media.rig import SMALL, START, Rig, rig
from tests.simulators.rtsp.options import RtspFaults, RtspOptions
from tests.simulators.video.profile import AudioProfile, SizeChange, VideoProfile

from .conftest import View, Viewer, late

FRAME = 1 / 12.5
ODD = START + timedelta(seconds=1)
FAST, REAL_TIME = 0.0, 1.0


async def seeks(viewer: Viewer, recorder: Rig, *, early: float = 0.0, at_start: float = 0.0) -> None:
    """Seek in the buffer, far, just below a boundary and back; judge picture, requests and opens of each.

    `early`: how many seconds too early a frame may be shown; `at_start` the same right behind the begin.
    """
    at = (await viewer.shown())["at"]
    spare = 1 if at_start else 0
    for position in (at + 0.7, 300.4, 419.96, 120.25):
        opened = recorder.opened_sessions + spare
        found = await viewer.seek(position)
        error = late(found, viewer.playback)
        allowed = max(early, at_start) if position < 6 else early
        assert -allowed - FRAME - 0.001 <= error <= FRAME + 0.001, (position, error, found)
        assert recorder.opened_sessions - opened <= 1, position
        # Once per playback a second open finds out that the recorder must be asked earlier.
        spare -= max(0, recorder.opened_sessions - opened + spare - 1)
        assert len(found["requests"]) <= 8, (position, found["requests"])


async def watch(viewer: Viewer, seconds: float) -> None:
    """Let it play, and judge every frame that was presented."""
    await viewer.run("() => { player.frames = []; player.record = true; document.getElementById('video').play(); }")
    await asyncio.sleep(seconds)
    await viewer.run("() => { player.record = false; document.getElementById('video').pause(); }")
    frames = await viewer.run("() => player.frames")
    assert len(frames) > 5 * seconds
    wrong = [frame for frame in frames if frame["time"] is not None
             and abs(late({"at": frame["media"], "time": frame["time"]}, viewer.playback)) > FRAME + 0.001]  # fmt: skip
    # A canvas may be read one frame after the callback that belongs to it.
    assert len(wrong) <= len(frames) // 50, wrong[:5]
    shown = [frame["media"] for frame in frames]
    assert all(a <= b + 0.001 for a, b in itertools.pairwise(shown)), "the picture went back"


async def test_player_fast_recorder_gop_10_seeks_exactly(view: View) -> None:
    async with rig(gop=10.0) as recorder:
        playback = recorder.play(600, start=ODD)
        async with view(playback) as viewer:
            assert await viewer.run("() => player.version") == "1.7.3"
            await viewer.start()
            # At exactly zero the first frame of the squeezed head stands: the key frame before.
            assert late(await viewer.picture(), playback) <= 10
            assert await viewer.run("() => document.getElementById('video').duration") == 600
            await seeks(viewer, recorder)
            await watch(viewer, 3)
            assert await viewer.run("() => player.errors.filter((error) => error.details !== 'aborted')") == []


@pytest.mark.slow
@pytest.mark.parametrize("delivery", [FAST, REAL_TIME], ids=["fast", "1x"])
@pytest.mark.parametrize("key_frame", ["before", "after"])
@pytest.mark.parametrize("gop", [2.0, 10.0, (1.0, 10.0)], ids=["gop2", "gop10", "random"])
async def test_player_matrix(view: View, gop: float | tuple[float, float], key_frame: str, delivery: float) -> None:
    faults = RtspFaults(delivery=delivery, key_frame=key_frame)  # type: ignore[arg-type]
    async with rig(gop=gop, faults=faults) as recorder:
        playback = recorder.play(600, start=ODD)
        async with view(playback) as viewer:
            await viewer.start()
            await viewer.picture()
            # From a recorder that sends in real time and begins at the next key frame, that frame is shown at once.
            longest = gop if isinstance(gop, float) else gop[1]
            early = longest if key_frame == "after" and delivery else 0.0
            # A begin that is a little late may as well be where the footage begins.
            await seeks(viewer, recorder, early=early, at_start=1.5 if key_frame == "after" else 0.0)
            if key_frame == "before":
                await watch(viewer, 4)
            fatal = [error for error in await viewer.run("() => player.errors") if error["fatal"]]
            assert fatal == []


@pytest.mark.slow
@pytest.mark.parametrize("gop", [2.0, 10.0])
async def test_player_starts_elsewhere_than_at_zero(view: View, gop: float) -> None:
    async with rig(gop=gop) as recorder:
        playback = recorder.play(600, start=ODD)
        async with view(playback) as viewer:
            await viewer.start(247.3)
            found = await viewer.picture()
            assert found["at"] >= 247
            assert abs(late(found, playback)) <= FRAME + 0.001
            await seeks(viewer, recorder)


@pytest.mark.slow
async def test_player_plays_over_a_hole_nobody_knew_of(view: View) -> None:
    async with rig(gop=2.0, options=RtspOptions(sr_seconds=0)) as recorder:
        recorder.footage.add_gap(1, ODD + timedelta(seconds=6, milliseconds=400), ODD + timedelta(seconds=9))
        playback = recorder.play(120, start=ODD)
        async with view(playback) as viewer:
            await viewer.start()
            await viewer.picture()
            found = await viewer.seek(8.0)
            assert 0 <= late(found, playback) <= 1.7  # the frame from before the hole stands
            found = await viewer.seek(9.5)
            assert abs(late(found, playback)) <= FRAME + 0.001
            await viewer.seek(4.0)
            await viewer.run("() => document.getElementById('video').play()")
            await asyncio.sleep(7)
            assert abs(late(await viewer.shown(), playback)) <= 2 * FRAME
            assert (await viewer.shown())["at"] > 9.5
            assert await viewer.run("() => player.errors.filter((error) => error.details !== 'aborted')") == []


@pytest.mark.slow
async def test_player_jumps_over_a_known_gap_and_out_of_it(view: View) -> None:
    spans = [
        TimeSpan(ODD, ODD + timedelta(seconds=20)),
        TimeSpan(ODD + timedelta(seconds=260), ODD + timedelta(seconds=400)),
    ]
    async with rig(gop=10.0) as recorder:
        recorder.footage.add_gap(1, spans[0].end, spans[1].start)
        playback = recorder.play(400, start=ODD, recorded=spans)
        async with view(playback) as viewer:
            await viewer.start()
            await viewer.picture()
            await viewer.seek(18.0)
            await viewer.run("() => document.getElementById('video').play()")
            await viewer.page.wait_for_function(
                "() => document.getElementById('video').currentTime > 262", timeout=15000
            )
            assert abs(late(await viewer.shown(), playback)) <= 2 * FRAME
            await viewer.run("() => document.getElementById('video').pause()")
            await viewer.run("() => { document.getElementById('video').currentTime = 140; }")
            await viewer.run("() => document.getElementById('video').play()")
            await viewer.page.wait_for_function(
                "() => document.getElementById('video').currentTime > 260", timeout=15000
            )
            found = await viewer.seek(300.0)
            assert abs(late(found, playback)) <= FRAME + 0.001


@pytest.mark.slow
async def test_player_goes_through_a_change_of_resolution(view: View) -> None:
    profile = VideoProfile(
        width=320, height=240, fps=12.5, bit_rate=256_000,
        changes=(SizeChange(ODD + timedelta(seconds=9), 480, 270),),
    )  # fmt: skip
    async with rig(gop=10.0, profile=profile) as recorder:
        playback = recorder.play(120, start=ODD)
        async with view(playback) as viewer:
            await viewer.start()
            await viewer.picture()
            await watch(viewer, 14)
            assert await viewer.run("() => document.getElementById('video').videoWidth") == 480
            assert await viewer.run("() => player.errors.filter((error) => error.fatal)") == []


@pytest.mark.slow
async def test_player_b_frames_play_and_seek(view: View) -> None:
    profile = VideoProfile(width=320, height=240, fps=12.5, bit_rate=256_000, b_frames=2)
    async with rig(gop=10.0, profile=profile) as recorder:
        playback = recorder.play(600, start=ODD)
        async with view(playback) as viewer:
            await viewer.start()
            await viewer.picture()
            for position in (3.3, 300.4, 120.25):
                found = await viewer.seek(position)
                assert abs(late(found, playback)) <= 3 * FRAME, position
                assert len(found["requests"]) <= 8
            await watch(viewer, 4)


@pytest.mark.slow
async def test_player_h265_ends_after_a_few_requests(view: View) -> None:
    async with rig(profile=replace(SMALL, codec="h265")) as recorder:
        playback = recorder.play(60)
        async with view(playback) as viewer:
            await viewer.start()
            await viewer.page.wait_for_function("() => player.errors.some((error) => error.fatal)", timeout=20000)
            await asyncio.sleep(4)
            assert len(viewer.requests) <= 5
            (fatal,) = await viewer.run("() => player.errors.filter((error) => error.fatal)")
            assert fatal["details"] == "manifestIncompatibleCodecsError"
            assert "codec" in fatal["text"]


async def test_player_h265_falls_back_to_the_spare_stream_by_itself(view: View) -> None:
    main = replace(SMALL, codec="h265", width=480, height=270, audio=AudioProfile("aac", 16_000))
    async with rig(profile=main, sub=replace(SMALL, audio=AudioProfile("aac", 16_000))) as recorder:
        playback = recorder.play(120, start=ODD, fallback=StreamRole.SUB)
        async with view(playback) as viewer:
            await viewer.start()
            await viewer.picture()
            for position in (3.3, 80.25):
                assert abs(late(await viewer.seek(position), playback)) <= FRAME + 0.001
            assert await viewer.run("() => document.getElementById('video').videoWidth") == 320
            assert not [name for _, name, _ in viewer.requests if name in {"video.m3u8", "init.mp4", "s0.m4s"}]
            assert await viewer.run("() => player.errors.filter((error) => error.fatal)") == []
        assert recorder.server.counters.sessions_peak["playback"] == 1


@pytest.mark.parametrize(
    "sound", [AudioProfile("pcma"), pytest.param(AudioProfile("aac", 16_000), marks=pytest.mark.slow)],
    ids=lambda sound: sound.codec,
)  # fmt: skip
async def test_player_hears_and_sees_the_same_moment(view: View, sound: AudioProfile) -> None:
    async with rig(gop=10.0, profile=replace(SMALL, audio=sound)) as recorder:
        playback = recorder.play(600, start=ODD)
        async with view(playback) as viewer:
            await viewer.start()
            await viewer.picture()
            await viewer.seek(300.4)
            found = await viewer.run("() => player.listen(4)")
            assert len(found) >= 3
            # A canvas is read at most a frame late, a tone is noticed within the analyser's window.
            assert all(abs(item) <= FRAME + 0.1 for item in found), found
            assert await viewer.run("() => document.getElementById('video').webkitAudioDecodedByteCount") > 1000
            await watch(viewer, 3)
            assert await viewer.run("() => player.buffered().length") <= 2
            assert await viewer.run("() => player.errors.filter((error) => error.details !== 'aborted')") == []


@pytest.mark.slow
async def test_player_recorder_reboots_and_the_picture_comes_back(view: View) -> None:
    async with rig(gop=2.0, profile=SMALL) as recorder:
        playback = recorder.play(600, start=ODD)
        async with view(playback) as viewer:
            await viewer.start()
            await viewer.picture()
            await recorder.server.power_off()
            await viewer.run("() => { document.getElementById('video').currentTime = 300.4; }")
            await asyncio.sleep(3)
            before = len(viewer.requests)
            assert before < 40, "a player that loops is held back"
            await recorder.server.power_on()
            await viewer.page.wait_for_function(
                "() => document.getElementById('video').readyState >= 2 && player.shown().time", timeout=20000
            )
            assert abs(late(await viewer.shown(), playback)) <= FRAME + 0.001
