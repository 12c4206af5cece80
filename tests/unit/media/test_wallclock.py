"""From RTP time to wall time, with what recorders are known to write."""

from datetime import UTC, datetime, timedelta

import pytest

from custom_components.nvr.media.rtsp.wallclock import (
    WallClock,
    ntp_to_ticks,
    parse_clock_range,
    parse_rtptime,
)
from custom_components.nvr.media.ticks import (
    RATE,
    ceil_datetime,
    from_datetime,
    from_seconds,
    from_timedelta,
    to_datetime,
    to_seconds,
)

ASKED = datetime(2026, 11, 20, 8, tzinfo=UTC)
T = from_datetime(ASKED)
NOW = T + 30 * 3600 * RATE
NTP = 2_208_988_800


def ntp(ticks: int) -> int:
    return ((ticks // RATE + NTP) << 32) + ((ticks % RATE) << 32) // RATE


def clock(offset: float = 0.0, seconds: int = 3600, rate: int = RATE) -> WallClock:
    return WallClock(T, T + seconds * RATE, round(offset * RATE), rate)


def near(found: int, wanted: float) -> bool:
    return abs(found - T - wanted * RATE) <= 1


def test_ticks_round_trip() -> None:
    moment = ASKED + timedelta(microseconds=123_457)
    assert abs(to_datetime(from_datetime(moment)) - moment) <= timedelta(microseconds=12)
    for ticks in range(T, T + 20):
        assert from_datetime(ceil_datetime(ticks)) == ticks
    assert from_timedelta(timedelta(seconds=1.5)) == 135_000
    assert from_seconds(0.1) == 9000
    assert to_seconds(45_000) == 0.5


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("clock=20261120T080000Z-", 0),
        ("clock = 20261120t080001.250z-20261120T090000Z", 1.25),
        ("clock=20261120T075957-", -3),
        ("clock=20261399T080000Z-", None),
        ("npt=0.000-", None),
        ("", None),
    ],
)
def test_clock_range(text: str, seconds: float | None) -> None:
    found = parse_clock_range(text)
    assert found is None if seconds is None else found == T + seconds * RATE


def test_rtptime() -> None:
    assert parse_rtptime("url=rtsp://x/trackID=1;seq=4;rtptime=4294967295") == 0xFFFFFFFF
    assert parse_rtptime("url=x") is None
    assert near(ntp_to_ticks(ntp(T + 45_000)), 0.5)


def test_without_evidence_the_first_frame_is_the_asked_moment() -> None:
    wall = clock()
    wall.play_answer("", "")
    assert near(wall.time_of(5000), 0)
    assert near(wall.time_of(5000 + 3600), 0.04)
    assert not wall.verified


def test_play_answer_moves_the_first_frame() -> None:
    wall = clock()
    wall.play_answer("clock=20261120T075957Z-", "")
    assert near(wall.time_of(5000), -3)
    relative = clock(offset=3600)
    relative.play_answer("npt=-3.200-", "")
    assert near(relative.time_of(5000), -3.2)


def test_play_answer_with_rtptime_ties_that_time() -> None:
    wall = clock()
    wall.play_answer("clock=20261120T075957Z-", "url=x;rtptime=5000")
    assert near(wall.time_of(5000 + RATE), -2)
    nonsense = clock()
    nonsense.play_answer("clock=20261120T075957Z-", "url=x;rtptime=0")
    assert near(nonsense.time_of(3_000_000_000), -3)


@pytest.mark.parametrize("offset", [0.0, 3600.0, -5 * 3600.0])
@pytest.mark.parametrize("device_wall", [False, True])
def test_times_in_utc_and_in_device_wall_time_are_told_apart(offset: float, device_wall: bool) -> None:
    written = offset if device_wall else 0
    wall = clock(offset)
    moment = (ASKED + timedelta(seconds=written - 3)).strftime("clock=%Y%m%dT%H%M%SZ-")
    wall.play_answer(moment, "")
    assert near(wall.time_of(0), -3)
    reported = clock(offset)
    reported.sender_report(ntp(T + round((written - 3) * RATE)), 9, NOW)
    assert near(reported.time_of(9), -3)
    assert reported.verified


def test_play_answer_from_another_day_is_not_believed() -> None:
    wall = clock()
    wall.play_answer("clock=20251120T080000Z-", "")
    assert near(wall.time_of(0), 0)


def test_first_report_corrects_what_was_given_out() -> None:
    wall = clock()
    wall.time_of(0)
    assert wall.take_correction() == 0
    wall.sender_report(ntp(T - 5 * RATE), 0, NOW)
    assert near(T + wall.take_correction(), -5)
    assert wall.take_correction() == 0
    assert near(wall.time_of(RATE), -4)
    assert wall.generation == 1


def test_report_before_the_first_frame_needs_no_correction() -> None:
    wall = clock()
    for _ in range(6):
        wall.sender_report(ntp(T - 2 * RATE), 700, NOW)
    assert near(wall.time_of(700), -2)
    assert wall.take_correction() == 0


def test_recorder_that_reports_the_present_is_not_believed() -> None:
    wall = clock(seconds=31 * 3600)
    wall.play_answer("clock=20261120T075957Z-", "")
    wall.time_of(0)
    wall.sender_report(ntp(NOW), 0, NOW)
    assert near(wall.time_of(0), -3)
    assert not wall.verified
    device = clock(offset=7200, seconds=40 * 3600)
    device.time_of(0)
    device.sender_report(ntp(NOW + 7200 * RATE), 0, NOW)
    assert near(device.time_of(0), 0)


