"""Triggers that are not sent to us: one notification more, and every other byte as it was."""

import pytest

from custom_components.nvr.core import errors
from custom_components.nvr.core.drivers.hikvision.wire import parse_triggers
from custom_components.nvr.core.drivers.hikvision.wire_linkage import with_center
from custom_components.nvr.core.models import EventKind

from ..rigs.hikvision import recorder

pytestmark = pytest.mark.usefixtures("socket_enabled")

HEAD = b'<?xml version="1.0"?>\n<EventTrigger version="2.0" xmlns="u">\n<id>VMD-2</id><eventType>VMD</eventType>'
METHOD = b"<id>record-2</id><notificationMethod>record</notificationMethod>\n"
RECORD = b"<EventTriggerNotification>" + METHOD + b"</EventTriggerNotification>"


@pytest.mark.parametrize(
    ("inner", "before"),
    [
        pytest.param(
            b'<EventTriggerNotificationList a="1">' + RECORD + b"</EventTriggerNotificationList>", 1, id="one"
        ),
        pytest.param(b"<EventTriggerNotificationList></EventTriggerNotificationList>", 0, id="empty"),
        pytest.param(b"<EventTriggerNotificationList />", 0, id="closed"),
        pytest.param(b"", 0, id="absent"),
    ],
)
def test_one_notification_more(inner: bytes, before: int) -> None:
    body = HEAD + inner + b"</EventTrigger>"
    written = with_center(body)
    (trigger,) = parse_triggers(written)
    assert trigger.methods[-1] == "center"
    assert len(trigger.methods) == before + 1
    assert written.startswith(HEAD)
    assert RECORD in written or not before


def test_a_prefix_is_kept() -> None:
    body = b'<h:EventTrigger xmlns:h="u"><h:id>x</h:id><h:EventTriggerNotificationList/></h:EventTrigger>'
    assert parse_triggers(with_center(body))[0].methods == ("center",)


@pytest.mark.parametrize("body", [b"<html/>", b"", b"<EventTriggerNotificationList>"])
def test_what_is_no_trigger_is_not_written(body: bytes) -> None:
    with pytest.raises(errors.NvrResponseError):
        with_center(body)


async def test_what_nobody_set_up_is_left_alone_and_what_is_linked_is_written_once() -> None:
    async with recorder("nvr8", channels=3) as (simulator, driver):
        assert driver.event_linkage is not None
        assert driver.event_linkage.silent() == []
        simulator.triggers.unlinked |= {("VMD", 1), ("fielddetection", 3), ("videoloss", 2), ("VMD", 9)}
        await driver.connect()
        silent = driver.event_linkage.silent()
        assert [(one.kind, one.channel, one.methods) for one in silent] == [
            (EventKind.MOTION, 1, ("record",)),
            (EventKind.INTRUSION, 3, ("record",)),
        ]
        await driver.event_linkage.link(silent[0])
        assert simulator.counters.writes == 1
        assert simulator.triggers.linked("VMD", 1)
        assert driver.event_linkage.silent() == silent[1:]
        await driver.event_linkage.link(silent[0])
        assert simulator.counters.writes == 1
        await driver.connect()
        assert driver.event_linkage.silent() == silent[1:]
