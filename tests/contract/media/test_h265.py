"""Recordings in H.265: played as they are, and beside them the spare stream for players that cannot decode them."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from io import BytesIO
import itertools
import re

import av
import pytest

from custom_components.nvr.core.errors import NvrNotFoundError
from custom_components.nvr.core.models import StreamRole
from custom_components.nvr.media.h265 import H265Sets
from tests.simulators.video.profile import AudioProfile, SizeChange

from .rig import SMALL, START, Rig, box, decode, errors, parse_run, rig

ODD = START + timedelta(seconds=1)
MAIN = replace(SMALL, codec="h265", width=480, height=270)
VARIANT = re.compile(r'#EXT-X-STREAM-INF:BANDWIDTH=(\d+),CODECS="(.+)",RESOLUTION=(\d+)x(\d+)\n(\S+)\n')


def most_at_once(recorder: Rig) -> int:
    return recorder.server.counters.sessions_peak["playback"]


async def test_h265_alone_is_played_exactly_and_listed_twice() -> None:
    async with rig(profile=MAIN, gop=10.0) as recorder:
        recorder.source.real_time = False
        playback = recorder.play(60, start=ODD)
        listed = VARIANT.findall(await playback.master_playlist())
        assert len(listed) == 2
        assert listed[0] == listed[1]
        bandwidth, codec, *size, name = listed[0]
        assert re.fullmatch(r"hvc1\.1\.6\.L\d+\.90", codec)
        assert (size, name) == (["480", "270"], "video.m3u8")
        assert int(bandwidth) >= 64_000
        init = await playback.init_segment()
        entry = box(init, "moov/trak/mdia/minf/stbl/stsd")[8:]
        assert entry[4:8] == b"hvc1"
        found = [await playback.segment(k) for k in range(4)]
        runs = [parse_run(data) for data in found]
        assert [run.end for run in runs] == [540_000 * (k + 1) for k in range(4)]
        assert all(before.end == after.start for before, after in itertools.pairwise(runs))
        assert max(map(abs, errors(decode(init, *found), ODD))) <= 0.081
        far = await playback.segment(8)
        assert parse_run(far).head
        assert max(map(abs, errors(decode(init, far), ODD))) <= 0.081
        with av.open(BytesIO(init + found[0]), mode="r", format="mp4") as container:
            assert container.streams.video[0].codec_context.name == "hevc"


async def test_h265_sets_only_in_the_description_are_put_before_every_key_frame() -> None:
    async with rig(profile=replace(MAIN, repeat_headers=False), gop=2.0) as recorder:
        recorder.source.real_time = False
        playback = recorder.play(30, start=ODD)
        data = await playback.segment(0)
        keys = sum(sample[2] for sample in parse_run(data).samples)
        sets = playback.variants[0].maker.prepared.sets  # type: ignore[union-attr]
        assert isinstance(sets, H265Sets)
        assert keys >= 3
        assert [data.count(nal) for nal in (sets.vps, sets.sps, sets.pps)] == [keys] * 3
        assert max(map(abs, errors(decode(await playback.init_segment(), data), ODD))) <= 0.081


async def test_h265_resolution_that_changes_inside_the_span_plays_on() -> None:
    profile = replace(MAIN, changes=(SizeChange(ODD + timedelta(seconds=9), 320, 240),))
    async with rig(profile=profile, gop=2.0) as recorder:
        recorder.source.real_time = False
        playback = recorder.play(18, start=ODD)
        init = await playback.init_segment()
        found = [await playback.segment(k) for k in range(3)]
        assert [parse_run(data).end for data in found] == [540_000 * (k + 1) for k in range(3)]
        assert max(map(abs, errors(decode(init, *found), ODD))) <= 0.081


async def test_h265_with_a_spare_stream_lists_both_and_opens_one_at_a_time() -> None:
    sub = replace(SMALL, audio=AudioProfile("pcma"))
    async with rig(profile=replace(MAIN, audio=AudioProfile("pcma")), sub=sub) as recorder:
        recorder.source.real_time = False
        playback = recorder.play(60, start=ODD, fallback=StreamRole.SUB)
        first, second = VARIANT.findall(await playback.master_playlist())
        assert first[1].startswith("hvc1.")
        assert second[1].startswith("avc1.")
        assert first[1].endswith(",mp4a.40.2")
        assert (first[4], second[4]) == ("video.m3u8", "video-1.m3u8")
        # A player that measures how fast it gets must not take the smaller picture for that.
        assert first[0] == second[0]
        playlist = await playback.media_playlist(1)
        assert 'URI="init-1.mp4"' in playlist
        assert "\ns3-1.m4s\n" in playlist
        init = await playback.init_segment(1)
        data = await playback.segment(3, 1)
        assert max(map(abs, errors(decode(init, data), ODD))) <= 0.081
        assert recorder.opened_sessions == 2
        # Somebody turns to the other one: the stream that is left closes first.
        init = await playback.init_segment(0)
        assert max(map(abs, errors(decode(init, await playback.segment(4)), ODD))) <= 0.081
        assert recorder.open_sessions == 1
        assert most_at_once(recorder) == 1
    assert recorder.teardowns == recorder.opened_sessions == 3


async def test_h265_spare_stream_once_known_is_opened_only_by_who_wants_it() -> None:
    async with rig(profile=MAIN, sub=SMALL) as recorder:
        recorder.source.real_time = False
        before = await recorder.play(60, fallback=StreamRole.SUB).master_playlist()
        await recorder.engine.close_owner("anna")
        opened = recorder.opened_sessions
        playback = recorder.play(60, fallback=StreamRole.SUB)
        codecs = [codec for _, codec, *_ in VARIANT.findall(await playback.master_playlist())]
        assert codecs == [codec for _, codec, *_ in VARIANT.findall(before)]
        await playback.segment(0)
        assert recorder.opened_sessions == opened + 1
        await playback.segment(0, 1)
        assert recorder.opened_sessions == opened + 2
        assert recorder.open_sessions == most_at_once(recorder) == 1


async def test_h264_recording_leaves_the_spare_stream_alone() -> None:
    async with rig(sub=replace(SMALL, width=160, height=120)) as recorder:
        recorder.source.real_time = False
        playback = recorder.play(60, fallback=StreamRole.SUB)
        assert {name for *_, name in VARIANT.findall(await playback.master_playlist())} == {"video.m3u8"}
        assert recorder.opened_sessions == 1


async def test_h265_spare_stream_that_is_not_there_is_not_listed() -> None:
    async with rig(profile=MAIN) as recorder:
        recorder.source.real_time = False
        playback = recorder.play(60, fallback=StreamRole.SUB)
        assert [name for *_, name in VARIANT.findall(await playback.master_playlist())] == ["video.m3u8"] * 2
        with pytest.raises(NvrNotFoundError):
            await playback.segment(0, 2)
        await playback.segment(0)
        assert recorder.open_sessions == 1


async def test_request_for_the_stream_that_was_left_fails_at_once() -> None:
    async with rig(profile=MAIN, sub=SMALL) as recorder:
        recorder.source.real_time = False
        playback = recorder.play(60, fallback=StreamRole.SUB)
        await playback.segment(0)
        recorder.faults.stalled = True
        waiting = asyncio.create_task(playback.segment(5))
        while not playback.variants[0].worker.busy:
            await asyncio.sleep(0)
        await asyncio.sleep(0.05)
        turned = asyncio.create_task(playback.segment(0, 1))
        with pytest.raises(NvrNotFoundError, match="another stream"):
            await waiting
        recorder.faults.stalled = False
        await turned
        assert recorder.open_sessions == 1
