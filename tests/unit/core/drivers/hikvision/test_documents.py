"""Documents that are read, changed in one place and written back: nothing of them may be lost."""

from xml.etree import ElementTree as ET

import pytest

from custom_components.nvr.core.drivers.hikvision.wire_document import changed, render
from custom_components.nvr.core.drivers.hikvision.wire_ptz import parse_presets, preset_body
from custom_components.nvr.core.drivers.hikvision.wire_settings import told
from custom_components.nvr.core.errors import NvrResponseError
from custom_components.nvr.core.transport.xml import parse

ISAPI, OTHER = "http://www.isapi.org/ver20/XMLSchema", "http://www.std-cgi.com/ver20/XMLSchema"
MOTION = f"""<?xml version="1.0" encoding="UTF-8"?>
<MotionDetection version="2.0" xmlns="{ISAPI}">
<enabled>true</enabled><samplingInterval>5</samplingInterval>
<MotionDetectionLayout xmlns="{OTHER}" version="1.0"><sensitivityLevel>60</sensitivityLevel>
<layout><gridMap>fff &amp; more</gridMap></layout><targetType/></MotionDetectionLayout>
</MotionDetection>""".encode()


def shape(body: bytes) -> list[tuple[str, str, tuple[tuple[str, str], ...]]]:
    """Return every element with namespace, text and attributes, in order."""
    root = ET.fromstring(body)
    return [(item.tag, (item.text or "").strip(), tuple(sorted(item.attrib.items()))) for item in root.iter()]


def test_what_is_written_back_is_what_was_read() -> None:
    assert shape(render(parse(MOTION))) == shape(MOTION)


def test_one_place_changes_and_nothing_else() -> None:
    before, after = shape(MOTION), shape(changed(MOTION, "enabled", "false"))
    assert [(old[0], old[1], new[1]) for old, new in zip(before, after, strict=True) if old != new] == [
        (f"{{{ISAPI}}}enabled", "true", "false")
    ]


def test_a_place_that_is_not_there_is_not_made() -> None:
    with pytest.raises(NvrResponseError):
        changed(MOTION, "Grid/rowGranularity", "18")


def test_a_preset_keeps_what_the_list_says_of_it() -> None:
    listed = (
        f'<PTZPresetList xmlns="{ISAPI}"><PTZPreset><enabled>false</enabled><id>4</id><presetName>Preset 4</presetName>'
        "<extra>7</extra></PTZPreset></PTZPresetList>"
    ).encode()
    written = preset_body(listed, 4, "Pond <2>")
    assert [item.tag.rpartition("}")[2] for item in ET.fromstring(written)] == ["enabled", "id", "presetName", "extra"]
    assert [(item.number, item.name, item.enabled) for item in parse_presets(written)] == [(4, "Pond <2>", True)]
    fresh = parse_presets(preset_body(listed, 9, "Shed"))
    assert [(item.number, item.name) for item in fresh] == [(9, "Shed")]


def test_ranges_stand_beside_the_value_or_in_a_document_of_their_own() -> None:
    plain = parse(b"<Color><brightnessLevel>50</brightnessLevel></Color>")
    ranges = parse(b'<ImageCap><Color><brightnessLevel min="1" max="80">50</brightnessLevel></Color></ImageCap>')
    own = parse(b'<Color><brightnessLevel min="0" max="255">50</brightnessLevel></Color>')
    for root, known, expected in ((plain, None, (None, None)), (plain, ranges, (1, 80)), (own, ranges, (0, 255))):
        found = told(root, "brightnessLevel", known)
        assert found is not None
        assert (found.value, found.low, found.high) == ("50", *expected)
    assert told(plain, "hueLevel", ranges) is None
