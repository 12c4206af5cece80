from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from tests.simulators.clock import DstRule, SimClock, WireClock, make_zone, posix_text

MADRID = make_zone(timedelta(hours=1), DstRule())


def test_posix_text_has_the_sign_of_the_west() -> None:
    assert posix_text(timedelta(hours=-3, minutes=-30)) == "CST3:30:00"
    assert posix_text(timedelta(hours=1), DstRule()) == "CST-1:00:00CDT-2:00:00,M3.5.0/2,M10.5.0/3"


def test_rules_agree_with_the_time_zone_database() -> None:
    judge = ZoneInfo("Europe/Madrid")
    start = datetime(2026, 1, 1, 0, 30, tzinfo=UTC)
    for hour in range(0, 24 * 366, 5):
        moment = start + timedelta(hours=hour)
        assert moment.astimezone(MADRID).replace(tzinfo=None) == moment.astimezone(judge).replace(tzinfo=None)


def test_skew_and_zone_go_both_ways() -> None:
    clock = SimClock(MADRID, skew=timedelta(seconds=-90), epoch=lambda: 1_785_000_000.0)
    assert clock.now() == datetime.fromtimestamp(1_785_000_000, UTC)
    assert clock.device_now() == clock.now() - timedelta(seconds=90)
    assert clock.to_true(clock.to_device(clock.now())) == clock.now()


def test_days_of_the_recorder_are_23_and_25_hours_long() -> None:
    clock = SimClock(MADRID)
    lengths = [
        clock.day_start(day + timedelta(days=1)) - clock.day_start(day)
        for day in (date(2026, 3, 29), date(2026, 7, 1), date(2026, 10, 25))
    ]
    assert lengths == [timedelta(hours=23), timedelta(hours=24), timedelta(hours=25)]


@pytest.mark.parametrize(("mode", "digits"), [("utc", "2026-07-01 10:00:00"), ("local", "2026-07-01 12:00:00")])
def test_wire_digits_mean_utc_or_wall_time(mode: str, digits: str) -> None:
    wire = WireClock(SimClock(MADRID), "utc" if mode == "utc" else "local")
    moment = datetime(2026, 7, 1, 10, tzinfo=UTC)
    assert str(wire.encode(moment)) == digits
    assert wire.decode(wire.encode(moment)) == moment


def test_shift_moves_the_present() -> None:
    clock = SimClock(shift=timedelta(days=-100), epoch=lambda: 1_785_000_000.0)
    assert clock.now() == datetime.fromtimestamp(1_785_000_000, UTC) - timedelta(days=100)
