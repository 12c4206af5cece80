"""Clocks that are kept by NTP, zones with summer time, and states of the recording that are told in odd ways."""

from datetime import timedelta
import json

import pytest

from custom_components.nvr.core import errors
from custom_components.nvr.core.drivers.hikvision.wire_health import parse_working_status, wall_like, with_text
from tests.simulators.switches import PathFault

from ..rigs.hikvision import recorder

pytestmark = pytest.mark.usefixtures("socket_enabled")
STATE = "/ISAPI/System/workingstatus"


@pytest.mark.parametrize("suffix", ["right", "standard", "none"])
async def test_a_clock_that_ntp_keeps_is_set_by_hand_and_left_to_ntp_again(suffix: str) -> None:
    async with recorder("nvr8", utc_offset=60, dst=True, skew=77) as (simulator, driver):
        simulator.faults.clock.suffix = suffix
        assert simulator.faults.clock.mode == "NTP"
        assert driver.clock_setter is not None
        clock = await driver.clock_setter.set_now()
        assert abs(simulator.clock.skew) < timedelta(seconds=3)
        assert abs(clock.skew) < timedelta(seconds=3)
        assert simulator.faults.clock.mode == "NTP"


async def test_a_clock_that_takes_the_time_keeps_its_mode_and_is_written_once() -> None:
    async with recorder("nvr8", skew=-30) as (simulator, driver):
        simulator.faults.clock.kept = False
        assert driver.clock_setter is not None
        await driver.clock_setter.set_now()
        assert simulator.counters.writes == 1
        assert simulator.faults.clock.mode == "NTP"


async def test_a_clock_that_stays_wrong_is_told() -> None:
    async with recorder("nvr8", skew=500) as (simulator, driver):
        assert driver.clock_setter is not None
        simulator.faults.clock.fixed = "2004-01-01T00:00:00+08:00"
        with pytest.raises(errors.NvrResponseError):
            await driver.clock_setter.set_now()
        assert simulator.faults.clock.mode == "NTP"


@pytest.mark.parametrize(
    "entries",
    [
        pytest.param([{"chanNo": 33, "record": 1}, {"chanNo": 34, "record": 1}], id="counted another way"),
        pytest.param([{"chanNo": 1, "record": True}], id="not all of them"),
        pytest.param([{"chanNo": "1", "record": "yes"}, {"chanNo": 2}, {}], id="in other words"),
    ],
)
async def test_a_state_that_is_not_of_our_channels_says_nothing(entries: list[dict[str, object]]) -> None:
    async with recorder("nvr8", channels=2) as (simulator, driver):
        body = json.dumps({"WorkingStatus": {"ChanStatus": entries}})
        simulator.faults.paths[STATE] = PathFault(kind="body", status=200, body=body)
        assert driver.recording_status is not None
        assert await driver.recording_status.recording([1, 2]) == {}


async def test_a_state_that_is_not_served_is_asked_for_once() -> None:
    async with recorder("nvr8", channels=2) as (simulator, driver):
        simulator.faults.paths[STATE] = PathFault(status=404, code=4, sub="notSupport")
        assert driver.recording_status is not None
        assert await driver.recording_status.recording([1]) == {}
        asked = simulator.counters.requests
        assert await driver.recording_status.recording([1]) == {}
        assert simulator.counters.requests == asked


def test_numbers_tell_as_words_do_wherever_the_list_stands() -> None:
    body = (
        b'{"status": {"list": [{"chanNo": 1, "record": 0}, {"chanNo": 2, "record": true}, {"chanNo": 3, "record": 7}]}}'
    )
    assert parse_working_status(body) == {1: False, 2: True}
    with pytest.raises(errors.NvrResponseError):
        parse_working_status(b"<html>")


def test_one_text_is_changed_and_nothing_else() -> None:
    body = b'<x:Time xmlns:x="u">\n <x:timeMode opt="a">NTP</x:timeMode><x:localTime>1</x:localTime></x:Time>'
    assert with_text(body, "timeMode", "manual") == body.replace(b"NTP", b"manual")
    for name in ("absent", "Time"):
        with pytest.raises(errors.NvrResponseError):
            with_text(body, name, "1")
    with pytest.raises(errors.NvrResponseError):
        with_text(body + body, "localTime", "1")


@pytest.mark.parametrize(
    ("shown", "suffix"), [("1T1:00:00+08:00", "+08:00"), ("1T1:00:00Z", "Z"), ("2026-01-02T01:00:00", "")]
)
def test_an_offset_is_written_as_the_recorder_writes_it(shown: str, suffix: str) -> None:
    assert wall_like(shown, "2026-06-01T12:00:00") == f"2026-06-01T12:00:00{suffix}"
