"""A loudspeaker of no brand: what reached it, who speaks, and how it sounds to somebody who stands before it."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
import time

import numpy as np
from numpy.typing import NDArray

RATE = 8000
# What it can keep until it is time to play it (s); what comes earlier is lost, and heard as a hole.
BUFFER = 2.0
_BIAS = 132


def _levels() -> tuple[NDArray[np.int16], NDArray[np.int16]]:
    """Return what each byte of A-law and of mu-law means (G.711), by the standard's own arithmetic."""
    code = np.arange(256)
    turned = code ^ 0x55
    exponent, mantissa = (turned >> 4) & 7, turned & 15
    step = np.where(exponent == 0, (mantissa << 4) + 8, ((mantissa << 4) + 264) << np.maximum(exponent - 1, 0))
    alaw = np.where(turned & 0x80, step, -step)
    flipped = ~code & 0xFF
    exponent, mantissa = (flipped >> 4) & 7, flipped & 15
    step = (((mantissa << 3) + _BIAS) << exponent) - _BIAS
    ulaw = np.where(flipped & 0x80, -step, step)
    return alaw.astype(np.int16), ulaw.astype(np.int16)


_ALAW, _ULAW = _levels()


@dataclass(slots=True, eq=False)
class Loudspeaker:
    """One loudspeaker. `codec` is pcma or pcmu; `talker` is who speaks now, anything that names him."""

    codec: str = "pcma"
    talker: object | None = None
    talks: int = 0
    refused: int = 0
    lost: int = 0
    heard: bytearray = field(default_factory=bytearray)
    _begun: float = 0.0
    _played: int = 0

    def begin(self, talker: object) -> bool:
        """Let somebody speak; False while somebody else does."""
        if self.talker is not None and self.talker != talker:
            self.refused += 1
            return False
        self.talker = talker
        self.talks += 1
        self._begun = 0.0
        self._played = 0
        return True

    def end(self, talker: object | None = None) -> None:
        """End a talk: this one's, or whoever's it is."""
        if talker is None or self.talker == talker:
            self.talker = None

    def hear(self, sound: bytes) -> None:
        """Take what is said; what comes too early is lost."""
        now = time.monotonic()
        self._begun = self._begun or now
        room = int((now - self._begun + BUFFER) * RATE) - self._played
        kept = sound[: max(0, room)]
        self.lost += len(sound) - len(kept)
        self._played += len(kept)
        self.heard += kept

    async def listen(self, incoming: AsyncIterator[bytes]) -> None:
        """Hear all that comes."""
        async for sound in incoming:
            self.hear(sound)

    def samples(self) -> NDArray[np.int16]:
        """Return what sounded."""
        table = _ALAW if self.codec == "pcma" else _ULAW
        return table[np.frombuffer(bytes(self.heard), dtype=np.uint8)]


def tones(samples: NDArray[np.int16], *, piece: float = 0.1) -> list[int]:
    """Return the pitches (Hz, to 10) that are heard one after the other; silence and what is no tone are left out."""
    size = int(piece * RATE)
    found: list[int] = []
    for start in range(0, len(samples) - size + 1, size):
        part = samples[start : start + size].astype(np.float64)
        if np.sqrt(np.mean(part**2)) < 500:
            continue
        power = np.abs(np.fft.rfft(part * np.hanning(size), n=RATE)) ** 2
        peak = int(np.argmax(power))
        if power[max(0, peak - 25) : peak + 26].sum() < 0.8 * power.sum():
            continue
        pitch = round(peak / 10) * 10
        if not found or found[-1] != pitch:
            found.append(pitch)
    return found
