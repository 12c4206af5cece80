"""What FFmpeg makes of sound, and the makers above it."""

from fractions import Fraction
import threading

import av
import numpy as np
from numpy.typing import NDArray
import pytest

from custom_components.nvr.media.aac import FRAME, AacConfig, make_config
from custom_components.nvr.media.audio import AudioFormat, AudioGrid, AudioUnit
from custom_components.nvr.media.audio_codec import silence, transcode
from custom_components.nvr.media.audio_maker import AudioMaker, target_of
from custom_components.nvr.media.pool import WorkPool
from custom_components.nvr.media.ticks import RATE

ORIGIN = 1_763_600_000 * RATE


def tone(rate: int, seconds: float, hertz: float = 500) -> NDArray[np.int16]:
    """Return a tone that swells, so that every moment sounds different."""
    at = np.arange(int(rate * seconds)) / rate
    return (np.sin(2 * np.pi * hertz * at) * 12_000 * (0.3 + 0.7 * at / seconds)).astype(np.int16)


def encoded(codec: str, samples: NDArray[np.int16], rate: int, channels: int = 1) -> list[bytes]:
    context = av.CodecContext.create(codec, "w")
    assert isinstance(context, av.AudioCodecContext)
    context.sample_rate, context.layout, context.format = rate, "stereo" if channels == 2 else "mono", "s16"
    context.time_base = Fraction(1, rate)
    if codec.startswith("g726"):
        context.options = {"code_size": "4"}
    step = rate // 50
    packets = []
    for first in range(0, len(samples), step):
        part = np.repeat(samples[first : first + step], channels)[None, :]
        frame = av.AudioFrame.from_ndarray(part, "s16", "stereo" if channels == 2 else "mono")
        frame.sample_rate, frame.pts, frame.time_base = rate, first, context.time_base
        packets += context.encode(frame)
    packets += context.encode(None)
    return [bytes(packet) for packet in packets if packet.size]


def dated(pieces: list[bytes], source: AudioFormat) -> list[AudioUnit]:
    time, found = ORIGIN, []
    for piece in pieces:
        found.append(AudioUnit(time, piece))
        time += source.ticks_of(piece)
    return found


def decoded(frames: list[bytes], config: AacConfig) -> NDArray[np.float32]:
    context = av.CodecContext.create("aac", "r")
    assert isinstance(context, av.AudioCodecContext)
    context.extradata = config.data
    return np.concatenate([frame.to_ndarray()[0] for data in frames for frame in context.decode(av.Packet(data))])


@pytest.mark.parametrize(
    ("codec", "source", "channels"),
    [
        ("pcm_alaw", AudioFormat("pcm_alaw", 8000, 1, 8), 1),
        ("pcm_mulaw", AudioFormat("pcm_mulaw", 8000, 1, 8), 1),
        ("g722", AudioFormat("g722", 16_000, 1, 4), 1),
        ("g726le", AudioFormat("g726le", 8000, 1, 4), 1),
        ("pcm_s16be", AudioFormat("pcm_s16be", 16_000, 2, 16), 2),
        ("pcm_s16le", AudioFormat("pcm_s16le", 48_000, 1, 16), 1),
        # A rate that AAC does not have is made one that it has.
        ("pcm_s16le", AudioFormat("pcm_s16le", 14_000, 1, 16), 1),
    ],
    ids=lambda value: f"{value.decoder}-{value.rate}" if isinstance(value, AudioFormat) else None,
)
def test_sound_becomes_aac_of_the_same_moments(codec: str, source: AudioFormat, channels: int) -> None:
    samples = tone(source.rate, 3.0)
    units = dated(encoded(codec, samples, source.rate, channels), source)
    config = target_of(source)
    assert (config.channels, config.object_type) == (channels, 2)
    grid = AudioGrid(config.rate, ORIGIN)
    halves = [grid.slots(ORIGIN + int(at * RATE), ORIGIN + int((at + 1) * RATE)) for at in (0.5, 1.5)]
    frames = [frame for slots in halves for frame in transcode(units, source, grid, config, slots)]
    assert len(frames) == halves[1].stop - halves[0].start
    sound = decoded(frames, config)[FRAME:]  # the first frame lacks its predecessor
    begin = grid.begin(halves[0].start + 1) / config.rate
    at = begin + np.arange(len(sound)) / config.rate
    # The seam between the two halves is in the middle of it. G.722's filters take 1.4 ms.
    noises = []
    for late in np.arange(0, 0.002, 1 / 48_000):
        expected = np.interp(at - late, np.arange(len(samples)) / source.rate, samples / 32768)
        noises.append(float(np.sqrt(np.mean((sound - expected) ** 2)) / np.sqrt(np.mean(expected**2))))
    assert min(noises) < 0.12, noises
    assert noises.index(min(noises)) <= (70 if codec == "g722" else 1)


