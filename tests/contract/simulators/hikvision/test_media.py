"""Pictures, streams and files, decoded by PyAV and Pillow: every frame says which channel and moment it shows."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from io import BytesIO
import re
from typing import Any

import av
import numpy as np
from PIL import Image
import pytest

from tests.simulators.footage import Kind, RecordedFile
from tests.simulators.hikvision import PASSWORD, USER, HikvisionSimulator, SimulatorOptions
from tests.simulators.video.timecode import TimeCode, read_timecode

from ..conftest import next_pictures
from .rig import WRONG, Visitor, find, search_all

QUICK = timedelta(seconds=4)


@pytest.fixture(name="options")
def streaming_options() -> SimulatorOptions:
    return SimulatorOptions(latency_ms=0, main_size=(480, 270), gop_seconds=1.0)


def _open(url: str) -> Any:
    options = {"rtsp_transport": "tcp", "timeout": "8000000", "analyzeduration": "600000", "fflags": "nobuffer"}
    return av.open(url, options=options, timeout=8)


async def watch(url: str, count: int) -> tuple[list[TimeCode], list[str]]:
    """Return what the first frames of an address say, and the names of its codecs."""

    def read() -> tuple[list[TimeCode], list[str]]:
        with _open(url) as container:
            names = [stream.codec_context.name for stream in container.streams if stream.type in {"video", "audio"}]
            return next_pictures(container, count), names

    return await asyncio.to_thread(read)


def address(simulator: HikvisionSimulator, path: str, password: str = PASSWORD) -> str:
    return f"rtsp://{USER}:{password}@127.0.0.1:{simulator.rtsp_port}{path}"


@pytest.mark.parametrize(
    ("path", "channel", "codecs"),
    [
        ("/Streaming/Channels/101", 1, ["h264"]),
        ("/streaming/channels/202", 2, ["h264"]),
        ("/Streaming/Channels/201?transportmode=unicast", 2, ["hevc"]),
        ("/ISAPI/Streaming/channels/301", 3, ["h264", "aac"]),
        ("/h264/ch33/sub/av_stream", 1, ["h264"]),
    ],
)
async def test_live_shows_the_present(
    simulator: HikvisionSimulator, path: str, channel: int, codecs: list[str]
) -> None:
    codes, names = await watch(address(simulator, path), 6)
    assert {code.channel for code in codes} == {channel}
    assert abs(codes[-1].time - simulator.now()) < QUICK
    assert names == codecs


async def test_refused_addresses(simulator: HikvisionSimulator) -> None:
    await simulator.set_channel_online(4, online=False)
    for path in ("/Streaming/Channels/401", "/Streaming/Channels/9901", "/nowhere", "/Streaming/tracks/101"):
        with pytest.raises((av.error.HTTPError, av.error.FFmpegError)):
            await watch(address(simulator, path), 1)


async def test_wrong_passwords_by_rtsp_and_http_are_counted_together(simulator: HikvisionSimulator) -> None:
    simulator.faults.auth.lock_tries = 3
    assert (await Visitor(simulator, WRONG).get("System/deviceInfo")).status_code == 401
    for _ in range(2):
        with pytest.raises(av.error.FFmpegError):
            await watch(address(simulator, "/Streaming/Channels/101", WRONG), 1)
    assert simulator.counters.lockouts == 1
    locked = await Visitor(simulator).get("System/deviceInfo")
    assert b"<lockStatus>lock</lockStatus>" in locked.content
    with pytest.raises(av.error.FFmpegError):
        await watch(address(simulator, "/Streaming/Channels/101"), 1)
    simulator.login.unlock()
    assert await watch(address(simulator, "/Streaming/Channels/101"), 1)


def short_file(simulator: HikvisionSimulator, channel: int = 1) -> RecordedFile:
    """Return a closed event file of the last day that is cheap to encode."""
    now = simulator.now()
    files = simulator.footage.files(channel, now - timedelta(days=1), now - timedelta(minutes=5))
    return min((f for f in files if f.kind is not Kind.CONTINUOUS), key=lambda f: f.end - f.start)


@pytest.mark.parametrize("mode", ["local", "utc"])
async def test_playback_address_of_a_search_plays_its_footage(simulator: HikvisionSimulator, mode: str) -> None:
    simulator.faults.search.mode = mode
    file = short_file(simulator)
    wire = simulator.search.wire
    items = await search_all(Visitor(simulator), 101, wire.encode(file.start), wire.encode(file.end))
    uri = next(find(i, "playbackURI") or "" for i in items if find(i, "name") == file.name)
    codes, _ = await watch(uri.replace("rtsp://", f"rtsp://{USER}:{PASSWORD}@"), 5)
    assert abs(codes[0].time - file.start) < timedelta(seconds=1.2)
    assert {code.channel for code in codes} == {1}


@pytest.fixture(name="fetch")
def fetch_fixture(simulator: HikvisionSimulator) -> Callable[..., Any]:
    visitor = Visitor(simulator)

    async def fetch(uri: str, *, method: str = "GET", query: bool = False) -> Any:
        escaped = uri.replace("&", "&amp;")
        body = f"<downloadRequest><playbackURI>{escaped}</playbackURI></downloadRequest>"
        path = "/ISAPI/ContentMgmt/download"
        if query:
            return await visitor.ask("GET", path, params={"playbackURI": uri})
        return await visitor.ask(method, path, data=body)

    return fetch


def seen(data: bytes, *, skip: int = 40, form: str = "mpeg") -> tuple[list[TimeCode], float]:
    """Decode a downloaded file: what its frames say, and how many seconds it lasts."""
    with av.open(BytesIO(data[skip:]), "r", format=form) as container:
        times = [frame.time for frame in container.decode(video=0)]
    with av.open(BytesIO(data[skip:]), "r", format=form) as container:
        return next_pictures(container, 1), times[-1] - times[0]


@pytest.mark.parametrize("channel", [1, 2])
async def test_download_is_the_whole_file_as_program_stream(
    simulator: HikvisionSimulator, fetch: Callable[..., Any], channel: int
) -> None:
    file = short_file(simulator, channel)
    uri = simulator.search.playback_uri(channel * 100 + 1, file)
    answers = [await fetch(uri, method=method) for method in ("GET", "POST")]
    answers.append(await fetch(uri.replace("&", "&\n "), query=True))
    for answer in answers:
        assert answer.status_code == 200
        assert len(answer.content) == file.size == int(answer.headers["Content-Length"])
        assert answer.content[:4] == b"IMKH"
        assert answer.content[40:44] == b"\x00\x00\x01\xba"
    codes, length = seen(answers[0].content)
    assert codes[0].channel == channel
    assert abs(codes[0].time - file.start) <= timedelta(seconds=1)
    assert abs(length - (file.end - file.start).total_seconds()) < 1.2
    with av.open(BytesIO(answers[0].content), format="mpeg") as container:
        assert container.streams.video[0].codec_context.name == ("hevc" if channel == 2 else "h264")


async def test_download_dialects(simulator: HikvisionSimulator, fetch: Callable[..., Any]) -> None:
    file = short_file(simulator)
    uri = simulator.search.playback_uri(101, file)
    faults = simulator.faults.download
    for changes, asked, status in (
        ({"verbs": "post"}, uri, 403),
        ({"verbs": "get,post"}, re.sub(r"&size=\d+", "", uri), 400),
        ({"need_size": False}, re.sub(r"&size=\d+", "", uri), 200),
        ({"by_name": False}, uri, 400),
        ({"by_time": True}, re.sub(r"&name=.*", "", uri), 200),
        ({"by_name": True}, uri.replace(file.name, "00000000000000000"), 200),
        ({"by_time": False}, uri.replace(file.name, "00000000000000000"), 400),
        ({"status": 403}, uri, 403),
    ):
        simulator.apply_faults({f"download.{name}": value for name, value in changes.items()})
        if changes != {"by_name": True}:
            assert (await fetch(asked)).status_code == status, changes
    faults.status, faults.container, faults.length = 0, "ps", False
    bare = await fetch(uri)
    assert bare.content[:4] == b"\x00\x00\x01\xba"
    assert "Content-Length" not in bare.headers


async def test_download_faults(simulator: HikvisionSimulator, fetch: Callable[..., Any]) -> None:
    uri = simulator.search.playback_uri(101, short_file(simulator))
    faults = simulator.faults.download
    faults.ok_status = 1
    told = await fetch(uri)
    assert (told.status_code, b"deviceError" in told.content) == (200, True)
    faults.cut_after = 100_000
    with pytest.raises(OSError, match=r"(?i)connection"):
        await fetch(uri)
    faults.cut_after, faults.fail_soon = 0, 1.0
    assert (await fetch(uri)).status_code == 400
    faults.fail_soon, faults.rate = 0.0, 2_000_000
    both = await asyncio.gather(fetch(uri), fetch(uri))
    assert sorted(answer.status_code for answer in both) == [200, 503]
    async with asyncio.timeout(2):
        while simulator.counters.downloads_active:
            await asyncio.sleep(0.01)


async def test_mp4_and_pictures(simulator: HikvisionSimulator, fetch: Callable[..., Any]) -> None:
    file = short_file(simulator)
    picture = await fetch(simulator.search.playback_uri(103, file))
    assert picture.headers["Content-Type"] == "image/jpeg"
    assert Image.open(BytesIO(picture.content)).format == "JPEG"
    simulator.faults.download.container = "mp4"
    movie = await fetch(simulator.search.playback_uri(101, file))
    assert movie.content[4:8] == b"ftyp"
    codes, _ = seen(movie.content, skip=0, form="mp4")
    assert abs(codes[0].time - file.start) <= timedelta(seconds=1)


async def test_snapshot_is_the_present(simulator: HikvisionSimulator) -> None:
    visitor = Visitor(simulator)
    answer = await visitor.get("Streaming/channels/302/picture?videoResolutionWidth=640&videoResolutionHeight=360")
    assert answer.headers["Content-Type"] == "image/jpeg"
    picture = Image.open(BytesIO(answer.content))
    assert picture.size == (640, 360)
    code = read_timecode(np.asarray(picture.convert("L")))
    assert code is not None
    assert code.channel == 3
    assert abs(code.time - simulator.now()) < QUICK


async def test_snapshot_failures(simulator: HikvisionSimulator) -> None:
    visitor, faults = Visitor(simulator), simulator.faults.snapshot
    path = "Streaming/channels/101/picture"
    for mode, status in (("badXmlContent", 400), ("deviceError", 500), ("lowPrivilege", 403), ("busy", 503)):
        faults.mode = mode
        assert (await visitor.get(path)).status_code == status
    faults.as_ok = True
    assert (await visitor.get(path)).status_code == 200
    faults.mode, faults.count = "deviceError", 2
    kinds = [(await visitor.get(path)).headers["Content-Type"].partition(";")[0] for _ in range(3)]
    assert kinds == ["application/xml", "application/xml", "image/jpeg"]
    faults.by_proxy, faults.as_ok = True, False
    assert (await visitor.get(path)).status_code == 400
    assert (await visitor.get("ContentMgmt/StreamingProxy/channels/101/picture")).content[:3] == b"\xff\xd8\xff"
    faults.by_proxy, faults.mode = False, "empty"
    assert (await visitor.get(path)).content == b""


async def test_playback_hangs_or_is_full(simulator: HikvisionSimulator) -> None:
    file = short_file(simulator)
    uri = simulator.search.playback_uri(101, file).replace("rtsp://", f"rtsp://{USER}:{PASSWORD}@")
    simulator.rtsp.options.playback_limit = 0
    with pytest.raises(av.error.FFmpegError):
        await watch(uri, 1)
    simulator.rtsp.options.playback_limit = 4
    assert (await watch(uri, 1))[0]
