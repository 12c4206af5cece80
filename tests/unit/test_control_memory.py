"""What was found out of controls survives a restart, not a firmware, and a spoilt file does no harm."""

import json
from typing import Any

import pytest

from custom_components.nvr.control_memory import KnownControls, dump, load
from custom_components.nvr.core.controls import (
    Control,
    ControlId,
    ControlKind,
    ControlPage,
    ControlShape,
    PtzAbilities,
    PtzPreset,
)

PAGE = ControlPage("VideoColor")
BRIGHT = Control(ControlId(ControlKind.BRIGHTNESS, 2), PAGE, ControlShape.NUMBER, 40, 1, 80)
RULE = Control(ControlId(ControlKind.RULE, 2, 3), ControlPage("rules", 2), ControlShape.SWITCH, value=True, name="Gate")
KNOWN = KnownControls(
    "V1",
    {PAGE, ControlPage("ptz", 3)},
    {BRIGHT.id: BRIGHT, RULE.id: RULE},
    {3: PtzAbilities(pan_tilt=True, presets=300)},
    {3: (PtzPreset(1, "Gate"),)},
)


def stored() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(json.dumps(dump(KNOWN)))
    return found


def test_what_is_known_comes_back_without_its_values() -> None:
    found = load(stored())
    assert (found.asked, found.heads, found.presets) == (KNOWN.asked, KNOWN.heads, KNOWN.presets)
    assert found.controls.keys() == KNOWN.controls.keys()
    assert [item.value for item in found.controls.values()] == [None, None]
    bright, rule = found.controls[BRIGHT.id], found.controls[RULE.id]
    assert (bright.low, bright.high, bright.shape, bright.page) == (1, 80, ControlShape.NUMBER, PAGE)
    assert rule.name == "Gate"


def test_a_file_that_knows_of_none_is_one_of_no_firmware() -> None:
    assert load({}) == KnownControls("")


@pytest.mark.parametrize(
    "spoilt",
    [
        {"controls": [["ufo"]]},
        {"controls": [["ufo", 1, None, "page", 1, "number", 0, 1, [], ""]]},
        {"controls": None},
        {"asked": [["page"]]},
        {"heads": {"1": {"flies": True}}},
        {"heads": []},
        {"presets": {"1": [["x", "y"]]}},
    ],
    ids=str,
)
def test_what_cannot_be_read_is_as_good_as_nothing(spoilt: dict[str, Any]) -> None:
    assert load({**stored(), **spoilt}) == KnownControls("V1")
