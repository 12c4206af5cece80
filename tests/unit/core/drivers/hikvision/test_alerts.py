"""Alerts: bytes to shapes, shapes to events."""

from datetime import UTC, datetime, timedelta
import json

import pytest

from custom_components.nvr.core.clock import DeviceClock, fixed_zone
from custom_components.nvr.core.drivers.hikvision import event_state, wire_alert
from custom_components.nvr.core.drivers.hikvision.event_state import ChannelMap, EventState
from custom_components.nvr.core.errors import NvrResponseError
from custom_components.nvr.core.models import DetectionTarget, EventKind, EventPhase, NvrEvent

NOW = datetime(2026, 3, 4, 9, 25, tzinfo=UTC)
WALL = "2026-03-04T10:25:00+08:00"  # the digits count, the suffix lies
START, STOP, PULSE = EventPhase.START, EventPhase.STOP, EventPhase.PULSE


def alert(
    kind: str = "VMD",
    state: str = "active",
    channel: int | None = 1,
    *,
    moment: str = WALL,
    count: int = 1,
    **more: object,
) -> bytes:
    extra = "".join(f"<{name}>{value}</{name}>\n" for name, value in more.items())
    number = "" if channel is None else f"<channelID>{channel}</channelID>\n"
    return (
        '<EventNotificationAlert version="2.0" xmlns="http://www.isapi.org/ver20/XMLSchema">\n'
        f"<ipAddress>10.0.0.1</ipAddress>\n{number}<dateTime>{moment}</dateTime>\n"
        f"<activePostCount>{count}</activePostCount>\n<eventType>{kind}</eventType>\n"
        f"<eventState>{state}</eventState>\n<eventDescription>{kind} alarm</eventDescription>\n{extra}"
        "</EventNotificationAlert>\n"
    ).encode()


class Bench:
    """A state with a clock one hour east of UTC, and seconds to turn."""

    def __init__(
        self, *, channels: tuple[int, ...] = (1, 2, 3, 4), first_ip: int = 1, io_inactive: bool = False
    ) -> None:
        self.clock: DeviceClock | None = DeviceClock(fixed_zone(timedelta(hours=1)), timedelta(0), NOW)
        self.state = EventState(lambda: self.clock, io_inactive=io_inactive)
        self.state.channels = ChannelMap(channels, first_ip)
        self.now = 100.0

    def feed(self, *bodies: bytes, as_json: bool = False) -> list[NvrEvent]:
        found: list[NvrEvent] = []
        for body in bodies:
            found += self.state.feed(body, self.now, NOW, json=as_json)
        return found

    def wait(self, seconds: float) -> list[NvrEvent]:
        self.now += seconds
        return self.state.expire(self.now, NOW)


def told(events: list[NvrEvent]) -> list[tuple[EventKind, EventPhase, int | None]]:
    return [(event.kind, event.phase, event.channel) for event in events]


def test_motion_starts_once_and_ends_by_its_hold() -> None:
    bench = Bench()
    (event,) = bench.feed(alert(count=1), alert(moment="2026-03-04T10:25:01+08:00", count=2))
    assert (event.kind, event.phase, event.channel, event.raw_type) == (EventKind.MOTION, START, 1, "VMD")
    assert (event.occurred_at, event.received_at, event.late) == (NOW, NOW, False)
    assert bench.state.counters["repeats"] == 1
    assert bench.state.counters["alerts"] == 1
    assert bench.state.next_expiry() == 105
    assert bench.wait(4) == []
    assert bench.feed(alert(count=3)) == []
    assert bench.wait(4) == []
    assert told(bench.wait(1.5)) == [(EventKind.MOTION, STOP, 1)]
    assert bench.state.next_expiry() is None
    assert told(bench.feed(alert())) == [(EventKind.MOTION, START, 1)]


def test_an_end_by_word() -> None:
    bench = Bench()
    bodies = [alert("fielddetection"), alert("fielddetection", "inactive"), alert("fielddetection", "inactive")]
    assert [phase for _, phase, _ in told(bench.feed(*bodies))] == [START, STOP]
    assert bench.state.counters["unmatched_stops"] == 1


def test_heartbeats_never_reach_the_parser() -> None:
    bench = Bench()
    bodies = [alert("videoloss", "inactive", number, count=0) for number in (0, 1, None)]
    assert bench.feed(*bodies, b"<x><eventType>heartBeat</eventType></x>") == []
    assert bench.state.counters["heartbeats"] == 4
    assert bench.state.counters["alerts"] == 0


