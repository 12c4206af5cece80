"""Recordings with their sound, judged by the tones that tell the second they were heard in."""

import asyncio
from dataclasses import replace
from datetime import timedelta
import itertools
import threading

import pytest

from custom_components.nvr.core.models import TimeSpan
from custom_components.nvr.media.engine import PlaybackLimits
from custom_components.nvr.media.maker import MakerLimits
from tests.simulators.rtsp.options import RtspFaults, RtspOptions
from tests.simulators.video.profile import AudioProfile, VideoProfile

from .rig import SMALL, START, Rig, decode, errors, late_tones, listen, parse_runs, rig

ODD = START + timedelta(seconds=1, milliseconds=300)
ALAW, ULAW, AAC = AudioProfile("pcma"), AudioProfile("pcmu"), AudioProfile("aac", 16_000)
# Named PCM at 48 kHz under the static number of another format, as one camera does.
PCM = AudioProfile("pcm_s16le", 48_000, 11, "PCM/48000")
SOUNDS = pytest.mark.parametrize("sound", [ALAW, ULAW, AAC, PCM], ids=lambda sound: sound.codec)
SEEKS = pytest.mark.parametrize(
    ("sound", "key_frame"),
    [
        pytest.param(
            sound,
            key_frame,
            id=f"{sound.codec}-{key_frame}",
            marks=() if (sound, key_frame) in {(ALAW, "before"), (AAC, "after")} else pytest.mark.slow,
        )
        for sound in (ALAW, ULAW, AAC, PCM)
        for key_frame in ("before", "after")
    ],
)
ONE_FRAME = {8000: 0.128, 16_000: 0.064, 48_000: 0.0213}


def with_sound(sound: AudioProfile | None) -> VideoProfile:
    return replace(SMALL, audio=sound)


def short(recorder: Rig) -> None:
    """Make it give segments of two seconds, as fast as they can be read."""
    recorder.source.real_time = True


@SOUNDS
async def test_sixty_segments_in_order_have_no_seam_in_either_track(sound: AudioProfile) -> None:
    async with rig(gop=10.0, profile=with_sound(sound)) as recorder:
        short(recorder)
        playback = recorder.play(124, start=ODD)
        assert ',mp4a.40.2"' in await playback.master_playlist()
        init = await playback.init_segment()
        found = [await playback.segment(k) for k in range(60)]
        runs = [parse_runs(data) for data in found]
        for track in (1, 2):
            assert all(a[track].end == b[track].start for a, b in itertools.pairwise(runs))
        assert all(sample[0] == 1024 for run in runs for sample in run[2].samples)
        # The sound is cut where the pictures are, up to one frame.
        for k, run in enumerate(runs):
            assert 0 <= run[2].start / sound.rate - 2.0 * k < ONE_FRAME[sound.rate]
        tones = listen(init, *found)
        assert len(tones) == 120
        assert max(map(abs, late_tones(tones, ODD))) < 0.005
        assert recorder.opened_sessions == 1


@SEEKS
async def test_seek_anywhere_brings_pictures_and_sound_of_the_same_moment(sound: AudioProfile, key_frame: str) -> None:
    faults = RtspFaults(delivery=0, key_frame=key_frame)  # type: ignore[arg-type]
    async with rig(gop=10.0, profile=with_sound(sound), faults=faults) as recorder:
        recorder.source.real_time = False
        playback = recorder.play(600, start=ODD)
        init = await playback.init_segment()
        for k in (60, 20, 19, 97):
            data = await playback.segment(k)
            assert max(map(abs, errors(decode(init, data), ODD))) <= 0.081
            tones = listen(init, data)
            assert 5 <= len(tones) <= 6
            assert max(map(abs, late_tones(tones, ODD))) < 0.005, (k, tones)


@pytest.mark.parametrize("sound", [ALAW, AAC], ids=lambda sound: sound.codec)
async def test_segments_made_apart_sound_as_one(sound: AudioProfile) -> None:
    async with rig(gop=2.0, profile=with_sound(sound)) as recorder:
        recorder.source.real_time = False
        # Segments begin at full seconds: each seam cuts through a tone.
        playback = recorder.play(60, start=START)
        init = await playback.init_segment()
        found = {k: await playback.segment(k) for k in (4, 2, 3)}
        # Alone, the first frame of all fades in; the last one reaches beyond the end.
        tones = [tone for tone in listen(init, *(found[k] for k in (2, 3, 4))) if 12.5 < tone.at < 29.5]
        assert [round(tone.at) for tone in tones] == list(range(13, 30))
        assert max(map(abs, late_tones(tones))) < 0.005


