"""The order in which months are asked for."""

from datetime import date

from custom_components.nvr.recording_watch import months_back, months_between


def test_months_go_back_over_the_turn_of_the_year() -> None:
    found = months_back(date(2026, 2, 14))
    assert found[:4] == [(2026, 2), (2026, 1), (2025, 12), (2025, 11)]
    assert len(found) == len(set(found)) == 60


def test_months_between_hold_both_ends() -> None:
    assert months_between(date(2025, 11, 30), date(2026, 1, 1)) == [(2025, 11), (2025, 12), (2026, 1)]
    assert months_between(date(2026, 1, 1), date(2026, 1, 31)) == [(2026, 1)]
