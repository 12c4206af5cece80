"""Slots of a recorder."""

from dataclasses import dataclass, field

import pytest

from custom_components.nvr.core.errors import NvrBusyError
from custom_components.nvr.media.sessions import HeldSlot, Lease, SessionSlots


@dataclass
class Holder:
    owner: str
    channel: int = 1
    idle: float = 0.0
    leases: list[Lease] = field(default_factory=list)
    asked: int = 0
    kind: str = "playback"
    turning: bool = False

    def idle_for(self) -> float:
        return self.idle

    async def yield_slot(self) -> None:
        self.asked += 1
        for lease in self.leases:
            lease.release()


async def take(slots: SessionSlots, holder: Holder, limit: int = 2) -> None:
    holder.leases.append(await slots.acquire("recorder", limit, holder))


async def test_slots_are_given_up_to_the_limit_and_shown() -> None:
    slots = SessionSlots()
    assert slots.holders("recorder") == ()
    first, second = Holder("anna", 3, 1.5), Holder("ben")
    await take(slots, first)
    await take(slots, second)
    assert slots.holders("recorder") == (HeldSlot("anna", 3, 1.5), HeldSlot("ben", 1, 0.0))
    with pytest.raises(NvrBusyError) as caught:
        await take(slots, Holder("cleo"))
    assert caught.value.retry_after
    first.leases[0].release()
    first.leases[0].release()
    await take(slots, Holder("cleo"))
    assert [slot.owner for slot in slots.holders("recorder")] == ["ben", "cleo"]


async def test_slots_of_recorders_are_apart() -> None:
    slots = SessionSlots()
    await slots.acquire("one", 1, Holder("anna"))
    await slots.acquire("two", 1, Holder("anna"))


async def test_same_owners_longest_idle_one_is_replaced() -> None:
    slots = SessionSlots(idle_limit=8)
    older, newer, other = Holder("anna", 1, 20), Holder("anna", 2, 9), Holder("ben", 3, 99)
    for holder in (newer, older, other):
        await take(slots, holder, 3)
    await take(slots, Holder("anna", 4), 3)
    assert (older.asked, newer.asked, other.asked) == (1, 0, 0)


async def test_own_playback_that_is_watched_is_not_replaced() -> None:
    slots = SessionSlots(idle_limit=8)
    watched = Holder("anna", 1, 5)
    await take(slots, watched, 1)
    with pytest.raises(NvrBusyError):
        await take(slots, Holder("anna"), 1)
    # Nor does one give way to itself.
    watched.idle = 50
    with pytest.raises(NvrBusyError):
        await take(slots, watched, 1)
    assert watched.asked == 0


async def test_who_listens_hears_of_each_slot_that_was_of_use_and_of_each_given_back() -> None:
    slots, told = SessionSlots(), list[tuple[str, bool]]()
    slots.on_change = lambda recorder, holder: told.append((recorder, slots.holds(recorder, holder)))
    first, second = Holder("anna"), Holder("anna")
    await take(slots, first)
    await take(slots, second)
    assert told == []
    slots.tell("recorder", first)
    first.leases[0].release()
    first.leases[0].release()
    assert told == [("recorder", True), ("recorder", False)]
    assert slots.holds("recorder", second)
    assert not slots.holds("other", second)
