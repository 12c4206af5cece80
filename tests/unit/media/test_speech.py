"""Sound made fit for a loudspeaker, and sent as fast as it sounds."""

import asyncio

import numpy as np
import pytest

from custom_components.nvr.core.errors import NvrUnsupportedError
from custom_components.nvr.core.models import AudioCodec
from custom_components.nvr.media.speech import NoSoundError, encode_speech, speak
from tests.simulators.loudspeaker import Loudspeaker, tones
from tests.simulators.tone import beeps

CODECS = {AudioCodec.G711_ALAW: "pcma", AudioCodec.G711_ULAW: "pcmu"}


class Clock:
    """Time that passes only while somebody sleeps."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 50.0
        monkeypatch.setattr("custom_components.nvr.media.speech.asyncio.sleep", self.sleep)

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds


class Line:
    """A line that notes when it was given what; each piece takes `cost` seconds."""

    codec = AudioCodec.G711_ALAW

    def __init__(self, clock: Clock, cost: float = 0.0) -> None:
        self.clock = clock
        self.cost = cost
        self.sent: list[tuple[float, int]] = []

    async def send(self, sound: bytes) -> None:
        self.sent.append((self.clock.now - 50.0, len(sound)))
        self.clock.now += self.cost


@pytest.mark.parametrize("codec", CODECS)
def test_a_stereo_file_becomes_what_a_loudspeaker_plays(codec: AudioCodec) -> None:
    made = encode_speech(beeps((500, 900, 1500), seconds=0.5), codec)
    speaker = Loudspeaker(CODECS[codec])
    speaker.heard += made
    assert tones(speaker.samples()) == [500, 900, 1500]
    assert abs(len(made) / 8000 - 2.1) < 0.02
    # Silence before and behind, so that neither the first nor the last word is lost.
    assert np.abs(speaker.samples()[: int(0.19 * 8000)]).max() < 20
    assert np.abs(speaker.samples()[-int(0.39 * 8000) :]).max() < 20


def test_what_is_too_long_is_cut() -> None:
    made = encode_speech(beeps((500,), seconds=3.0), AudioCodec.G711_ALAW, longest=1.0)
    assert len(made) == int(8000 * 1.6)


@pytest.mark.parametrize(
    "data", [b"", b"nothing of the kind", b"#EXTM3U\n#EXTINF:1\nfile:///etc/passwd\n", bytes(5000)]
)
def test_what_holds_no_sound_is_refused(data: bytes) -> None:
    with pytest.raises(NoSoundError):
        encode_speech(data, AudioCodec.G711_ALAW)


def test_only_g711_is_made() -> None:
    with pytest.raises(NvrUnsupportedError):
        encode_speech(beeps((500,), seconds=0.1), AudioCodec.AAC)


def test_sound_is_sent_as_fast_as_it_sounds(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch)
    line = Line(clock)
    asyncio.run(speak(line, bytes(16_000), monotonic=clock))
    assert sum(size for _, size in line.sent) == 16_000
    assert {size for _, size in line.sent} == {160}
    for number, (at, _) in enumerate(line.sent):
        assert number * 0.02 - 0.13 <= at <= number * 0.02
    assert clock.now == pytest.approx(52.0)


def test_a_slow_line_is_not_made_slower(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch)
    line = Line(clock, cost=0.03)
    asyncio.run(speak(line, bytes(8000), monotonic=clock))
    assert clock.now == pytest.approx(50.0 + 50 * 0.03)
