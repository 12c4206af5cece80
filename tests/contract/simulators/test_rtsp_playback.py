import asyncio
from datetime import UTC, datetime, time as clock_time, timedelta
from itertools import pairwise
import re
import time

import pytest

from tests.simulators.footage import Kind
from tests.simulators.rtsp.messages import parse_clock
from tests.simulators.video.profile import gop_bounds, to_ticks

from .conftest import PROFILES, Recorder, watch
from .rtsp_client import Answer, RtspClient

SECOND = timedelta(seconds=1)


def yesterday(recorder: Recorder, *, hour: int = 10, minute: int = 0, second: float = 0) -> datetime:
    """Return a wall time of the recorder's yesterday."""
    day = recorder.clock.date_of(recorder.clock.now()) - timedelta(days=1)
    wall = datetime.combine(day, clock_time(hour, minute), tzinfo=recorder.clock.zone)
    return recorder.clock.to_true(wall + timedelta(seconds=second))


def has_media(packets: list[tuple[int, bytes]]) -> bool:
    """Tell whether a picture has begun to arrive."""
    return any(channel == 0 for channel, _ in packets)


def clock_of(recorder: Recorder, answer: Answer) -> datetime:
    """Return the true time that a PLAY answer promises."""
    digits = parse_clock(answer["range"].removeprefix("clock=").partition("-")[0])
    assert digits is not None
    return recorder.wire.decode(digits)


@pytest.mark.parametrize("role", list(PROFILES))
async def test_a_stranger_sees_the_asked_time(recorder: Recorder, role: str) -> None:
    recorder.server.faults.delivery = 0
    start = yesterday(recorder, hour=14, minute=33, second=21)
    codes = await asyncio.to_thread(watch, recorder.url(recorder.playback(role, start, start + 60 * SECOND)), 60)
    first = min(code.time for code in codes)
    assert first == key_before(role, start)
    assert codes[-1].time - first >= 59 / PROFILES[role].fps * SECOND
    assert recorder.server.counters.sessions_opened == {"playback": 1}


def key_before(role: str, moment: datetime) -> datetime:
    ticks = gop_bounds(PROFILES[role], 1, to_ticks(moment))[0]
    return datetime.fromtimestamp(ticks / 90_000, UTC)


async def test_the_answer_to_play_tells_the_time_of_the_first_picture(recorder: Recorder) -> None:
    start = yesterday(recorder, second=11)
    for habit, expected in (("before", key_before("long", start)), ("after", key_before("long", start) + 10 * SECOND)):
        recorder.server.faults.key_frame = "before" if habit == "before" else "after"
        async with RtspClient(recorder.server.port) as client:
            path = recorder.playback("long", start)
            await client.setup(path)
            answer = await client.ask("PLAY", client.url(path), Range=f"clock={path.partition('=')[2]}-")
            assert clock_of(recorder, answer) == expected
            await client.collect(2, has_media)
            assert f"rtptime={client.rtp()[0][1]}" in answer["rtp-info"]
            ntp, _ = client.reports()[0]
            wall = recorder.wire.encode(expected).replace(tzinfo=UTC).timestamp()
            assert abs(ntp - wall) < 0.001


async def test_seeking_by_clock_and_by_seconds(recorder: Recorder) -> None:
    start = yesterday(recorder)
    recorder.server.faults.delivery = 20
    async with RtspClient(recorder.server.port) as client:
        path = recorder.playback("main", start, start + timedelta(hours=1))
        await client.setup(path)
        await client.ask("PLAY", client.url(path), Range="npt=0.000-")
        await client.collect(5, has_media)
        for text, wanted in (
            (f"clock={recorder.wire.encode(start + timedelta(minutes=40)):%Y%m%dT%H%M%SZ}-", timedelta(minutes=40)),
            ("npt=600.0-", timedelta(minutes=10)),
        ):
            paused = await client.ask("PAUSE", client.url(path))
            assert paused.status == 200
            last = client.rtp()[-1]
            client.packets.clear()
            answer = await client.ask("PLAY", client.url(path), Range=text)
            await client.collect(5, has_media)
            if text.startswith("clock"):
                assert timedelta(0) <= start + wanted - clock_of(recorder, answer) < 2 * SECOND
            else:
                assert 598 < float(answer["range"].removeprefix("npt=").rstrip("-")) <= 600
            sequence, timestamp, _ = client.rtp()[0]
            assert sequence == (last[0] + 1) & 0xFFFF
            assert 0 < (timestamp - last[1]) & 0xFFFFFFFF < 90_000