def test_units_that_cannot_be_decoded_and_missing_ones_are_silence() -> None:
    source = AudioFormat("aac", 16_000, config=AacConfig(b"\x14\x0c", 2, 16_000, 1, 960))
    config = target_of(source)
    assert config == make_config(16_000, 1)
    units = [AudioUnit(ORIGIN + number * 5400, b"\xff" * 20) for number in range(20)]
    frames = transcode(units, source, AudioGrid(16_000, ORIGIN), config, range(10))
    assert float(np.abs(decoded(frames, config)).max()) < 0.01
    assert float(np.abs(decoded([silence(config)] * 4, config)).max()) < 0.001


def test_aac_that_players_take_stays_as_it_is() -> None:
    stereo = AudioFormat("aac", 48_000, 2, config=make_config(48_000, 2))
    assert target_of(stereo) is stereo.config
    surround = AudioFormat("aac", 48_000, 6, config=make_config(48_000, 6))
    assert target_of(surround) == make_config(48_000, 2)


@pytest.fixture
async def pool() -> WorkPool:
    return WorkPool()


async def test_frames_of_the_recorder_are_passed_on_untouched(pool: WorkPool) -> None:
    config = make_config(16_000, 1)
    source = AudioFormat("aac", 16_000, config=config)
    first = ORIGIN - 3000
    maker = await AudioMaker.open(source, first, ORIGIN, pool)
    assert maker is not None
    assert maker.track.config is config
    units = [AudioUnit(first + number * 5760, bytes([number])) for number in range(40)]
    made = await maker.samples(ORIGIN, ORIGIN + RATE, [(source, units)])
    assert [sample.data for sample in made] == [bytes([number]) for number in range(1, 17)]
    assert made[0].dts == round((5760 - 3000) * 16_000 / RATE)
    assert all(sample.duration == FRAME for sample in made)
    # Another session in which the format differs goes on in the format of the track.
    other = AudioFormat("pcm_alaw", 8000, 1, 8)
    heard = dated(encoded("pcm_alaw", tone(8000, 3.0), 8000), other)
    made = await maker.samples(ORIGIN + RATE, ORIGIN + 2 * RATE, [(other, heard)])
    assert float(np.abs(decoded([sample.data for sample in made], config)).max()) > 0.1
    # In the middle of a segment, too.
    half = ORIGIN + RATE // 2
    behind = [(source, [unit for unit in units if unit.time < half]), (other, [u for u in heard if u.time >= half])]
    mixed = [sample.data for sample in await maker.samples(ORIGIN, ORIGIN + RATE, behind)]
    assert mixed[:8] == [bytes([number]) for number in range(1, 9)]
    assert float(np.abs(decoded(mixed[8:], config)).max()) > 0.1
    # And where nothing was heard, or in a format nobody knows, there is silence.
    for nothing in ([], [(AudioFormat("no-such-decoder", 8000, 1, 8), heard)]):
        quiet = await maker.samples(ORIGIN + RATE, ORIGIN + 2 * RATE, nothing)
        assert [sample.dts for sample in quiet] == [sample.dts for sample in made]
        assert float(np.abs(decoded([sample.data for sample in quiet], config)).max()) < 0.001
    await pool.aclose()


async def test_sound_nobody_can_make_is_left_out(pool: WorkPool, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(_: AacConfig) -> bytes:
        raise av.FFmpegError(1, "no encoder")

    monkeypatch.setattr("custom_components.nvr.media.audio_maker.silence", fails)
    assert await AudioMaker.open(AudioFormat("pcm_alaw", 8000, 1, 8), None, ORIGIN, pool) is None
    await pool.aclose()


async def test_pool_runs_beside_the_loop_and_ends_its_threads(pool: WorkPool) -> None:
    assert await pool.run(threading.get_ident) != threading.get_ident()
    with pytest.raises(ZeroDivisionError):
        await pool.run(lambda: 1 // 0)
    await pool.aclose()
    await pool.aclose()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("nvr-media")]