def test_video_loss_and_its_end_are_no_heartbeat() -> None:
    bench = Bench()
    events = bench.feed(
        alert("videoloss", "active", 2), alert("videoloss", "inactive", 0), alert("videoloss", "inactive", 2)
    )
    assert told(events) == [(EventKind.VIDEO_LOSS, START, 2), (EventKind.VIDEO_LOSS, STOP, 2)]
    bench.feed(alert("videoloss", "active", 2))
    assert bench.wait(3600) == []
    bench.state.reconnected(bench.now)
    assert told(bench.wait(11)) == [(EventKind.VIDEO_LOSS, STOP, 2)]
    assert bench.feed(alert("videoloss", "inactive", 2)) == []


def test_each_region_starts_and_the_last_one_stops() -> None:
    bench = Bench()

    def crossing(region: int, state: str = "active") -> bytes:
        return alert("linedetection", state, 3, regionID=region, detectionTarget="human")

    events = bench.feed(crossing(1), crossing(2), crossing(1, "inactive"))
    assert [(event.phase, event.region, event.target) for event in events] == [
        (START, "1", DetectionTarget.PERSON),
        (START, "2", DetectionTarget.PERSON),
    ]
    assert told(bench.wait(20)) == [(EventKind.LINE_CROSSING, STOP, 3)]
    bench.feed(crossing(1), crossing(2), crossing(4))
    assert told(bench.feed(alert("linedetection", "inactive", 3))) == [(EventKind.LINE_CROSSING, STOP, 3)]
    assert bench.feed(crossing(7, "inactive")) == []


def test_dynamic_and_legacy_channel_numbers() -> None:
    bench = Bench(channels=(1, 2, 3, 5, 6), first_ip=5)
    assert told(bench.feed(alert(channel=9, dynChannelID=2)))[0][2] == 2
    assert told(bench.feed(alert("PIR", channel=34)))[0][2] == 6
    assert told(bench.feed(alert("loitering", channel=33)))[0][2] == 5
    assert told(bench.feed(alert("parking", channel=60)))[0][2] == 60
    assert told(bench.feed(alert("group", channel=8)))[0][2] == 8
    assert Bench(channels=(34,)).state.channels.channel(34) == 34


def test_what_speaks_of_the_box() -> None:
    bench = Bench()
    events = bench.feed(alert("diskfull", channel=1), alert("illaccess", channel=1), alert("illaccess", "inactive", 1))
    assert told(events) == [(EventKind.DISK_FULL, START, None), (EventKind.ILLEGAL_LOGIN, PULSE, None)]
    assert bench.wait(59) == []
    assert told(bench.wait(2)) == [(EventKind.DISK_FULL, STOP, None)]


def test_unknown_types_keep_their_name() -> None:
    bench = Bench()
    events = bench.feed(alert("AIOP_Video"), alert("WLSensor"))
    assert [(event.kind, event.raw_type) for event in events] == [
        (EventKind.UNKNOWN, "AIOP_Video"),
        (EventKind.UNKNOWN, "WLSensor"),
    ]


def test_alarm_inputs() -> None:
    bench = Bench()
    local = bench.feed(alert("IO", channel=1, inputIOPortID=2))
    assert (local[0].channel, local[0].port) == (None, 2)
    assert told(bench.wait(5.5)) == [(EventKind.IO_INPUT, STOP, None)]
    proxied = bench.feed(alert("IO", channel=1, dynInputIOPortID=301), alert("IO", "inactive", 1, dynInputIOPortID=301))
    assert [(event.channel, event.port, event.phase) for event in proxied] == [(3, 1, START), (3, 1, STOP)]
    assert bench.state.io_inactive
    bench.feed(alert("IO", channel=1, inputIOPortID=2))
    assert bench.wait(3600) == []
    assert len(bench.feed(alert("IO", channel=1, inputIOPortID=1))) == 1
    assert told(bench.feed(alert("IO", "inactive", 1, inputIOPortID=2))) == [(EventKind.IO_INPUT, STOP, None)]


def test_duration_goes_on_with_the_event_it_names() -> None:
    bench = Bench()
    more = "<Duration><relationEvent>fielddetection</relationEvent></Duration>"
    assert told(bench.feed(alert("fielddetection"))) == [(EventKind.INTRUSION, START, 1)]
    bench.wait(8)
    assert bench.feed(alert("duration", DurationList=more)) == []
    assert bench.wait(8) == []
    assert told(bench.wait(3)) == [(EventKind.INTRUSION, STOP, 1)]


def test_late_copies_are_told_once_and_move_nothing() -> None:
    bench = Bench()
    bench.state.reconnected(bench.now)
    old = alert(moment="2026-03-04T10:00:00+01:00")
    copies = bench.feed(old, old, alert("fielddetection", isDataRetransmission="true"))
    assert [(event.phase, event.late) for event in copies] == [(PULSE, True), (PULSE, True)]
    assert copies[0].occurred_at == NOW - timedelta(minutes=25)
    assert bench.feed(alert(state="inactive", moment="2026-03-04T10:00:05+01:00")) == []
    assert bench.state.active == {}
    for number in range(600):
        bench.feed(alert(moment=f"2026-03-03T{number // 60:02}:{number % 60:02}:00"))
    assert len(bench.state._recent) == 512


