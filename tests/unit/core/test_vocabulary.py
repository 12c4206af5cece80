"""What analytics say of an event means the same for all families."""

import pytest

from custom_components.nvr.core.models import DetectionTarget, EventDirection
from custom_components.nvr.core.vocabulary import direction_of, plate_of, target_of


@pytest.mark.parametrize(
    ("words", "target"),
    [
        (("human", "Human", "HumanFace", " person\n", "people"), DetectionTarget.PERSON),
        (("vehicle", "Vehicle", "Motor", "NonMotor"), DetectionTarget.VEHICLE),
        (("animal", "Animal"), DetectionTarget.ANIMAL),
        (("others", "Unknown", "drone"), DetectionTarget.OTHER),
        (("", "  "), None),
    ],
)
def test_targets(words: tuple[str, ...], target: DetectionTarget | None) -> None:
    assert {target_of(word) for word in words} == {target}


def test_directions() -> None:
    assert direction_of("LeftToRight") is EventDirection.LEFT_TO_RIGHT
    assert direction_of("Enter") is EventDirection.ENTER
    assert direction_of(" reverse ") is EventDirection.REVERSE
    assert direction_of("unknown") is None
    assert direction_of("") is None


def test_plates() -> None:
    assert plate_of(" B-XY  123 ") == "B-XY 123"
    assert plate_of("UNKNOWN") == "UNKNOWN"
    assert [plate_of(text) for text in ("", "unknown", "-", " ")] == [None] * 4
