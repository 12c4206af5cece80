"""What events mean one after the other (dahua-cgi 12.2)."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from custom_components.nvr.core.clock import DeviceClock, fixed_zone
from custom_components.nvr.core.drivers.dahua.event_state import EventState
from custom_components.nvr.core.drivers.dahua.tables import LOST_STOP
from custom_components.nvr.core.drivers.dahua.wire_event import WireEvent
from custom_components.nvr.core.models import DetectionTarget, EventKind, EventPhase, NvrEvent

NOW = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
SLOW = DeviceClock(fixed_zone(timedelta(hours=8)), timedelta(minutes=-7), NOW)


def state(clock: DeviceClock | None = None) -> EventState:
    return EventState(lambda: clock)


def wire(code: str, action: str = "Start", index: int | None = 0, **data: Any) -> WireEvent:
    return WireEvent(code, action, index, data)


def told(events: EventState, *wires: WireEvent) -> list[tuple[str, str, int | None]]:
    found = [events.feed(each, 0.0, NOW) for each in wires]
    return [(event.kind.value, event.phase.value, event.channel) for event in found if event is not None]


def test_a_start_a_repeat_and_a_stop() -> None:
    events = state()
    assert told(events, wire("VideoMotion", index=4), wire("VideoMotion", index=4), wire("VideoMotion", "Stop", 4)) == [
        ("motion", "start", 5),
        ("motion", "stop", 5),
    ]
    assert events.counters["repeats"] == 1
    assert told(events, wire("VideoMotion", "Stop", 4)) == []
    assert events.counters["unmatched_stops"] == 1


def test_motion_is_over_when_its_last_region_is() -> None:
    assert told(
        state(),
        wire("VideoMotion", Id=[0]),
        wire("VideoMotion", Id=[1, 2]),
        wire("VideoMotion", "Stop", Id=[0]),
        wire("VideoMotion", "Stop", Id=[1, 2]),
    ) == [("motion", "start", 1), ("motion", "stop", 1)]


def test_a_stop_without_regions_ends_them_all() -> None:
    assert told(state(), wire("VideoMotion", Id=[0]), wire("VideoMotion", "Stop")) == [
        ("motion", "start", 1),
        ("motion", "stop", 1),
    ]


def test_a_kind_is_over_when_the_last_code_that_says_so_is() -> None:
    assert told(
        state(),
        wire("VideoLoss"),
        wire("NetMonitorAbort"),
        wire("VideoLoss", "Stop"),
        wire("NetMonitorAbort", "Stop"),
    ) == [("video_loss", "start", 1), ("video_loss", "start", 1), ("video_loss", "stop", 1)]


def test_rules_are_told_apart_and_a_stop_may_lack_its_rule() -> None:
    first: dict[str, Any]
    second: dict[str, Any]
    first, second = {"Name": "gate", "RuleId": 1}, {"Name": "yard", "RuleId": 2}
    events = state()
    assert told(
        events,
        wire("CrossLineDetection", **first),
        wire("CrossLineDetection", **second),
        wire("CrossLineDetection", "Stop", **first),
    ) == [("line_crossing", "start", 1), ("line_crossing", "start", 1)]
    assert told(events, wire("CrossLineDetection", "Stop")) == [("line_crossing", "stop", 1)]
    assert not events.active


def test_a_rule_is_told_after_what_it_began_was_found_by_its_place() -> None:
    second: dict[str, Any] = {"Name": "yard", "RuleId": 2}
    for between in ([], [wire("CrossLineDetection", **second)]):
        events = state()
        begun = events.settle("CrossLineDetection", [0], 1.0, NOW)
        assert [(event.phase, event.channel) for event in begun] == [(EventPhase.START, 1)]
        assert told(events, *between) == []
        assert told(events, wire("CrossLineDetection", "Stop", 1, **second)) == []
        assert told(events, wire("CrossLineDetection", "Stop", **second)) == [("line_crossing", "stop", 1)]
        assert not events.active
        assert events.counters["unmatched_stops"] == 1


@pytest.mark.parametrize(
    ("one", "expected"),
    [
        (wire("DoorbellPressed", "Pulse"), ("doorbell", "pulse", 1)),
        (wire("BackKeyLight", "State", State=1), ("doorbell", "pulse", 1)),
        (wire("TrafficJunction", "Start"), ("plate", "pulse", 1)),
        (wire("AlarmLocal", "Start", 2), ("io_input", "start", None)),
        (wire("StorageFailure", "Start", -1), ("disk_error", "start", None)),
        (wire("NeverHeardOf", "Start", 6), ("unknown", "start", 7)),
        (wire("VideoMotionInfo", "State"), None),
        (wire("BackKeyLight", "State", State=4), None),
        (wire("MDResult", "Pulse"), None),
        (wire("TrafficJunction", "Stop"), None),
    ],
)
def test_what_codes_mean(one: WireEvent, expected: tuple[str, str, int | None] | None) -> None:
    assert told(state(), one) == ([expected] if expected else [])


def one(events: EventState, each: WireEvent) -> NvrEvent:
    event = events.feed(each, 0.0, NOW)
    assert event is not None
    return event


def test_what_the_data_tells() -> None:
    line = one(
        state(), wire("CrossLineDetection", Name="gate", Direction="LeftToRight", Object={"ObjectType": "Human"})
    )
    assert (line.target, line.region, line.text, line.extra) == (
        DetectionTarget.PERSON,
        "gate",
        "gate",
        {"Direction": "LeftToRight"},
    )
    plate = one(state(), wire("TrafficJunction", TrafficCar={"PlateNumber": "XY 12", "PlateColor": "Blue"}))
    assert plate.plate == "XY 12"
    assert one(state(), wire("AlarmLocal", "Start", 2)).port == 3
    assert one(state(), wire("SmartMotionHuman")).target is DetectionTarget.PERSON
    hostile = one(
        state(), wire("CrossLineDetection", Name=["a"], Object="x", UTC="soon", LocaleTime=7, RegionName=[{}])
    )
    assert hostile.occurred_at == NOW


def test_events_are_dated_by_the_recorders_clock_less_its_error() -> None:
    happened = NOW - timedelta(seconds=3)
    shown = happened + SLOW.skew
    epoch = shown.timestamp()
    wall = f"{shown + timedelta(hours=8):%Y-%m-%d %H:%M:%S}"
    by_utc = one(state(SLOW), wire("VideoMotion", UTC=epoch, UTCMS=250.0))
    assert by_utc.occurred_at == happened + timedelta(milliseconds=250)
    assert one(state(SLOW), wire("VideoMotion", LocaleTime=wall)).occurred_at == happened
    # Some write their wall clock into both: what is nearer to now is right.
    wrong = (shown + timedelta(hours=8)).timestamp()
    assert one(state(SLOW), wire("VideoMotion", LocaleTime=wall, UTC=wrong)).occurred_at == happened
    # And a camera with a clock of its own dates nothing.
    assert one(state(SLOW), wire("VideoMotion", UTC=epoch - 9000)).occurred_at == NOW


def test_a_lost_stop_is_asked_about_and_ended() -> None:
    events = state()
    told(events, wire("VideoMotion", index=0), wire("VideoMotion", index=1), wire("AlarmLocal", index=0))
    assert events.next_due() == LOST_STOP
    assert events.codes(due=LOST_STOP - 1) == frozenset()
    assert events.codes(due=LOST_STOP) == {"VideoMotion", "AlarmLocal"}
    ended = events.settle("VideoMotion", [1, 2], LOST_STOP, NOW)
    assert [(event.phase, event.channel) for event in ended] == [(EventPhase.STOP, 1), (EventPhase.START, 3)]
    assert events.counters["lost_stops"] == 1
    assert [event.port for event in events.settle("AlarmLocal", [], LOST_STOP, NOW)] == [1]
    assert events.next_due() == 2 * LOST_STOP


def test_what_began_after_the_question_is_left_alone() -> None:
    events = state()
    events.feed(wire("VideoMotion"), 5.0, NOW)
    assert not events.settle("VideoMotion", [], 4.0, NOW)
    assert events.settle("VideoMotion", [], 6.0, NOW)


def test_a_recorder_that_does_not_answer_is_asked_later() -> None:
    events = state()
    told(events, wire("VideoMotion"))
    events.postpone("VideoMotion", 700.0)
    assert events.next_due() == 700.0


def test_a_longer_hold_is_heeded_and_a_shorter_one_is_not() -> None:
    for hold, due in ((3.0, LOST_STOP), (900.0, 900.0)):
        events = state()
        events.hold = {EventKind.MOTION: hold}
        told(events, wire("VideoMotion"))
        assert events.next_due() == due


def test_a_change_of_the_clock_is_noted() -> None:
    events = state()
    assert told(events, wire("TimeChange", "Pulse")) == []
    assert events.clock_changed
