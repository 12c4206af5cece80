"""One vocabulary for all brands: every kind comes from somewhere, and what a family lacks is told in another way."""

from custom_components.nvr.core.drivers.dahua import tables as dahua
from custom_components.nvr.core.drivers.hikvision import tables as hikvision
from custom_components.nvr.core.models import EventKind

HIKVISION = {kind.kind for kind in hikvision.EVENT_TYPES.values()}
DAHUA = {kind.kind for kind in dahua.EVENT_TYPES.values() if not kind.ignored}
ALL = set(EventKind) - {EventKind.UNKNOWN}


def lacked(told: set[EventKind]) -> set[EventKind]:
    """Return the kinds that a family has no word for."""
    return ALL - told


def test_every_kind_comes_from_some_recorder() -> None:
    assert HIKVISION | DAHUA >= ALL


def test_what_a_family_lacks_is_known() -> None:
    # Motion with a target says who it was: a trigger for persons means both.
    assert lacked(HIKVISION) == {EventKind.PERSON, EventKind.VEHICLE, EventKind.ANIMAL}
    # The border of an area is an intrusion with a direction; the others are in no list of codes.
    assert lacked(DAHUA) == {
        *(EventKind.REGION_ENTER, EventKind.REGION_EXIT, EventKind.OBJECT_THROWN),
        *(EventKind.SMOKE, EventKind.RECORDING_FAILED, EventKind.REBOOT),
    }
