from datetime import UTC, datetime, timedelta
from io import BytesIO

from hypothesis import given, strategies as st
import numpy as np
from PIL import Image
import pytest

from tests.simulators.video.timecode import TimeCode, paint_timecode, read_timecode

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def picture(channel: int, milliseconds: int, size: tuple[int, int] = (640, 360)) -> np.ndarray[tuple[int, int]]:
    noise = np.random.default_rng(1).integers(0, 256, (size[1], size[0]), dtype=np.uint8)
    paint_timecode(noise, channel, milliseconds)
    return noise


@given(st.integers(0, 255), st.integers(0, (1 << 42) - 1))
def test_what_is_painted_is_read(channel: int, milliseconds: int) -> None:
    assert read_timecode(picture(channel, milliseconds)) == TimeCode(
        channel, EPOCH + timedelta(milliseconds=milliseconds)
    )


@pytest.mark.parametrize("shown", [(320, 180), (480, 270), (853, 480), (960, 540), (1366, 768), (1920, 1080)])
@pytest.mark.parametrize("painted", [(352, 288), (640, 360), (960, 540), (1280, 720)])
def test_it_survives_scaling_and_rough_compression(painted: tuple[int, int], shown: tuple[int, int]) -> None:
    image = Image.fromarray(picture(7, 1_800_000_000_123, painted)).resize(shown, Image.Resampling.BILINEAR)
    buffer = BytesIO()
    image.save(buffer, "JPEG", quality=15)
    code = read_timecode(np.asarray(Image.open(buffer).convert("L")))
    assert code == TimeCode(7, EPOCH + timedelta(milliseconds=1_800_000_000_123))


def test_other_pictures_say_nothing() -> None:
    generator = np.random.default_rng(2)
    for _ in range(200):
        assert read_timecode(generator.integers(0, 256, (90, 160), dtype=np.uint8)) is None
    assert read_timecode(np.full((90, 160), 128, np.uint8)) is None


@given(st.integers(0, 63))
def test_one_wrong_cell_is_noticed(cell: int) -> None:
    luma = picture(3, 1_700_000_000_000)
    line, column = divmod(cell, 32)
    part = luma[344 + line * 8 : 352 + line * 8, column * 20 : column * 20 + 20]
    part[:] = 255 - part
    assert read_timecode(luma) is None
