"""The sound of a run: what is late, and what is too late."""

from collections.abc import AsyncIterator

import pytest

from custom_components.nvr.media.audio import AudioFormat, AudioUnit
from custom_components.nvr.media.fmp4 import TrackSample
from custom_components.nvr.media.pool import WorkPool
from custom_components.nvr.media.streaming.sound import StreamSound
from custom_components.nvr.media.ticks import RATE

EPOCH = 1_795_000_000 * RATE
SOURCE = AudioFormat("pcm_alaw", 8000, 1, 8)
STEP = RATE // 50
NOISE = bytes(range(160))


@pytest.fixture(name="pool")
async def pool_fixture() -> AsyncIterator[WorkPool]:
    pool = WorkPool()
    yield pool
    await pool.aclose()


async def played(sound: StreamSound, lag: int, seconds: int) -> list[TrackSample]:
    """Play pictures of 0.1 s with sound that is always so late."""
    sound.begin(EPOCH)
    frames = list(sound.take(RATE // 10))
    for at in range(0, seconds * RATE, RATE // 10):
        heard = range(at - lag, at - lag + RATE // 10, STEP)
        await sound.hear(0, [AudioUnit(EPOCH + each, NOISE) for each in heard])
        frames += sound.take(at + RATE // 10)
    return frames


@pytest.mark.parametrize("lag", [0, 0.6, 0.9])
async def test_sound_that_is_always_late_is_heard(pool: WorkPool, lag: float) -> None:
    sound = await StreamSound.open(SOURCE, EPOCH, pool)
    assert sound is not None
    frames = await played(sound, round(lag * RATE), 8)
    quiet = frames[0].data
    assert [frame.dts for frame in frames] == [frames[0].dts + 1024 * index for index in range(len(frames))]
    heard = sum(frame.data != quiet for frame in frames)
    assert heard > len(frames) * 3 // 4


async def test_sound_that_is_far_too_late_is_not_kept(pool: WorkPool) -> None:
    sound = await StreamSound.open(SOURCE, EPOCH, pool)
    assert sound is not None
    frames = await played(sound, 5 * RATE, 30)
    assert len(frames) > 29 * 8000 // 1024 - 16, "pictures do not wait for it"
    assert len(sound._units) <= 100
