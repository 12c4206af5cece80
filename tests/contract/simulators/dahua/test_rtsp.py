"""RTSP of the simulated Dahua unit, judged by FFmpeg through PyAV and, for headers, by a bare client."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
import re
from urllib.parse import quote

import av
import pytest

from tests.simulators.dahua import DahuaSimulator, SimulatorOptions
from tests.simulators.dahua.catalogue import STREAMS, Catalogue, DahuaFile
from tests.simulators.video.timecode import TimeCode, read_timecode

from ..conftest import gray, watch
from ..rtsp_client import RtspClient
from .rig import HOUR, SECOND, WRONG, yesterday


@pytest.fixture(name="profile")
def default_profile() -> str:
    return "new501"


@pytest.fixture(name="options")
def with_rtsp(options: SimulatorOptions) -> SimulatorOptions:
    return replace(options, rtsp=True)


@pytest.fixture(name="unit")
def with_packets_at_once(unit: DahuaSimulator) -> DahuaSimulator:
    unit.rtsp.faults.delivery = 0
    return unit


def url(unit: DahuaSimulator, path: str, password: str = "nvr-test-pass") -> str:
    return f"rtsp://admin:{password}@127.0.0.1:{unit.rtsp_port}{path}"


def digits(unit: DahuaSimulator, moment: datetime) -> str:
    return f"{unit.device.wall(moment):%Y_%m_%d_%H_%M_%S}"


def timed(unit: DahuaSimulator, form: str, channel: int, start: datetime, *, end: datetime | None = None) -> str:
    tail = "" if end is None else f"&endtime={digits(unit, end)}"
    return f"/cam/{form}?channel={channel}&starttime={digits(unit, start)}{tail}"


def epoch(unit: DahuaSimulator, moment: datetime) -> float:
    """Return the wall clock's digits as seconds since 1970, as sender reports carry them."""
    return unit.device.wall(moment).replace(tzinfo=UTC).timestamp()


def a_file(unit: DahuaSimulator, channel: int = 3) -> DahuaFile:
    """Return a long file of yesterday's sub stream, without a hole."""
    catalogue = Catalogue(unit.footage, unit.device.firmware)
    start = yesterday(unit, 10)
    files = catalogue.files(channel, "Extra1", start, start + 2 * HOUR)
    return next(file for file in files if file.end - file.start > timedelta(minutes=10))


@pytest.mark.parametrize("subtype", [0, 1])
async def test_live_shows_the_present(unit: DahuaSimulator, subtype: int) -> None:
    address = url(unit, f"/cam/realmonitor?channel=2&subtype={subtype}")
    codes = await asyncio.to_thread(watch, address, 3)
    assert {code.channel for code in codes} == {2}
    assert abs(unit.now() - codes[-1].time) < 5 * SECOND
    for transport in ("tcp", "udp"):
        assert await asyncio.to_thread(watch, address, 1, transport=transport)


@pytest.mark.parametrize("profile", ["ipc_sd"])
async def test_a_camera_needs_no_path_and_minds_no_more_words(unit: DahuaSimulator) -> None:
    for path in ("/", "/cam/realmonitor?channel=1&subtype=1&unicast=true&proto=Onvif"):
        codes = await asyncio.to_thread(watch, url(unit, path), 1)
        assert codes[0].channel == 1
    start = yesterday(unit, 12, 1)
    file = Catalogue(unit.footage, unit.device.firmware).files(1, "Main", start, start + SECOND)[0]
    assert file.path.startswith("/mnt/sd/")
    codes = await asyncio.to_thread(watch, url(unit, f"/{file.path}"), 3)
    assert timedelta(0) <= min(code.time for code in codes) - file.start < SECOND / 5


@pytest.mark.parametrize(
    ("profile", "form"),
    [("nvr5232", "realmonitor"), ("nvr5464", "playback"), ("new501", "playback"), ("new501", "realmonitor")],
)
async def test_footage_by_time_begins_at_most_a_group_early(unit: DahuaSimulator, form: str) -> None:
    start = yesterday(unit, 14, 33, 21)
    for subtype, pictures in ((0, 20), (1, 10)):
        path = f"{timed(unit, form, 2, start, end=start + 20 * SECOND)}&subtype={subtype}"
        codes = await asyncio.to_thread(watch, url(unit, path), pictures)
        assert min(code.time for code in codes) == start - SECOND
        assert {code.channel for code in codes} == {2}


@pytest.mark.parametrize("profile", ["nvr5232", "nvr5464"])
async def test_the_other_form_does_not_play_the_past(unit: DahuaSimulator, profile: str) -> None:
    start = yesterday(unit, 14)
    if profile == "nvr5232":
        with pytest.raises(av.error.HTTPNotFoundError):
            await asyncio.to_thread(watch, url(unit, timed(unit, "playback", 1, start)), 1)
    else:  # times mean nothing to it: the present comes
        codes = await asyncio.to_thread(watch, url(unit, timed(unit, "realmonitor", 1, start)), 1)
        assert unit.now() - codes[0].time < 5 * SECOND


