"""Sound files that are known again by their pitches."""

from collections.abc import Sequence
from io import BytesIO
import wave

import numpy as np

RATE = 22_050


def beeps(pitches: Sequence[int], *, seconds: float) -> bytes:
    """Return a WAV file of stereo beeps, one after the other, so many seconds each."""
    time = np.arange(int(RATE * seconds)) / RATE
    edge = np.clip(np.minimum(time, seconds - time) * 200, 0, 1)
    mono = np.concatenate([np.sin(2 * np.pi * pitch * time) * edge * 12_000 for pitch in pitches]).astype("<i2")
    out = BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(np.repeat(mono, 2).tobytes())
    return out.getvalue()
