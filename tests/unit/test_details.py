"""What is told of an event is short, whatever a recorder writes."""

from datetime import UTC, datetime

from custom_components.nvr.core.models import EventKind, EventPhase, NvrEvent
from custom_components.nvr.details import cut, cut_name, details

NOW = datetime(2026, 11, 20, 13, tzinfo=UTC)


def test_a_text_is_cut_between_characters() -> None:
    assert cut("abcdef", 4) == "abcd"
    assert cut("é" * 4, 5) == "éé"
    assert cut("\U0001f4f7" * 4, 9) == "\U0001f4f7" * 2
    assert cut('say "é"', 8) == 'say "é'
    assert cut("a\x00b\n", 9) == "a b"


def test_a_name_has_64_characters_and_72_bytes() -> None:
    assert cut_name("N" * 300) == "N" * 64
    assert cut_name("車" * 300) == "車" * 24


def test_what_is_not_known_is_none() -> None:
    told = details(NvrEvent(EventKind.MOTION, EventPhase.START, 1, NOW, NOW))
    assert {name for name, value in told.items() if value is None} == {
        *("target", "region", "rule", "direction", "plate", "face", "port")
    }


def test_long_texts_are_cut() -> None:
    long = "x" * 400
    event = NvrEvent(EventKind.PLATE, EventPhase.PULSE, 1, NOW, NOW, raw_type=long, region=long, plate=long, rule=long)
    told = details(event)
    assert [len(str(told[name])) for name in ("raw_type", "region", "rule", "plate")] == [40, 24, 48, 24]