async def test_what_is_not_there(unit: DahuaSimulator) -> None:
    await unit.set_channel_online(4, online=False)
    start, file = yesterday(unit, 10), a_file(unit)
    async with RtspClient(unit.rtsp_port) as client:
        for path in (
            "/cam/realmonitor?channel=0&subtype=0",
            "/cam/realmonitor?channel=44&subtype=0",
            "/cam/realmonitor?channel=4&subtype=0",
            "/cam/realmonitor?channel=1&subtype=2",
            timed(unit, "playback", 44, start),
            timed(unit, "playback", 1, start + 48 * HOUR, end=start + 49 * HOUR),
            f"/{file.path.replace('/dav/', '/dov/')}",
            "/Streaming/Channels/101",
        ):
            assert (await client.ask("DESCRIBE", client.url(path))).status == 404, path
        assert (await client.ask("DESCRIBE", client.url("/cam/playback?channel=1&starttime=tomorrow"))).status == 400


@pytest.mark.parametrize("spelling", ["raw", "quoted"])
async def test_a_stranger_opens_a_file(unit: DahuaSimulator, spelling: str) -> None:
    file = a_file(unit)
    path = file.path if spelling == "raw" else quote(file.path)
    codes = await asyncio.to_thread(watch, url(unit, f"/{path}"), 10)
    assert timedelta(0) <= min(code.time for code in codes) - file.start < SECOND / 5


async def test_a_file_is_sought_by_seconds_from_its_begin(unit: DahuaSimulator) -> None:
    file = a_file(unit)
    length = (file.end - file.start).total_seconds()
    unit.rtsp.faults.delivery = 10
    unit.rtsp.options.sr_seconds = 0
    async with RtspClient(unit.rtsp_port) as client:
        path = client.url(f"/{file.path}")
        text = (await client.ask("DESCRIBE", path)).body.decode()
        assert f"\r\na=range:npt=0-{length:.6f}\r\n" in text
        assert re.findall(r"a=control:(trackID=\d)", text) == ["trackID=0"]
        assert "a=rtpmap:98 H264/90000" in text
        transport = "RTP/AVP/TCP;unicast;interleaved=0-1"
        answer = await client.ask("SETUP", f"{path}/trackID=0", Transport=transport)
        client.session, _, timeout = answer["session"].partition(";")
        assert timeout == "timeout=60"
        answer = await client.ask("PLAY", path, Range="npt=0-")
        assert answer["range"] == f"npt=0.000000-{length:.6f}"
        for wish in (25.0, 301.0):
            assert (await client.ask("PAUSE", path)).status == 200
            client.packets.clear()
            answer = await client.ask("PLAY", path, Range=f"npt={wish}-")
            begin = float(answer["range"].removeprefix("npt=").partition("-")[0])
            assert wish - 2 <= begin <= wish
            await client.collect(5, lambda packets: any(channel == 0 for channel, _ in packets))
            ntp, _ = client.reports()[0]
            assert abs(ntp - epoch(unit, file.start + begin * SECOND)) < 0.3
        assert (await client.ask("PLAY", path, Range=f"npt={length + 60}-")).status == 457
        await client.ask("PAUSE", path)
        client.packets.clear()
        assert (await client.ask("PLAY", path)).status == 200
        await client.collect(5, lambda packets: len(packets) > 3)
        assert client.rtp()


def _probed(address: str) -> tuple[str, int, int, bool, float | None]:
    """Return what a stranger's probe says: codec, size, whether there is sound, how long it is (s)."""
    options = {"rtsp_transport": "tcp", "analyzeduration": "300000", "fpsprobesize": "0"}
    with av.open(address, options=options, timeout=10) as container:
        video = container.streams.video[0].codec_context
        length = container.duration
        return video.name, video.width, video.height, bool(container.streams.audio), length and length / 1_000_000


FORMS = ("realmonitor", "playback by time", "realmonitor by time", "file")


@pytest.mark.parametrize("form", FORMS)
async def test_every_form_is_described_as_what_it_is(unit: DahuaSimulator, form: str) -> None:
    start = yesterday(unit, 14, 33, 21)
    unit.set_codec(3, "H.265")
    names = {"H.264": "h264", "H.265": "hevc"}
    for number, subtype in ((2, 0), (3, 0), (3, 1)):
        _, settings = unit.device.stream(number, subtype) or pytest.fail("no such stream")
        length = None
        match form.partition(" ")[0]:
            case "file":
                found = Catalogue(unit.footage, unit.device.firmware).files(
                    number, STREAMS[subtype], start, start + HOUR
                )
                path, length = f"/{found[0].path}", (found[0].end - found[0].start).total_seconds()
            case word if "time" in form:
                path = f"{timed(unit, word, number, start, end=start + 20 * SECOND)}&subtype={subtype}"
            case _:
                path = f"/cam/realmonitor?channel={number}&subtype={subtype}"
        codec, width, height, sound, told = await asyncio.to_thread(_probed, url(unit, path))
        assert (codec, width, height) == (names[settings.codec], settings.width, settings.height), (number, subtype)
        assert sound == (settings.audio is not None)
        assert length is None or told == pytest.approx(length, abs=0.01)