@pytest.mark.parametrize(
    ("sound", "reports"),
    [
        pytest.param(ALAW, True, id="reports-pcma"),
        pytest.param(AAC, True, id="reports-aac", marks=pytest.mark.slow),
        pytest.param(ALAW, False, id="pcma", marks=pytest.mark.slow),
        pytest.param(AAC, False, id="aac", marks=pytest.mark.slow),
    ],
)
async def test_gap_and_hole_keep_sound_and_pictures_together(sound: AudioProfile, *, reports: bool) -> None:
    spans = [
        TimeSpan(ODD, ODD + timedelta(seconds=20)),
        TimeSpan(ODD + timedelta(seconds=260), ODD + timedelta(seconds=300)),
    ]
    faults = RtspFaults(delivery=0, no_reports=not reports)
    async with rig(profile=with_sound(sound), faults=faults, options=RtspOptions(sr_seconds=0)) as recorder:
        recorder.source.real_time = False
        recorder.footage.add_gap(1, spans[0].end, spans[1].start)
        if reports:
            recorder.footage.add_gap(1, ODD + timedelta(seconds=6.5), ODD + timedelta(seconds=9))
        playback = recorder.play(300, start=ODD, recorded=spans)
        init = await playback.init_segment()
        segments = (await playback.variants[0].prepare()).layout.segments
        numbers = [segment.index for segment in segments if not segment.gap][:8]
        assert segments[4].gap
        found = [await playback.segment(k) for k in numbers]
        before, behind = found[:4], found[4:]
        tones = listen(init, *before)
        assert len(tones) == (17 if reports else 20)
        assert max(map(abs, late_tones(tones, ODD))) < 0.05
        late = late_tones(listen(init, *behind), ODD)
        assert len(late) >= 20
        assert max(map(abs, late)) < 0.05


async def test_sound_that_starts_late_and_ends_early_is_silence_before_and_behind(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with rig(profile=with_sound(ALAW)) as recorder:
        recorder.source.real_time = False
        studio = recorder.server.studio
        whole = studio.audio

        async def in_part(channel: int, profile: VideoProfile, start: int, end: int) -> object:
            units = await whole(channel, profile, start, end)
            begin = int(START.timestamp()) * 90_000
            return tuple(unit for unit in units if begin + 8 * 90_000 <= unit.pts < begin + 20 * 90_000)

        monkeypatch.setattr(studio, "audio", in_part)
        playback = recorder.play(42)
        assert "mp4a" in await playback.master_playlist()
        init = await playback.init_segment()
        found = [await playback.segment(k) for k in range(7)]
        runs = [parse_runs(data)[2] for data in found]
        assert all(a.end == b.start for a, b in itertools.pairwise(runs))
        tones = listen(init, *found)
        assert [round(tone.at) for tone in tones] == list(range(8, 20))


async def test_recording_without_sound_has_one_track() -> None:
    async with rig() as recorder:
        playback = recorder.play(12)
        assert "mp4a" not in await playback.master_playlist()
        assert set(parse_runs(await playback.segment(1))) == {1}


async def test_sound_the_recorder_refuses_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    async with rig(profile=with_sound(ALAW)) as recorder:
        monkeypatch.setattr("tests.simulators.rtsp.handlers.Handlers._sink", refusing_second(recorder))
        playback = recorder.play(12)
        assert "mp4a" not in await playback.master_playlist()
        assert set(parse_runs(await playback.segment(1))) == {1}
    assert recorder.teardowns == recorder.opened_sessions


def refusing_second(recorder: Rig) -> object:
    """Return what takes the first track of a connection only."""
    original = recorder.server._handlers.__class__._sink

    def sink(self: object, connection: object, transport: str) -> object:
        return None if "2-3" in transport else original(self, connection, transport)  # type: ignore[arg-type]

    return sink


async def test_sound_in_real_time_costs_no_stall() -> None:
    limits = PlaybackLimits(maker=MakerLimits(hold=0.3))
    async with rig(profile=with_sound(AAC), faults=RtspFaults(delivery=1), limits=limits) as recorder:
        playback = recorder.play(30, start=ODD)
        init = await playback.init_segment()
        found = [await playback.segment(k) for k in range(3)]
        assert max(map(abs, late_tones(listen(init, *found), ODD))) < 0.005


async def test_threads_are_few_and_end_with_the_engine() -> None:
    def ours() -> list[str]:
        return [thread.name for thread in threading.enumerate() if thread.name.startswith("nvr-media")]

    async with rig(profile=with_sound(ALAW), options=RtspOptions(playback_limit=8)) as recorder:
        assert ours() == []
        playbacks = [recorder.play(60, start=START + timedelta(minutes=k), slots=8) for k in range(5)]
        await asyncio.gather(*(playback.segment(1) for playback in playbacks))
        assert 1 <= len(ours()) <= 2
        await recorder.engine.aclose()
        assert ours() == []
