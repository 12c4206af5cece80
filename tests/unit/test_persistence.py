"""What is remembered comes back as it was, and a file of another version does no harm."""

from datetime import UTC, datetime
import json

import pytest

from custom_components.nvr.const import MAX_ENABLED_DETECTIONS
from custom_components.nvr.core.models import (
    AudioCodec,
    Channel,
    ChannelKind,
    EventKind,
    RecorderInfo,
    RecorderKind,
    StreamProfile,
    StreamRole,
    VideoCodec,
)
from custom_components.nvr.detections import DetectionKey, enabled_by_default
from custom_components.nvr.edges import Announced
from custom_components.nvr.persistence import Memory, from_json, to_json

MEMORY = Memory(
    info=RecorderInfo("SN1", "Shop", "Acme", "N8", "V1", RecorderKind.HYBRID, "hikvision", mac="02:00:00:00:00:01"),
    channels=(
        Channel(
            number=1,
            id="SN1_1",
            name="Till",
            kind=ChannelKind.ANALOG,
            online=False,
            profiles=(
                StreamProfile(StreamRole.MAIN, "101", VideoCodec.H265, 3840, 2160, 12.5, 4096, AudioCodec.AAC),
                StreamProfile(StreamRole.SUB, "102", VideoCodec.H264, enabled=False),
            ),
            detections=frozenset({EventKind.MOTION, EventKind.TAMPER}),
            camera_serial="C1",
        ),
    ),
    driver={"quirks": {"a": 1}},
    announced={0: Announced(online=False, since=datetime(2026, 3, 1, tzinfo=UTC))},
    reasons={0: "timeout"},
    seen={1: {"loitering", "io_input_2"}},
    profile="auto",
)


def test_memory_survives_the_file() -> None:
    assert from_json(json.loads(json.dumps(to_json(MEMORY)))) == MEMORY
    assert from_json(json.loads(json.dumps(to_json(Memory())))) == Memory()


def test_words_of_a_newer_version_are_left_out() -> None:
    raw = json.loads(json.dumps(to_json(MEMORY)))
    raw["info"]["colour"] = "red"
    raw["info"]["kind"] = "drone"
    raw["channels"][0]["detections"].append("ufo")
    raw["channels"][0]["profiles"][0]["video"] = "h277"
    found = from_json(raw)
    assert found.info is not None
    assert found.info.kind is RecorderKind.NVR
    assert found.channels[0].detections == MEMORY.channels[0].detections
    assert found.channels[0].profiles[0].video is VideoCodec.UNKNOWN


@pytest.mark.parametrize("raw", [{}, {"info": None}, {"info": {}, "channels": []}])
def test_a_file_that_is_none_of_ours_is_refused(raw: dict[str, object]) -> None:
    with pytest.raises((KeyError, TypeError, ValueError)):
        from_json(raw)


@pytest.mark.parametrize("key", [DetectionKey(EventKind.LINE_CROSSING), DetectionKey(EventKind.IO_INPUT, 12)])
def test_detection_keys_read_back(key: DetectionKey) -> None:
    assert DetectionKey.parse(str(key)) == key


@pytest.mark.parametrize("text", ["ufo", "io_input_x", "motion_3", ""])
def test_unknown_detection_keys_are_none(text: str) -> None:
    assert DetectionKey.parse(text) is None


def test_few_detections_are_enabled_by_default() -> None:
    everything = frozenset(DetectionKey(kind) for kind in EventKind)
    chosen = enabled_by_default(everything)
    assert len(chosen) == MAX_ENABLED_DETECTIONS
    assert DetectionKey(EventKind.MOTION) in chosen
    assert enabled_by_default(frozenset({DetectionKey(EventKind.PARKING)})) == frozenset()
