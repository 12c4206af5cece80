"""What moves through the pictures is told as it happens."""

from datetime import timedelta

from tests.simulators.detector import Detector
from tests.simulators.footage import ChannelPlan, Incident, Kind
from tests.simulators.hikvision import HikvisionSimulator
from tests.simulators.video.scenes import SCENES, scene_named

from .test_events import listen


def told(data: bytes) -> list[tuple[bytes, bytes]]:
    """Return type and state of each event, repeats of motion left out."""
    events = [part for part in data.split(b"<EventNotificationAlert")[1:] if b"</EventNotificationAlert>" in part]
    pairs = [
        (part.partition(b"<eventType>")[2].partition(b"<")[0], part.partition(b"<eventState>")[2].partition(b"<")[0])
        for part in events
        if b"<eventType>videoloss" not in part
    ]
    return list(dict.fromkeys(pairs))


async def test_incident_is_told_when_it_begins_and_when_it_ends(simulator: HikvisionSimulator) -> None:
    simulator.footage.plans = {1: ChannelPlan(incidents_per_hour=0)}
    simulator.faults.alerts.vmd_inactive = True
    detector = Detector(simulator)
    async with listen(simulator) as listener:
        detector.look()
        now = simulator.now()
        person = Incident(1, Kind.SMART, now, now + timedelta(seconds=30), "person")
        simulator.footage.add_incident(person)
        detector.look()
        detector.look()
        data = await listener.until(lambda got: b"fielddetection" in got and b"VMD" in got)
        assert set(told(data)) == {(b"VMD", b"active"), (b"fielddetection", b"active")}
        assert data.count(b"<eventType>fielddetection") == 1, "told once, however often it is looked at"
        assert b"human" in data
        simulator.clock.shift += timedelta(minutes=1)
        detector.look()
        data = await listener.until(lambda got: got.count(b"<eventState>inactive") >= 2)
        assert {(b"VMD", b"inactive"), (b"fielddetection", b"inactive")} <= set(told(data))


async def test_incident_before_a_camera_that_is_away_is_not_told(simulator: HikvisionSimulator) -> None:
    simulator.footage.plans = {1: ChannelPlan(incidents_per_hour=0)}
    now = simulator.now()
    simulator.footage.add_incident(Incident(1, Kind.SMART, now, now + timedelta(seconds=30), "car"))
    await simulator.set_channel_online(1, online=False)
    sent = simulator.counters.events
    Detector(simulator).look()
    assert simulator.counters.events == sent


def test_name_of_a_camera_tells_its_scene() -> None:
    names = {"Front door": "front door", "Garage 2": "garage", "Garden": "garden", "Gate": "gate", "Lens 1": None}
    assert {name: scene_named(name) for name in names} == names
    words = ("Driveway", "Back yard", "Hall", "Workshop", "Terrace", "Cellar", "Street")
    assert {scene_named(name) for name in words} <= set(SCENES)