def _sought(address: str, seconds: float, count: int) -> list[TimeCode]:
    """Open a file, go to a place in it, and return what the pictures from there on show."""
    with av.open(address, options={"rtsp_transport": "tcp"}, timeout=10) as container:
        container.seek(round(seconds * 1_000_000))
        codes = []
        for frame in container.decode(video=0):
            assert isinstance(frame, av.VideoFrame)
            code = read_timecode(gray(frame))
            assert code is not None
            codes.append(code)
            if len(codes) == count:
                break
        return codes


@pytest.mark.parametrize("wish", [25.0, 301.0])
async def test_a_stranger_seeks_in_a_file(unit: DahuaSimulator, wish: float) -> None:
    file = a_file(unit)
    unit.rtsp.faults.delivery = 10
    codes = await asyncio.to_thread(_sought, url(unit, f"/{file.path}"), wish, 12)
    places = [(code.time - file.start).total_seconds() - wish for code in codes]
    # It may still show what was on its way when it asked; from then on it is the group of the asked second.
    assert any(-2 <= place <= 0.2 for place in places), places


async def test_a_file_ends_in_silence_and_never_runs_into_the_next(unit: DahuaSimulator) -> None:
    file = a_file(unit)
    unit.rtsp.options.sr_seconds = 0
    async with RtspClient(unit.rtsp_port) as client:
        path = client.url(f"/{file.path}")
        await client.ask("DESCRIBE", path)
        answer = await client.ask("SETUP", f"{path}/trackID=0", Transport="RTP/AVP/TCP;unicast;interleaved=0-1")
        client.session = answer["session"].partition(";")[0]
        await client.ask("PLAY", path, Range=f"npt={(file.end - file.start).total_seconds() - 5}-")
        end = epoch(unit, file.end)
        await client.collect(20, lambda _: any(ntp >= end - 0.21 for ntp, _ in client.reports(last=4)))
        await client.collect(0.7)
        newest = max(ntp for ntp, _ in client.reports())
        assert 0 < end - newest <= 0.21
        assert not [data for channel, data in client.packets if channel == 1 and data[1] == 203]
        assert (await client.ask("OPTIONS", path)).status == 200


async def test_the_fifth_playback_is_refused_and_live_is_not(unit: DahuaSimulator) -> None:
    path = timed(unit, "playback", 1, yesterday(unit))
    clients = [RtspClient(unit.rtsp_port) for _ in range(5)]
    try:
        statuses = []
        for client in clients:
            await client.__aenter__()
            await client.ask("DESCRIBE", client.url(path))
            transport = "RTP/AVP/TCP;unicast;interleaved=0-1"
            statuses.append((await client.ask("SETUP", client.url(f"{path}/trackID=0"), Transport=transport)).status)
        assert statuses == [200, 200, 200, 200, 453]
        assert await asyncio.to_thread(watch, url(unit, "/cam/realmonitor?channel=1&subtype=1"), 1)
    finally:
        for client in clients:
            client.writer.close()


async def test_a_session_dies_without_a_word_from_its_client(unit: DahuaSimulator) -> None:
    unit.rtsp.options.session_timeout = 2.0
    path = timed(unit, "playback", 1, yesterday(unit))
    async with RtspClient(unit.rtsp_port) as client:
        await client.ask("DESCRIBE", client.url(path))
        answer = await client.ask(
            "SETUP", client.url(f"{path}/trackID=0"), Transport="RTP/AVP/TCP;unicast;interleaved=0-1"
        )
        client.session = answer["session"].partition(";")[0]
        for _ in range(3):
            await asyncio.sleep(0.8)
            assert (await client.ask("OPTIONS", client.url(path))).status == 200
        assert unit.rtsp.counters.timeouts == 0
        async with asyncio.timeout(20):
            while not unit.rtsp.counters.timeouts:
                await asyncio.sleep(0.1)
        assert (await client.ask("PLAY", client.url(path))).status == 454


async def test_a_wrong_password_counts_for_every_door(unit: DahuaSimulator) -> None:
    unit.faults.auth.lock_times = 2
    for _ in range(2):
        with pytest.raises(av.error.HTTPUnauthorizedError):
            await asyncio.to_thread(watch, url(unit, "/cam/realmonitor?channel=1", WRONG), 1)
    assert unit.login.locked_for("127.0.0.1", "admin") > 0
