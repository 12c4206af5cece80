"""How many of one recorder's sessions are in use, for the recorder's own entities and diagnostics."""

from collections.abc import Callable
from typing import Any

from homeassistant.core import CALLBACK_TYPE, callback

from .media.sessions import SessionSlots


class SlotUse:
    """The numbers of one recorder; who has the sessions is told elsewhere, to those who may know."""

    def __init__(self, slots: SessionSlots, entry_id: str, ceiling: Callable[[], int]) -> None:
        """`ceiling`: how many may be open, by the user's choice or the family's habit."""
        self._slots = slots
        self._entry_id = entry_id
        self._ceiling = ceiling

    @property
    def used(self) -> int:
        """How many are in use."""
        return self._slots.used(self._entry_id)

    @property
    def limit(self) -> int:
        """How many there are; fewer than were chosen where the recorder refused more."""
        return self._slots.limit(self._entry_id, self._ceiling())

    @property
    def statistics(self) -> dict[str, Any]:
        """What a bug report needs to know: nobody's name."""
        held = self._slots.holders(self._entry_id)
        return {
            "used": self.used,
            "limit": self.limit,
            "chosen": self._ceiling(),
            "learned": self._slots.learned(self._entry_id),
            "held": [{"channel": slot.channel, "kind": slot.kind, "idle": round(slot.idle, 1)} for slot in held],
        }

    @callback
    def async_subscribe(self, listener: Callable[[], None]) -> CALLBACK_TYPE:
        """Call the listener when the numbers may have changed, until the returned function is called."""

        def changed(entry_id: str) -> None:
            if entry_id == self._entry_id:
                listener()

        return self._slots.subscribe(changed)