def test_an_old_copy_of_what_is_active_extends_nothing_after_a_reconnect() -> None:
    bench = Bench()
    bench.feed(alert())
    bench.state.reconnected(bench.now)
    (copy,) = bench.feed(alert(moment="2026-03-04T10:00:00+01:00"))
    assert (copy.phase, copy.late) == (PULSE, True)
    assert bench.wait(4) == []
    assert bench.feed(alert()) == []
    assert bench.wait(4) == []


@pytest.mark.parametrize("wall", ["2026-03-04T09:25:00", "2026-03-04T11:25:00"])
def test_a_clock_put_to_another_time_is_doubted_and_silences_nothing(wall: str) -> None:
    bench = Bench()
    (event,) = bench.feed(alert(moment=wall))
    assert (event.phase, event.late, event.occurred_at) == (START, False, NOW)
    assert bench.state.clock_doubted
    bench.state.clock_doubted = False
    (event,) = bench.feed(alert("linedetection", moment=WALL))
    assert not bench.state.clock_doubted
    assert event.occurred_at == NOW


@pytest.mark.parametrize(
    "moment",
    ["20260304T102500Z", "2026-03-04T10:25Z", "2026-03-04T10:25+00", "0001-01-01T00:00:00", "9999-12-31T23:59:59"],
)
def test_an_odd_moment_costs_no_event(moment: str) -> None:
    for zone in (timedelta(hours=14), timedelta(hours=-12), timedelta(hours=1)):
        bench = Bench()
        bench.clock = DeviceClock(fixed_zone(zone), timedelta(0), NOW)
        (event,) = bench.feed(alert(moment=moment, channel=7))
        assert (event.phase, event.late) == (START, False)


def test_a_number_without_end_is_no_number() -> None:
    (event,) = Bench().feed(alert(channel=None, channelID="1" * 5000))
    assert event.channel is None


def test_what_ends_by_word_does_again_once_asserted_after_a_reconnect() -> None:
    bench = Bench(io_inactive=True)
    contact = alert("IO", channel=None, inputIOPortID=1)
    loss = alert("videoloss")
    assert len(bench.feed(contact, loss)) == 2
    bench.state.reconnected(bench.now)
    assert bench.state.next_expiry() is not None
    assert bench.feed(contact, loss) == []
    assert bench.state.next_expiry() is None
    assert bench.wait(3600) == []
    assert told(bench.feed(alert("videoloss", "inactive"))) == [(EventKind.VIDEO_LOSS, STOP, 1)]


def test_a_wrong_clock_makes_nothing_late() -> None:
    bench = Bench()
    bench.clock = DeviceClock(fixed_zone(timedelta(0)), datetime(2004, 5, 5, tzinfo=UTC) - NOW, NOW)
    (event,) = bench.feed(alert(moment="2004-05-05T00:00:01+08:00"))
    assert (event.late, event.occurred_at) == (False, NOW + timedelta(seconds=1))
    for moment in ("2026-03-04T23:00:00", "1970-01-01T00:00:00", "yesterday", ""):
        plain = Bench()
        (event,) = plain.feed(alert(moment=moment))
        assert (event.late, event.occurred_at) == (False, NOW)
    bench = Bench()
    bench.clock = None
    assert bench.feed(alert())[0].occurred_at == NOW


def test_repeats_are_told_from_the_raw_bytes_only_while_active() -> None:
    bench = Bench()
    bench.feed(alert())
    bench.wait(6)
    assert told(bench.feed(alert(count=2))) == [(EventKind.MOTION, START, 1)]
    bench.state.hold = {EventKind.MOTION: 1.0}
    assert told(bench.wait(5.5)) == [(EventKind.MOTION, STOP, 1)]
    for number in range(600):
        bench.feed(alert("regionEntrance", regionID=number))
    assert len(bench.state._begun) < 512