def test_present_is_believed_when_the_present_plays() -> None:
    wall = clock(seconds=31 * 3600)
    wall.time_of(0)
    wall.sender_report(ntp(T + 2 * RATE), 0, T + 3 * RATE)
    assert near(wall.time_of(0), 2)


def test_report_far_from_the_play_answer_has_another_base() -> None:
    wall = clock()
    wall.play_answer("clock=20261120T075957Z-", "")
    wall.time_of(0)
    wall.sender_report(ntp(T + 600 * RATE), 0, NOW)
    assert near(wall.time_of(0), -3)


def test_report_outside_of_the_footage_is_not_believed() -> None:
    wall = clock()
    wall.time_of(0)
    wall.sender_report(ntp(T - 3600 * RATE), 0, NOW)
    wall.sender_report(ntp(T + 7200 * RATE), 0, NOW)
    assert near(wall.time_of(0), 0)


def test_jump_over_a_gap_is_seen_by_the_next_report() -> None:
    wall = clock()
    wall.sender_report(ntp(T), 0, NOW)
    assert near(wall.time_of(10 * RATE), 10)
    wall.sender_report(ntp(T + 250 * RATE), 10 * RATE, NOW)
    assert near(wall.time_of(11 * RATE), 251)
    assert wall.take_correction() == 0
    # What jitters by a little stays continuous.
    wall.sender_report(ntp(T + 252 * RATE + 9000), 12 * RATE, NOW)
    assert near(wall.time_of(12 * RATE), 252)


def test_rtp_time_wraps_in_both_directions() -> None:
    wall = clock()
    wall.time_of(0xFFFFFFFF - 89_999)
    assert near(wall.time_of(0), 1)
    assert near(wall.time_of(0xFFFFFFFF - 89_999), 0)
    wall.sender_report(ntp(T), (0xFFFFFFFF - 89_999), NOW)
    assert near(wall.time_of(90_000), 2)
    backwards = clock()
    backwards.time_of(1000)
    backwards.sender_report(ntp(T - RATE), 0xFFFFFFFF - 88_999, NOW)
    assert near(backwards.time_of(1000), 0)


def test_other_clock_rates_are_scaled() -> None:
    wall = clock(rate=1000)
    wall.time_of(0)
    assert near(wall.time_of(2500), 2.5)


@pytest.mark.parametrize(("said", "seconds"), [("npt=900.000-", 0), ("npt=898.5-1800", -1.5), ("npt=0.000-", -900)])
def test_clock_of_a_file_begins_where_the_answer_says(said: str, seconds: float) -> None:
    found = WallClock(T, T + 900 * RATE, 0, npt=900 * RATE)
    found.play_answer(said, "")
    assert near(found.time_of(77), seconds)


def test_clock_of_a_file_believes_a_report_from_its_beginning() -> None:
    found = WallClock(T, T + 900 * RATE, 0, npt=900 * RATE)
    found.sender_report(ntp(T - 900 * RATE), 77, NOW)
    assert near(found.time_of(77), -900)


def test_live_reports_count_in_any_zone_and_only_near_the_present() -> None:
    for zone in (0, 3600, -34_200, 45_900):
        made = WallClock(NOW, NOW + 3600 * RATE, live=True)
        assert made.time_of(1000) == NOW
        made.sender_report(ntp(NOW + round((zone - 0.5) * RATE)), 1000, NOW)
        assert abs(made.time_of(1000) - (NOW - RATE // 2)) <= 1
    made.sender_report(ntp(NOW + 400 * RATE), 1000, NOW)
    assert abs(made.time_of(1000) - (NOW - RATE // 2)) <= 1


def test_scaled_playback_squeezes_rtp_time_unless_reports_show_that_it_does_not() -> None:
    made = WallClock(T, T + 3600 * RATE, scale=8.0)
    assert made.time_of(0) == T
    assert made.time_of(RATE) == T + 8 * RATE
    made.sender_report(ntp(T + 8 * RATE), RATE, T + 10**9 * RATE)
    made.sender_report(ntp(T + 16 * RATE), 2 * RATE, T + 10**9 * RATE)
    assert abs(made.time_of(3 * RATE) - (T + 24 * RATE)) <= 1
    whole = WallClock(T, T + 3600 * RATE, scale=8.0)
    whole.time_of(0)
    whole.sender_report(ntp(T), 0, T + 10**9 * RATE)
    whole.sender_report(ntp(T + 5 * RATE), 5 * RATE, T + 10**9 * RATE)
    assert whole.scale == 1.0
    assert abs(whole.time_of(6 * RATE) - (T + 6 * RATE)) <= 1


def test_a_paused_session_goes_on_where_its_answer_says_unless_that_says_nothing() -> None:
    made = WallClock(T, T + 3600 * RATE)
    made.time_of(0)
    assert made.time_of(20 * RATE) == T + 20 * RATE
    made.resumed(f"clock={ASKED + timedelta(seconds=18):%Y%m%dT%H%M%SZ}-", "url=rtsp://x/trackID=1;rtptime=1800100")
    assert abs(made.time_of(1_800_100) - (T + 18 * RATE)) <= 1
    for silent in ("", "npt=0.000000-", "clock=20200101T000000Z-"):
        made.resumed(silent, "url=rtsp://x/trackID=1;rtptime=1800200")
        assert abs(made.time_of(1_800_200) - (T + 18 * RATE + 100)) <= 1