async def test_pause_stops_and_play_goes_on_where_it_stood(recorder: Recorder) -> None:
    start = yesterday(recorder)
    async with RtspClient(recorder.server.port) as client:
        path = recorder.playback("sub", start)
        await client.setup(path)
        await client.ask("PLAY", client.url(path))
        await client.collect(5, has_media)
        await client.collect(2.3)
        await client.ask("PAUSE", client.url(path))
        client.packets.clear()
        await client.collect(0.3)
        assert client.packets == []
        answer = await client.ask("PLAY", client.url(path))
        assert clock_of(recorder, answer) == key_before("sub", start + 2.2 * SECOND)


@pytest.mark.parametrize(("delivery", "low", "high"), [(1.0, 0.7, 1.3), (4.0, 3.0, 5.0), (0, 6, 10_000)])
async def test_delivery_is_as_fast_as_told(recorder: Recorder, delivery: float, low: float, high: float) -> None:
    recorder.server.faults.delivery = delivery
    async with RtspClient(recorder.server.port) as client:
        path = recorder.playback("sub", yesterday(recorder))
        await client.setup(path)
        await client.ask("PLAY", client.url(path))
        await client.collect(5, has_media)
        before = time.monotonic()
        await client.collect(1.5)
        stamps = [stamp for _, stamp, _ in client.rtp()]
        speed = ((stamps[-1] - stamps[0]) & 0xFFFFFFFF) / 90_000 / (time.monotonic() - before)
        assert low <= speed <= high


@pytest.mark.parametrize(("scale", "pictures"), [(0.5, 13), (2, 51), (8, 5)])
async def test_scale_changes_the_pace_and_skips_to_key_frames(recorder: Recorder, scale: float, pictures: int) -> None:
    async with RtspClient(recorder.server.port) as client:
        path = recorder.playback("sub", yesterday(recorder))
        await client.setup(path)
        answer = await client.ask("PLAY", client.url(path), Scale=f"{scale}")
        assert float(answer["scale"]) == scale
        await client.collect(5, has_media)
        await client.collect(1)
        stamps = sorted({stamp for _, stamp, _ in client.rtp()})
        assert abs(len(stamps) - pictures) <= max(2, pictures * 0.2)
        expected = 180_000 / scale if scale >= 4 else 3600 / scale
        assert {late - early for early, late in pairwise(stamps)} == {expected}
        assert (await client.ask("PLAY", client.url(path), Scale="-1")).status == 400


@pytest.mark.parametrize("gap", ["jump", "stop"])
async def test_a_gap_is_jumped_without_notice_or_ends_it(recorder: Recorder, gap: str) -> None:
    before = yesterday(recorder, hour=3, minute=9, second=56)
    recorder.server.faults.delivery = 0
    recorder.server.faults.gap = "jump" if gap == "jump" else "stop"
    recorder.server.options.sr_seconds = 0
    start, end = before, before + timedelta(minutes=4, seconds=20)
    async with RtspClient(recorder.server.port) as client:
        path = recorder.playback("sub", start, end)
        await client.setup(path)
        await client.ask("PLAY", client.url(path))
        last = recorder.wire.encode(end).replace(tzinfo=UTC).timestamp() - 0.1

        def arrived(_: object) -> bool:
            return any(ntp >= last for ntp, _ in client.reports(last=4))

        await client.collect(10 if gap == "jump" else 2, arrived)
        stamps = [stamp for _, stamp, _ in client.rtp()]
        assert all((late - early) & 0xFFFFFFFF in (0, 3600) for early, late in pairwise(stamps))
        shown = {round(ntp * 25) for ntp, _ in client.reports()}
        steps = [late - early for early, late in pairwise(sorted(shown))]
        assert steps.count(1) == len(steps) - (gap == "jump")
        if gap == "jump":
            assert 239 <= max(steps) / 25 <= 241
            assert arrived(None)


async def test_a_start_inside_a_gap_begins_after_it(recorder: Recorder) -> None:
    start = yesterday(recorder, hour=3, minute=12)
    async with RtspClient(recorder.server.port) as client:
        path = recorder.playback("sub", start)
        await client.setup(path)
        answer = await client.ask("PLAY", client.url(path))
        begin = clock_of(recorder, answer)
        gap_end = recorder.footage.next_recorded(1, start, start + timedelta(hours=1))
        assert gap_end is not None
        assert timedelta(0) <= begin - gap_end[0] < timedelta(seconds=0.05)
        await client.collect(2, has_media)
        assert client.rtp()[0][2][0] & 0x1F == 7  # a picture that can be decoded begins with its parameter sets


async def test_times_without_footage_are_refused(recorder: Recorder) -> None:
    async with RtspClient(recorder.server.port) as client:
        for start in (recorder.clock.now() + timedelta(hours=1), recorder.clock.now() - timedelta(days=40)):
            path = recorder.playback("sub", start, start + timedelta(minutes=1))
            assert (await client.ask("DESCRIBE", client.url(path))).status == 404


