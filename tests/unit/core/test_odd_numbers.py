"""Numbers and times that no recorder can mean: they are dropped where they are read, and cost nobody anything."""

from datetime import timedelta
from xml.etree import ElementTree as ET

import pytest

from custom_components.nvr.core.clock import parse_wall, uptime_of
from custom_components.nvr.core.drivers.dahua.wire_find import parse_stamp
from custom_components.nvr.core.drivers.dahua.wire_rpc import keep_alive_seconds, lock_seconds, parse_reply
from custom_components.nvr.core.drivers.hikvision.wire_search import parse_moment
from custom_components.nvr.core.errors import NvrBusyError, NvrResponseError
from custom_components.nvr.core.transport.xml import integer, whole

ODD = ("", "-", "--5", "1e999", "-1e999", "NaN", "inf", "9" * 16, "9" * 5000, "0x10", "five")


@pytest.mark.parametrize("odd", ODD)
def test_odd_whole_numbers(odd: str) -> None:
    element = ET.Element("a")
    element.text = odd
    assert integer(element) is None
    assert whole(odd) is None


def test_whole_numbers() -> None:
    assert [whole(text) for text in ("5", "-5", "+5", "007")] == [5, -5, 5, 7]


@pytest.mark.parametrize("seconds", [None, -1.0, 1e12, 10**15, float("nan"), float("inf")])
def test_odd_uptimes(seconds: float | None) -> None:
    assert uptime_of(seconds) is None


def test_uptime() -> None:
    assert uptime_of(90061) == timedelta(days=1, hours=1, minutes=1, seconds=1)


@pytest.mark.parametrize("year", ["0001", "1899", "2201", "9999"])
def test_the_ends_of_the_calendar(year: str) -> None:
    assert parse_wall(f"{year}-12-31T23:59:59+14:00") is None
    assert parse_stamp(f"{year}-12-31 23:59:59") is None
    with pytest.raises(NvrResponseError):
        parse_moment(f"{year}-12-31T23:59:59Z")


@pytest.mark.parametrize(("asked", "kept"), [(-5.0, 0.0), (30.0, 30.0), (1e9, 300.0), (float("inf"), 300.0)])
def test_nobody_is_told_to_wait_for_ever(asked: float, kept: float) -> None:
    assert NvrBusyError("busy", retry_after=asked).retry_after == kept


def test_sessions_and_locks_last_a_day_at_most() -> None:
    huge = "9" * 300
    reply = parse_reply(
        f'{{"result": true, "params": {{"keepAliveInterval": {huge}, "remainLockSecond": {huge}}}}}'.encode()
    )
    assert keep_alive_seconds(reply) is None
    assert lock_seconds(reply) == 86400
