"""What the judges share: times of footage, pages that must be there, and readers of files."""

from datetime import UTC, datetime, timedelta
from io import BytesIO

import av

from tests.simulators.dahua import DahuaSimulator
from tests.simulators.video.timecode import TimeCode, read_timecode

from ..conftest import gray
from .visitor import Visitor, table

WRONG = "wrong-pass-1"
SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)


async def values(visitor: Visitor, call: str) -> dict[str, str]:
    """Ask for what cannot fail, and read its lines."""
    status, text = await visitor.cgi(call)
    assert (status, text[:5].lower() != "error") == (200, True), (call, status, text)
    return table(text)


async def config(visitor: Visitor, name: str) -> dict[str, str]:
    return await values(visitor, f"configManager.cgi?action=getConfig&name={name}")


def yesterday(simulator: DahuaSimulator, hour: int = 10, minute: int = 0, second: int = 0) -> datetime:
    """Return a wall time of the unit's yesterday."""
    day = simulator.clock.date_of(simulator.clock.now()) - timedelta(days=1)
    wall = datetime(day.year, day.month, day.day, hour, minute, second, tzinfo=simulator.clock.zone)
    return simulator.clock.to_true(wall)


def look(data: bytes) -> tuple[list[str], list[tuple[datetime, TimeCode]]]:
    """Read DHAV as FFmpeg does: names of codecs, and each picture's time by the container and by its time code."""
    shown = []
    with av.open(BytesIO(data), "r") as container:
        assert container.format.name == "dhav"
        names = [stream.codec_context.name for stream in container.streams]
        for picture in container.decode(video=0):
            assert isinstance(picture, av.VideoFrame)
            code = read_timecode(gray(picture))
            assert code is not None
            assert picture.pts is not None
            shown.append((datetime.fromtimestamp(picture.pts / 1000, UTC), code))
    return names, shown


def frames(data: bytes) -> tuple[int, list[tuple[int, int]]]:
    """Return where the first frame begins and (type, length) of all, found by sums and trailers alone."""
    at = first = next(
        i for i in range(len(data)) if data[i : i + 4] == b"DHAV" and sum(data[i : i + 23]) & 0xFF == data[i + 23]
    )
    found = []
    while at < len(data):
        length = int.from_bytes(data[at + 12 : at + 16], "little")
        assert data[at : at + 4] == b"DHAV"
        assert data[at + length - 8 : at + length] == b"dhav" + data[at + 12 : at + 16]
        found.append((data[at + 4], length))
        at += length
    return first, found