@pytest.mark.parametrize("end", ["silent", "bye", "close"])
async def test_the_end_is_told_in_the_firmwares_way(recorder: Recorder, end: str) -> None:
    recorder.server.faults.end = "silent" if end == "silent" else "bye" if end == "bye" else "close"
    recorder.server.faults.delivery = 0
    start = yesterday(recorder)
    async with RtspClient(recorder.server.port) as client:
        path = recorder.playback("sub", start, start + 3 * SECOND)
        await client.setup(path)
        await client.ask("PLAY", client.url(path))
        wanted = round((start + 3 * SECOND - key_before("sub", start)) / timedelta(milliseconds=40) + 0.49)
        if end == "close":
            with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
                await client.collect(20)
        else:
            for _ in range(40):  # a busy machine needs longer to encode, the end comes after the last frame
                await client.collect(0.5)
                if len({stamp for _, stamp, _ in client.rtp()}) >= wanted:
                    break
            await client.collect(0.5)
        byes = [data for channel, data in client.packets if channel == 1 and data[1] == 203]
        assert len(byes) == (end == "bye")
        stamps = {stamp for _, stamp, _ in client.rtp()}
        assert len(stamps) == wanted


async def test_the_running_file_plays_up_to_the_present_and_goes_on(recorder: Recorder) -> None:
    start = recorder.clock.now() - 4 * SECOND
    assert any(file.open for file in recorder.footage.files(1, start, recorder.clock.now(), [Kind.CONTINUOUS]))
    recorder.server.faults.delivery = 0
    recorder.server.options.sr_seconds = 0
    async with RtspClient(recorder.server.port) as client:
        path = recorder.playback("sub", start)
        await client.setup(path)
        await client.ask("PLAY", client.url(path))
        await client.collect(4.5)
        wall = recorder.clock.device_now().replace(tzinfo=UTC).timestamp()
        newest = max(ntp for ntp, _ in client.reports())
        assert -0.1 < wall - newest < 2.5  # what is recorded arrives group by group
        assert newest - min(ntp for ntp, _ in client.reports()) > 5


async def test_a_recorder_that_only_pretends_to_play(recorder: Recorder) -> None:
    recorder.server.faults.playback_hangs = True
    async with RtspClient(recorder.server.port) as client:
        path = recorder.playback("sub", yesterday(recorder))
        await client.setup(path)
        assert (await client.ask("PLAY", client.url(path))).status == 200
        await client.collect(0.5)
        assert client.packets == []
        assert (await client.ask("TEARDOWN", client.url(path))).status == 200
    assert recorder.server.counters.teardowns["playback"] == 1


async def test_a_describe_that_hangs_ends_with_its_client(recorder: Recorder) -> None:
    recorder.server.faults.describe_hangs = True
    async with RtspClient(recorder.server.port) as client:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3):
                await client.ask("DESCRIBE", client.url("/live/1/sub"))
    async with asyncio.timeout(1):
        while recorder.server.counters.connections_open:
            await asyncio.sleep(0.02)


async def test_playback_has_a_limit_of_its_own(recorder: Recorder) -> None:
    recorder.server.options.playback_limit = 1
    path = recorder.playback("sub", yesterday(recorder))
    async with RtspClient(recorder.server.port) as first, RtspClient(recorder.server.port) as second:
        await first.setup(path)
        await second.setup("/live/1/sub")
        second.session = ""
        ask = ("SETUP", second.url(f"{path}/trackID=1"))
        assert (await second.ask(*ask, Transport="RTP/AVP/TCP;interleaved=0-1")).status == 453
        first.writer.close()
        async with asyncio.timeout(2):
            while recorder.server.counters.sessions_open["playback"]:
                await asyncio.sleep(0.02)
        assert (await second.ask(*ask, Transport="RTP/AVP/TCP;interleaved=0-1")).status == 200
    assert recorder.server.counters.sessions_peak["playback"] == 1


async def test_the_description_names_range_and_tracks_in_full(recorder: Recorder) -> None:
    start = yesterday(recorder)
    async with RtspClient(recorder.server.port) as client:
        path = recorder.playback("main", start, start + timedelta(minutes=1))
        answer = await client.ask("DESCRIBE", client.url(path))
        text = answer.body.decode()
        digits = f"{recorder.wire.encode(start):%Y%m%dT%H%M%SZ}"
        assert re.search(rf"^a=range:clock={digits}-\d{{8}}T\d{{6}}Z\r$", text, re.MULTILINE)
        assert re.findall(r"a=control:(rtsp://\S+/trackID=\d)\r", text) == [
            f"{client.url(path)}/trackID=1",
            f"{client.url(path)}/trackID=2",
        ]
        assert "a=x-dimensions:640,360\r\n" in text
        assert "m=audio 0 RTP/AVP 0\r\n" in text
        assert re.search(r"sprop-parameter-sets=\S+,\S+", text)
