"""The pictures that follow alerts: they belong to the alert before them, and to who follows its channel."""

from typing import Any

import pytest

from custom_components.nvr.core.models import EventKind, EventPicture
from tests.simulators.hikvision.alerts import Alert

from ..helpers import listening, until
from ..rows import CASES

pytestmark = pytest.mark.usefixtures("socket_enabled")

SCENE, CUT_OUT = b"\xff\xd8" + b"s" * 90_000 + b"\xff\xd9", b"\xff\xd8" + b"c" * 9_000 + b"\xff\xd9"


async def test_a_picture_belongs_to_the_alert_before_it() -> None:
    case: Any = next(case for case in CASES if case.profile == "nvr8")
    got: list[EventPicture] = []
    async with case.connected(channels=2) as (rig, driver), listening(driver) as heard:
        assert driver.event_pictures is not None
        leave = driver.event_pictures.follow(1, got.append)
        alerts, renderer = rig.simulator.alerts, rig.simulator.alerts.renderer
        line = Alert("linedetection", 1, region=1, target="human", picture=SCENE)
        alerts.send(renderer.parts(line))
        await until(lambda: bool(got))
        assert [(item.event.kind, item.event.channel, item.jpeg) for item in got] == [
            (EventKind.LINE_CROSSING, 1, SCENE)
        ]
        assert got[0].event == heard.events[0]
        # A repeat tells nothing new, another channel is nobody's here, and what follows a heartbeat is of nothing.
        alerts.send(renderer.parts(line))
        alerts.send(renderer.parts(Alert("linedetection", 2, region=1, target="human", picture=SCENE)))
        alerts.send(renderer.parts(Alert("videoloss", 0, "inactive", 0)) + renderer.part("image/jpeg", SCENE))
        # Of two of one alert the scene counts, whichever comes first; what is no JPEG does not.
        plate = renderer.part(*renderer.body(Alert("ANPR", 1)))
        for parts in ((CUT_OUT, SCENE, b"GIF89a and no JPEG\xff\xd9"), (SCENE, CUT_OUT)):
            alerts.send(plate + b"".join(renderer.part("image/jpeg", part) for part in parts))
        await until(lambda: len(got) == 4)
        leave()
        alerts.send(plate + renderer.part("image/jpeg", SCENE))
        rig.simulator.emit("fielddetection", 1)
        await heard.until(lambda: heard.events[-1].kind is EventKind.INTRUSION)
    assert [item.jpeg for item in got[1:]] == [CUT_OUT, SCENE, SCENE]
    assert {item.event.kind for item in got[1:]} == {EventKind.PLATE}
