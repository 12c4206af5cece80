"""What becomes of the bytes of a download, however they are split (dahua-cgi 11)."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any, cast

import pytest

from custom_components.nvr.core import errors
from custom_components.nvr.core.drivers.dahua.dhav import Window
from custom_components.nvr.core.drivers.dahua.downloads import DahuaDownload, _Way, sniff
from custom_components.nvr.core.models import Container

from .dhav import START, frame

SECOND = timedelta(seconds=1)
FILE = b"".join(frame(0xFD, bytes(50), START + number * SECOND, number) for number in range(30))
MP4 = b"\x00\x00\x00\x18ftypisom" + bytes(6000)


class Answer:
    """An answer whose bytes come in given pieces."""

    def __init__(self, chunks: Iterable[bytes], length: int | None = None) -> None:
        self.status = 200
        self.headers = {} if length is None else {"Content-Length": str(length)}
        self._chunks = iter([chunk for chunk in chunks if chunk])

    async def read(self) -> bytes:
        return next(self._chunks, b"")


async def fetched(chunks: Iterable[bytes], length: int | None = None, **way: Any) -> tuple[bytes, DahuaDownload]:
    download = DahuaDownload(cast("Any", Answer(chunks, length)), _Way("file", "x", "", way.pop("window", None), **way))
    await download.begin()
    return b"".join([chunk async for chunk in download]), download


def pieces(data: bytes, size: int) -> list[bytes]:
    return [data[at : at + size] for at in range(0, len(data), size)]


@pytest.mark.parametrize("size", [1, 3, 24, 100, 5000, 100_000])
async def test_containers_are_told_by_their_first_bytes(size: int) -> None:
    data, download = await fetched(pieces(MP4, size), len(MP4))
    assert (data, download.container, download.size) == (MP4, Container.MP4, len(MP4))
    data, download = await fetched(pieces(b"junk" * 50 + FILE, size), 200 + len(FILE))
    assert (data, download.container, download.size) == (FILE, Container.DHAV, len(FILE))
    assert sniff(b"\xff\xd8\xff\xe0") is Container.JPEG


async def test_parts_around_the_frames_go_and_no_size_is_promised() -> None:
    head, tail = b'--b\r\nContent-Type: application/json\r\n\r\n{"result":true}\r\n--b\r\n\r\n', b"\r\n--b--\r\n"
    data, download = await fetched([head + FILE + tail], len(head + FILE + tail))
    assert (data, download.size) == (FILE, None)


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (b"", errors.NvrResponseError),
        (b"Error\r\nBad Request!\r\n", errors.NvrResponseError),
        (b"<html>" + bytes(200), errors.NvrResponseError),
    ],
)
async def test_words_are_no_footage(answer: bytes, error: type[errors.NvrError]) -> None:
    for size in (1, 500):
        with pytest.raises(error):
            await fetched(pieces(answer, size))


async def test_what_ends_too_early_is_told() -> None:
    with pytest.raises(errors.NvrResponseError, match="within a frame"):
        await fetched([FILE[:-3]])
    with pytest.raises(errors.NvrResponseError, match=r"\d+ of \d+"):
        await fetched([FILE], listed=len(FILE) + 200_000)
    with pytest.raises(errors.NvrResponseError, match=r"\d+ of \d+"):
        await fetched([MP4], len(MP4) + 1)
    # Without a length in the answer the list tells, of a part too: nothing else than DHAV is cut.
    for part in (None, Window(START, START + SECOND, lambda digits, _last: digits)):
        with pytest.raises(errors.NvrResponseError, match=r"\d+ of \d+"):
            await fetched([MP4], listed=len(MP4) + 200_000, window=part)
        data, download = await fetched([MP4], listed=len(MP4) + 100, window=part)
        assert (data, download.container, download.size) == (MP4, Container.MP4, None)
        data, download = await fetched([MP4], len(MP4), listed=len(MP4) + 100, window=part)
        assert (data, download.container, download.size) == (MP4, Container.MP4, len(MP4))
    part = Window(START, START + 10 * SECOND, lambda digits, _last: digits)
    assert (await fetched([FILE], window=part, listed=len(FILE) + 200_000))[0] == FILE[: len(FILE) // 3]
    window = Window(START, START + 60 * SECOND, lambda digits, _last: digits)
    with pytest.raises(errors.NvrResponseError, match="before the end"):
        await fetched([FILE], window=window, ends=START + 60 * SECOND)
    assert (await fetched([FILE], window=window, ends=START + 40 * SECOND))[0] == FILE
