"""Playback slots: a recorder plays a few recordings at once, and its own monitor needs some of them.

A slot is held while a session is open on the recorder. When all are taken, the same owner's longest idle playback
gives its slot up; another owner's never does by itself, but an administrator may end it, and whoever loses a slot is
told why (hls-vod 3, rule 17). How many there are is the user's choice or the family's habit, and fewer where the
recorder refused more (`slot_limit`).
"""

import asyncio
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial

from .recorder_slots import Lease, RecorderSlots, Stay
from .slot_holders import HeldSlot, LossReason, SessionEndedError, SlotHolder, SlotLoser, SlotsBusyError
from .slot_limit import LearnedLimit

__all__ = [
    "HeldSlot",
    "Lease",
    "LossReason",
    "SessionEndedError",
    "SessionSlots",
    "SlotHolder",
    "SlotLoser",
    "SlotsBusyError",
    "Stay",
]


class SessionSlots:
    """The slots of all recorders.

    `on_change` is called with recorder and holder when the holder got something through his slot, and when he gave one
    back. Whoever finds the recorder busy or away takes slots too, again and again: nobody is told of that.
    `on_learned` is called with the recorder whose limit has changed. `subscribe` is for whoever only counts.
    """

    def __init__(self, idle_limit: float = 8.0, *, utcnow: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        """`idle_limit`: seconds without a request after which a playback may lose its slot to the same owner's next."""
        self.on_change: Callable[[str, SlotHolder], None] | None = None
        self.on_learned: Callable[[str], None] | None = None
        self._idle_limit = idle_limit
        self._utcnow = utcnow
        self._recorders: dict[str, RecorderSlots] = {}
        self._listeners: list[Callable[[str], None]] = []
        self._news: set[str] = set()

    async def acquire(self, recorder_id: str, limit: int, holder: SlotHolder) -> Lease:
        """Return a lease; raises SlotsBusyError when `limit` sessions are held and none may be replaced.

        Fewer than `limit` where the recorder has refused that many.
        """
        return await self._of(recorder_id).acquire(limit, holder, self._idle_limit)

    def holds(self, recorder_id: str, holder: SlotHolder) -> bool:
        """Tell whether the holder has a slot now."""
        return self._of(recorder_id).holds(holder)

    def holders(self, recorder_id: str) -> tuple[HeldSlot, ...]:
        """Return who holds the recorder's slots now."""
        return self._of(recorder_id).holders()

    def used(self, recorder_id: str) -> int:
        """Return how many sessions are held."""
        return len(self._of(recorder_id).leases)

    def limit(self, recorder_id: str, ceiling: int) -> int:
        """Return how many sessions there are, as far as the recorder has told: `ceiling` at the most."""
        return self._of(recorder_id).learned_limit.of(ceiling)

    def stay_of(self, recorder_id: str, holder: SlotHolder) -> Stay | None:
        """Return the holder's stay; None when he has none."""
        return self._of(recorder_id).stays.get(id(holder))

    def find(self, session_id: str) -> Stay | None:
        """Return the stay of that number; None when it is over, or never was."""
        stays = (stay for recorder in self._recorders.values() for stay in recorder.stays.values())
        return next((stay for stay in stays if stay.session_id == session_id), None)

    async def end(self, stay: Stay, reason: LossReason, *, keep_for: str | None = None) -> None:
        """End somebody's session and tell him why.

        `keep_for`: the owner for whom the slot is kept for half a minute, so that nobody else has it meanwhile.
        """
        await self._of(stay.recorder_id).end(stay, reason, keep_for)

    def tell(self, recorder_id: str, holder: SlotHolder) -> None:
        """Tell who listens to look at the holder: he got something through his slot, or has none any more."""
        recorder = self._of(recorder_id)
        recorder.prove(holder)
        if self.on_change is not None:
            self.on_change(recorder_id, holder)
        if not recorder.holds(holder):
            recorder.settle_soon(holder)

    def subscribe(self, listener: Callable[[str], None]) -> Callable[[], None]:
        """Call the listener with the recorder when its numbers may have changed; return what ends that."""
        self._listeners.append(listener)
        return partial(self._listeners.remove, listener)

    def recall(self, recorder_id: str, learned: Mapping[str, object]) -> None:
        """Take what an earlier run learned of a recorder."""
        self._of(recorder_id).learned_limit = LearnedLimit.from_json(learned)

    def learned(self, recorder_id: str) -> dict[str, object]:
        """Return what was learned of a recorder, as plain JSON."""
        return self._of(recorder_id).learned_limit.to_json()

    async def settle(self, recorder_id: str) -> None:
        """Wait for the sessions of a recorder that are ending because nobody gave a sign of life."""
        await self._of(recorder_id).aclose()

    async def aclose(self) -> None:
        """Do the same for all recorders."""
        for recorder in self._recorders.values():
            await recorder.aclose()

    def _of(self, recorder_id: str) -> RecorderSlots:
        recorder = self._recorders.get(recorder_id)
        if recorder is None:
            changed, learned = partial(self._changed, recorder_id), partial(self._learned, recorder_id)
            recorder = self._recorders[recorder_id] = RecorderSlots(recorder_id, self._utcnow, changed, learned)
        return recorder

    def _changed(self, recorder_id: str, holder: SlotHolder | None) -> None:
        if holder is not None:
            self.tell(recorder_id, holder)
        elif self._listeners and recorder_id not in self._news:
            # Once for all that happens in the same breath: a seek gives back and takes anew.
            self._news.add(recorder_id)
            asyncio.get_running_loop().call_soon(self._tell_listeners, recorder_id)

    def _learned(self, recorder_id: str) -> None:
        if self.on_learned is not None:
            self.on_learned(recorder_id)
        self._changed(recorder_id, None)

    def _tell_listeners(self, recorder_id: str) -> None:
        self._news.discard(recorder_id)
        for listener in list(self._listeners):
            listener(recorder_id)