@pytest.mark.parametrize(
    "moment",
    [
        "2026-03-04T10:26:01+08:00",
        "",
        " 2026-03-04T10:26:01 ",
        "2026-03-04T10:26:0&#49;",
        "<!--1-->2026-03-04T10:26:01",
        "</dateTime><dateTime>2026-03-04T10:26:01",
        "2026-03-04T10:26:01</dateTime><dateTime>2026-03-04T10:26:02",
        "&amp;</dateTime><dateTime>2026-03-04T10:26:02",
    ],
)
def test_an_alert_of_a_known_shape_reads_as_if_it_were_the_first(moment: str) -> None:
    def pair(moment: str, region: int) -> list[bytes]:
        return [
            alert("linedetection", state, moment=moment, regionID=region, count=7) for state in ("active", "inactive")
        ]

    bench, later = Bench(), pair(moment, 2)
    bench.feed(*pair(WALL, 2), *later, *pair(WALL, 3))
    found = bench.feed(*later)
    assert found == Bench().feed(*later)
    assert told(found) == [(EventKind.LINE_CROSSING, START, 1), (EventKind.LINE_CROSSING, STOP, 1)]


def test_an_alert_means_another_channel_once_the_channels_are_others() -> None:
    bench, body = Bench(), alert(state="inactive", channel=33)
    bench.feed(alert(channel=33), body)
    bench.state.channels = ChannelMap((1, 2, 33), 1)
    assert told(bench.feed(alert(channel=33), body)) == [(EventKind.MOTION, START, 33), (EventKind.MOTION, STOP, 33)]


def test_known_shapes_spare_the_parser_and_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    bench, parsed = Bench(), list[bytes]()

    def spy(body: bytes) -> wire_alert.Alert:
        parsed.append(body)
        return wire_alert.parse_alert(body)

    monkeypatch.setattr(event_state, "parse_alert", spy)
    for second in range(3):
        start, stop = (
            alert(state=state, moment=f"2026-03-04T10:25:0{second}Z", count=second) for state in ("active", "inactive")
        )
        started, stopped = bench.feed(start, stop)
        assert started.occurred_at == stopped.occurred_at == NOW + timedelta(seconds=second)
    assert len(parsed) == 2
    for region in range(600):
        bench.feed(alert("regionEntrance", "inactive", regionID=region))
    bench.feed(start)
    assert parsed[-1] == start


def test_a_repeat_with_another_description_extends_too() -> None:
    bench = Bench()
    bench.feed(alert(eventComment="a"))
    bench.wait(4)
    assert bench.feed(alert(eventComment="b")) == []
    assert bench.wait(4) == []
    bench.feed(alert("videoloss"), alert("videoloss", eventComment="b"), alert("videoloss", count=3))
    assert len(bench.state.active) == 2


def test_after_a_reconnect_what_is_not_said_again_ends() -> None:
    bench = Bench()
    bench.feed(alert(channel=1), alert(channel=2))
    bench.now += 100
    bench.state.reconnected(bench.now)
    assert bench.wait(2) == []
    bench.feed(alert(channel=1))
    assert told(bench.wait(4)) == [(EventKind.MOTION, STOP, 2)]


def test_plates_and_pictures() -> None:
    body = alert(
        "ANPR",
        ANPR="<licensePlate>AB 123</licensePlate><vehicleType>car</vehicleType>",
        pictureInfoList="<pictureInfo/><pictureInfo/>",
        targetType="vehicle",
    )
    (event, again) = Bench().feed(body, body)
    assert (event.kind, event.phase, event.plate, event.pictures) == (EventKind.PLATE, PULSE, "AB 123", 2)
    assert event.target is DetectionTarget.VEHICLE
    assert again.phase is PULSE
    assert wire_alert.parse_alert(alert(detectionPicturesNumber=3)).pictures == 3


def test_json_alerts() -> None:
    body = {
        "eventType": "regionExiting",
        "eventState": "active",
        "channelID": 4,
        "dateTime": WALL,
        "Result": [{"Target": [{"detectionTarget": "vehicle", "none": None}]}, 3],
    }
    (event,) = Bench().feed(json.dumps(body).encode(), as_json=True)
    assert (event.kind, event.channel, event.target) == (EventKind.REGION_EXIT, 4, DetectionTarget.VEHICLE)
    deep = json.dumps({"a": {"a": {"a": {"a": {"a": {"a": {"eventType": "VMD"}}}}}}}).encode()
    for broken in (b"{", b"[]", deep, b"[" * 100_000):
        with pytest.raises(NvrResponseError):
            wire_alert.parse_json_alert(broken)
    assert Bench().feed(b'{"eventType": "heartBeat"}', as_json=True) == []


def test_what_is_no_alert() -> None:
    for body in (b"<Other/>", b"<EventNotificationAlert/>", b"", b"videoloss"):
        with pytest.raises(NvrResponseError):
            wire_alert.parse_alert(body)
    assert wire_alert.heartbeat_channel(b"<eventType>videoloss</eventType>active") is None
    assert wire_alert.heartbeat_channel(b"<x>heart</x>") is None


def test_a_raw_ampersand_does_not_lose_the_alert() -> None:
    assert told(Bench().feed(alert(channelName="Bar & Grill"))) == [(EventKind.MOTION, START, 1)]
