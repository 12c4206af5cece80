"""Machine-readable channel and time in every picture: 2 rows of 32 black or white cells along the bottom edge.

Bits, most significant first: marker 6, channel 8, milliseconds since 1970 (UTC) 42, CRC-8 8. Cells are fractions of
the picture, so that a scaled copy reads the same.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

type Luma = NDArray[np.uint8]

COLUMNS = 32
ROWS = 2
ROW_FRACTION = 1 / 45
BLACK, WHITE = 16, 235
_MARKER = 0b101100
_MARKER_BITS, _CHANNEL_BITS, _TIME_BITS, _CRC_BITS = 6, 8, 42, 8
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MIN_CONTRAST = 60

TIMECODE_JS = Path(__file__).with_name("timecode.js").read_text(encoding="utf-8")


@dataclass(frozen=True, slots=True)
class TimeCode:
    """What a picture says about itself: channel and true time (UTC, whole milliseconds)."""

    channel: int
    time: datetime


def _crc8(value: int, bits: int) -> int:
    """Return the CRC-8 (polynomial 0x07) of the lowest `bits` bits, a multiple of two."""
    crc = 0xFF
    for shift in range(bits - 1, -1, -1):
        top = (crc >> 7) ^ ((value >> shift) & 1)
        crc = ((crc << 1) & 0xFF) ^ (0x07 if top else 0)
    return crc


def strip_rows(height: int) -> int:
    """Return the height of one row of cells, in picture lines (even, so that chroma lines fit)."""
    return max(2, round(height * ROW_FRACTION / 2) * 2)


def code_bits(channel: int, milliseconds: int) -> int:
    """Return the 64 bits that say channel and time."""
    value = ((channel & 0xFF) << _TIME_BITS) | milliseconds
    crc = _crc8(value, _CHANNEL_BITS + _TIME_BITS)
    return (_MARKER << (64 - _MARKER_BITS)) | (value << _CRC_BITS) | crc


def paint_timecode(luma: Luma, channel: int, milliseconds: int) -> None:
    """Paint the strip into a luma plane, in place."""
    height, width = luma.shape
    row = strip_rows(height)
    bits = code_bits(channel, milliseconds)
    cells = np.frombuffer(f"{bits:064b}".encode(), dtype=np.uint8).reshape(ROWS, COLUMNS) - ord("0")
    edges = np.round(np.arange(COLUMNS + 1) * width / COLUMNS).astype(np.intp)
    levels = (cells * (WHITE - BLACK) + BLACK).astype(np.uint8)
    lines = np.repeat(levels, np.diff(edges), axis=1)
    luma[height - ROWS * row :, :] = np.repeat(lines, row, axis=0)


def read_timecode(luma: Luma) -> TimeCode | None:
    """Read the strip of a luma or gray picture of any size; None when it does not hold together."""
    height, width = luma.shape
    row = height * ROW_FRACTION
    cell = width / COLUMNS
    means = np.empty(ROWS * COLUMNS)
    for index in range(ROWS * COLUMNS):
        line, column = divmod(index, COLUMNS)
        top = height - (ROWS - line) * row
        y0, y1 = int(top + row * 0.25), max(int(top + row * 0.25) + 1, int(top + row * 0.75))
        x0, x1 = int((column + 0.25) * cell), max(int((column + 0.25) * cell) + 1, int((column + 0.75) * cell))
        means[index] = luma[y0:y1, x0:x1].mean()
    return _decode(means)


def _decode(means: NDArray[np.float64]) -> TimeCode | None:
    wanted = [(_MARKER >> shift) & 1 for shift in range(_MARKER_BITS - 1, -1, -1)]
    light = float(np.mean([means[i] for i, bit in enumerate(wanted) if bit]))
    dark = float(np.mean([means[i] for i, bit in enumerate(wanted) if not bit]))
    if light - dark < _MIN_CONTRAST:
        return None
    bits = int("".join("1" if mean > (light + dark) / 2 else "0" for mean in means), 2)
    value = (bits >> _CRC_BITS) & ((1 << (_CHANNEL_BITS + _TIME_BITS)) - 1)
    channel, milliseconds = value >> _TIME_BITS, value & ((1 << _TIME_BITS) - 1)
    if bits != code_bits(channel, milliseconds):
        return None
    return TimeCode(channel, _EPOCH + timedelta(milliseconds=milliseconds))
