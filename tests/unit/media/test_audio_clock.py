"""When sound was heard, against the clock of the pictures."""

import pytest

from custom_components.nvr.media.rtsp.audio_clock import AudioClock
from custom_components.nvr.media.rtsp.wallclock import WallClock, parse_rtptime
from custom_components.nvr.media.ticks import RATE

START = 1_763_600_000 * RATE
NOW = START + 100_000 * RATE
PICTURES, SOUND = 4_000_000_000, 777_000


def ntp(ticks: int) -> int:
    return (ticks // RATE + 2_208_988_800 << 32) + -(-(ticks % RATE << 32) // RATE)


def clocks(rate: int = 8000) -> tuple[WallClock, AudioClock]:
    pictures = WallClock(START, START + 3600 * RATE)
    return pictures, AudioClock(pictures, rate)


def test_sound_waits_for_the_first_picture_and_then_goes_with_the_newest() -> None:
    pictures, sound = clocks()
    assert sound.time_of(SOUND) is None
    pictures.time_of(PICTURES)
    pictures.time_of(PICTURES + 3600)
    assert sound.time_of(SOUND) == START + 3600
    assert sound.time_of(SOUND + 320) == START + 7200
    assert sound.time_of(SOUND - 320) == START
    assert sound.take_correction() == 0


def test_play_answer_ties_the_two_tracks() -> None:
    pictures, sound = clocks()
    pictures.time_of(PICTURES)
    sound.play_answer(PICTURES + 1800, SOUND)
    assert sound.time_of(SOUND + 80) == START + 1800 + 900


@pytest.mark.parametrize("answer", [(None, SOUND), (PICTURES, None), (PICTURES, 0)])
def test_play_answer_that_says_nothing_is_not_used(answer: tuple[int | None, int | None]) -> None:
    pictures, sound = clocks()
    pictures.time_of(PICTURES)
    sound.play_answer(*answer)
    assert sound.time_of(SOUND) == START


def test_reports_of_both_tracks_decide_and_correct_what_was_dated() -> None:
    pictures, sound = clocks()
    pictures.time_of(PICTURES)
    assert sound.time_of(SOUND) == START
    sound.sender_report(ntp(START + 50 * 90), SOUND)
    assert sound.time_of(SOUND + 8) == START + 90
    pictures.sender_report(ntp(START), PICTURES, NOW)
    assert sound.time_of(SOUND + 16) == START + 50 * 90 + 180
    assert sound.take_correction() == 50 * 90
    assert sound.verified
    # A report that trembles moves nothing, one that jumps does.
    sound.sender_report(ntp(START + 60 * 90), SOUND)
    assert sound.time_of(SOUND + 16) == START + 50 * 90 + 180
    sound.sender_report(ntp(START + 2 * RATE), SOUND)
    assert sound.time_of(SOUND + 16) == START + 2 * RATE + 180
    assert sound.take_correction() == 0


def test_report_far_from_the_pictures_is_not_believed() -> None:
    pictures, sound = clocks()
    pictures.sender_report(ntp(START), PICTURES, NOW)
    pictures.time_of(PICTURES)
    sound.sender_report(ntp(START + 3000 * RATE), SOUND)
    assert sound.time_of(SOUND) == START
    assert not sound.verified


def test_recorder_that_writes_its_own_digits_into_reports_is_read_by_the_pictures() -> None:
    pictures = WallClock(START, START + 3600 * RATE, offset=3600 * RATE)
    sound = AudioClock(pictures, 16_000)
    pictures.sender_report(ntp(START + 3600 * RATE), PICTURES, NOW)
    pictures.time_of(PICTURES)
    sound.sender_report(ntp(START + 3600 * RATE + 900), SOUND)
    assert sound.time_of(SOUND) == START + 900


def test_sound_without_reports_goes_with_the_corrected_pictures() -> None:
    pictures, sound = clocks()
    pictures.time_of(PICTURES)
    sound.time_of(SOUND)
    pictures.sender_report(ntp(START - 5 * RATE), PICTURES, NOW)
    sound.corrected(pictures.take_correction())
    assert sound.take_correction() == -5 * RATE
    assert sound.time_of(SOUND) == START - 5 * RATE
    # Behind a hole the pictures' clock jumps, and what was dated before stays.
    pictures.sender_report(ntp(START + 20 * RATE), PICTURES + 10 * RATE, NOW)
    assert sound.time_of(SOUND + 80_000) == START + 20 * RATE
    assert sound.take_correction() == 0


def test_correction_of_pictures_before_any_sound_is_only_taken_along() -> None:
    pictures, sound = clocks()
    pictures.time_of(PICTURES)
    pictures.sender_report(ntp(START - 5 * RATE), PICTURES, NOW)
    sound.corrected(pictures.take_correction())
    sound.take_correction()
    assert sound.time_of(SOUND) == START - 5 * RATE


def test_verified_sound_stays_where_its_own_report_put_it() -> None:
    pictures, sound = clocks()
    pictures.sender_report(ntp(START), PICTURES, NOW)
    pictures.time_of(PICTURES)
    sound.sender_report(ntp(START), SOUND)
    sound.time_of(SOUND)
    sound.corrected(777)
    assert sound.take_correction() == 0
    assert sound.time_of(SOUND) == START


def test_time_wraps() -> None:
    pictures, sound = clocks()
    pictures.time_of(PICTURES)
    assert sound.time_of(0xFFFFFFFF) == START
    assert sound.time_of(7) == START + 90


def test_rtptime_of_the_named_track() -> None:
    info = "url=rtsp://h/x/trackID=1;seq=1;rtptime=11,url=rtsp://h/x/trackID=12;seq=2;rtptime=22"
    assert parse_rtptime(info, "rtsp://h/x?a=1/trackID=12") == 22
    assert parse_rtptime(info, "rtsp://h/x/trackID=1") == 11
    assert parse_rtptime(info, "rtsp://h/x/trackID=2") == 11
    assert parse_rtptime(info) == 11
    assert parse_rtptime("url=x;seq=1", "x") is None
