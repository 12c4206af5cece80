"""A stream that is heard and not understood: given up after too long, or too much."""

import pytest

from custom_components.nvr.core.errors import NvrResponseError
from custom_components.nvr.core.transport.noise import MOST, PATIENCE, NoiseLimit


def test_what_is_understood_now_and_then_goes_on_for_ever() -> None:
    limit = NoiseLimit(0.0)
    for turn in range(100):
        limit.heard(MOST, turn * PATIENCE + 1.0, understood=False)
        limit.heard(MOST, turn * PATIENCE + 2.0, understood=True)


def test_too_long() -> None:
    limit = NoiseLimit(5.0)
    limit.heard(1, 5.0 + PATIENCE, understood=False)
    with pytest.raises(NvrResponseError):
        limit.heard(1, 5.1 + PATIENCE, understood=False)


def test_too_much() -> None:
    limit = NoiseLimit(0.0)
    limit.heard(MOST, 0.1, understood=False)
    with pytest.raises(NvrResponseError):
        limit.heard(1, 0.1, understood=False)
