"""Slots of a recorder."""

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from custom_components.nvr.media.sessions import HeldSlot, Lease, LossReason, SessionSlots, SlotsBusyError
from custom_components.nvr.media.slot_limit import FIRST_TRIAL
from tests.contract.jumping import jumping

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


@dataclass(eq=False)
class Holder:
    """Gives its slots up when it is asked to, and hears no reason."""

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


@dataclass(eq=False)
class Listener(Holder):
    """Hears why."""

    heard: list[LossReason] = field(default_factory=list)

    async def lose_slot(self, reason: LossReason) -> None:
        self.heard.append(reason)
        for lease in self.leases:
            lease.release()


@dataclass(eq=False)
class Slow(Holder):
    """Needs a while."""

    async def yield_slot(self) -> None:
        self.asked += 1
        await asyncio.sleep(5)
        for lease in self.leases:
            lease.release()


@dataclass(eq=False)
class Stubborn(Holder):
    """Says it gave its slot up, and did not."""

    async def yield_slot(self) -> None:
        self.asked += 1


class Clock:
    now = NOW

    def __call__(self) -> datetime:
        return self.now


async def take(slots: SessionSlots, holder: Holder, limit: int = 2) -> Lease:
    lease = await slots.acquire("recorder", limit, holder)
    holder.leases.append(lease)
    return lease


async def settled() -> None:
    await asyncio.sleep(0)
    await asyncio.sleep(0)


def owners(slots: SessionSlots) -> list[str]:
    return [slot.owner for slot in slots.holders("recorder")]


async def test_slots_are_given_up_to_the_limit_and_shown() -> None:
    slots = SessionSlots(utcnow=Clock())
    assert slots.holders("recorder") == ()
    first, second = Holder("anna", 3, 1.5), Holder("ben")
    await take(slots, first)
    await take(slots, second)
    shown = slots.holders("recorder")
    assert shown[0] == HeldSlot(shown[0].session_id, "anna", 3, "playback", NOW, 1.5)
    assert shown[1].owner == "ben"
    assert len({slot.session_id for slot in shown}) == 2
    assert (slots.used("recorder"), slots.limit("recorder", 2)) == (2, 2)
    with pytest.raises(SlotsBusyError) as caught:
        await take(slots, Holder("cleo"))
    assert caught.value.retry_after
    assert (caught.value.limit, caught.value.holders) == (2, shown)
    first.leases[0].release()
    first.leases[0].release()
    await take(slots, Holder("cleo"))
    assert owners(slots) == ["ben", "cleo"]


async def test_slots_of_recorders_are_apart() -> None:
    slots = SessionSlots()
    await slots.acquire("one", 1, Holder("anna"))
    await slots.acquire("two", 1, Holder("anna"))


@pytest.mark.parametrize("kind", [Holder, Listener])
async def test_same_owners_longest_idle_one_is_replaced_and_told(kind: type[Holder]) -> None:
    slots = SessionSlots(idle_limit=8)
    older, newer, other = kind("anna", 1, 20), kind("anna", 2, 9), kind("ben", 3, 99)
    for holder in (newer, older, other):
        await take(slots, holder, 3)
    stay = slots.stay_of("recorder", older)
    await take(slots, Holder("anna", 4), 3)
    assert stay is not None
    assert stay.loss is LossReason.REPLACED
    assert owners(slots) == ["anna", "ben", "anna"]
    if isinstance(older, Listener):
        assert (older.heard, older.asked) == ([LossReason.REPLACED], 0)
    else:
        assert (older.asked, newer.asked, other.asked) == (1, 0, 0)


async def test_holder_that_does_not_give_way_is_asked_once_and_the_slots_are_busy() -> None:
    slots = SessionSlots(idle_limit=8)
    stubborn = Stubborn("anna", idle=20)
    await take(slots, stubborn, 1)
    with pytest.raises(SlotsBusyError) as caught:
        await take(slots, Holder("anna"), 1)
    assert (stubborn.asked, [slot.owner for slot in caught.value.holders]) == (1, ["anna"])


async def test_own_playback_that_is_watched_is_not_replaced() -> None:
    slots = SessionSlots(idle_limit=8)
    watched = Holder("anna", 1, 5)
    await take(slots, watched, 1)
    with pytest.raises(SlotsBusyError):
        await take(slots, Holder("anna"), 1)
    # Nor does one give way to itself.
    watched.idle = 50
    with pytest.raises(SlotsBusyError):
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


async def test_who_counts_hears_once_of_what_happens_in_one_breath() -> None:
    slots, heard = SessionSlots(), list[str]()
    stop = slots.subscribe(heard.append)
    holder = Holder("anna")
    (await take(slots, holder)).release()
    await take(slots, holder)
    assert heard == []
    await settled()
    assert heard == ["recorder"]
    stop()
    holder.leases[-1].release()
    await settled()
    assert heard == ["recorder"]


async def test_stay_lasts_over_a_seek_and_a_turn_and_no_longer() -> None:
    slots, clock = SessionSlots(), Clock()
    slots._utcnow = clock
    holder = Holder("anna")
    (await take(slots, holder)).release()
    clock.now += timedelta(seconds=9)
    lease = await take(slots, holder)
    await settled()
    stay = slots.stay_of("recorder", holder)
    assert stay is not None
    assert stay.since == NOW
    holder.turning = True
    lease.release()
    await settled()
    assert slots.find(stay.session_id) is stay
    holder.turning = False
    slots.tell("recorder", holder)
    await settled()
    assert slots.find(stay.session_id) is slots.stay_of("recorder", holder) is None
    await take(slots, holder)
    again = slots.stay_of("recorder", holder)
    assert again is not None
    assert again.session_id != stay.session_id


# -- taken over ------------------------------------------------------------------------------------------------------


@jumping
async def test_slot_that_is_taken_over_is_kept_for_who_took_it() -> None:
    slots = SessionSlots()
    victim = Listener("ben")
    await take(slots, victim, 1)
    stay = slots.find(slots.holders("recorder")[0].session_id)
    assert stay is not None
    await slots.end(stay, LossReason.TAKEN_OVER, keep_for="admin")
    assert victim.heard == [LossReason.TAKEN_OVER]
    for owner in ("ben", "cleo"):
        with pytest.raises(SlotsBusyError) as caught:
            await take(slots, Holder(owner), 1)
        assert caught.value.holders == ()
    mine = await take(slots, Holder("admin"), 1)
    mine.release()
    await take(slots, Holder("cleo"), 1)  # it was kept once
    assert owners(slots) == ["cleo"]


@jumping
async def test_slot_that_nobody_comes_for_is_free_again() -> None:
    slots = SessionSlots()
    await take(slots, Holder("ben"), 1)
    stay = slots.find(slots.holders("recorder")[0].session_id)
    assert stay is not None
    await slots.end(stay, LossReason.TAKEN_OVER, keep_for="admin")
    await asyncio.sleep(31)
    await take(slots, Holder("cleo"), 1)


def test_only_what_somebody_ended_is_over() -> None:
    assert [reason for reason in LossReason if reason.final] == [LossReason.TAKEN_OVER, LossReason.ENDED]


# -- signs of life ---------------------------------------------------------------------------------------------------


@jumping
async def test_who_gives_no_sign_of_life_loses_the_slot() -> None:
    slots = SessionSlots()
    silent, asking = Listener("anna", idle=99), Listener("ben", idle=0)
    for holder in (silent, asking):
        (await take(slots, holder, 3)).keep_alive(14)
    await asyncio.sleep(25)
    assert (silent.heard, asking.heard) == ([LossReason.SILENT], [])
    asking.idle = 99
    await asyncio.sleep(15)
    assert asking.heard == [LossReason.SILENT]
    await slots.aclose()
    assert owners(slots) == []


@jumping
async def test_whoever_ends_everything_waits_for_what_is_ending_by_itself() -> None:
    slots = SessionSlots()
    slow = Slow("anna", idle=99)
    (await take(slots, slow)).keep_alive(14)
    await asyncio.sleep(15)
    assert (slow.asked, owners(slots)) == (1, ["anna"])
    await slots.settle("another")
    assert owners(slots) == ["anna"]
    await slots.settle("recorder")
    assert owners(slots) == []


# -- what a recorder teaches -----------------------------------------------------------------------------------------


async def test_refusal_lowers_the_limit_and_is_remembered() -> None:
    clock, news = Clock(), list[str]()
    slots = SessionSlots(utcnow=clock)
    slots.on_learned = news.append
    (await take(slots, Holder("anna"), 4)).opened()
    refused = await take(slots, Holder("ben"), 4)
    refused.refused()
    refused.release()
    assert refused.crowded
    assert (news, slots.limit("recorder", 4)) == (["recorder"], 1)
    with pytest.raises(SlotsBusyError) as caught:
        await take(slots, Holder("ben"), 4)
    assert caught.value.limit == 1
    # After a restart, too, and no longer than it must be.
    again = SessionSlots(utcnow=clock)
    again.recall("recorder", slots.learned("recorder"))
    assert again.limit("recorder", 4) == 1
    (await take(again, Holder("anna"), 4)).opened()
    with pytest.raises(SlotsBusyError):
        await take(again, Holder("ben"), 4)
    clock.now += FIRST_TRIAL
    (await take(again, Holder("ben"), 4)).opened()
    assert again.limit("recorder", 4) == 2
    for owner in ("cleo", "dora"):
        (await take(again, Holder(owner), 4)).opened()
    assert (again.limit("recorder", 4), again.learned("recorder")) == (4, {})


async def test_refusal_while_nothing_of_ours_is_open_leaves_one() -> None:
    slots = SessionSlots()
    lease = await take(slots, Holder("anna"), 4)
    await take(slots, Holder("ben"), 4)  # it may be refused as well
    lease.refused()
    assert not lease.crowded
    assert slots.limit("recorder", 4) == 1


@jumping
async def test_session_that_the_recorder_may_still_have_counts_as_open() -> None:
    slots = SessionSlots()
    for _ in range(2):
        lease = await take(slots, Holder("anna"), 2)
        slots.tell("recorder", lease.stay.holder)  # it was of use, so the recorder had given it
        lease.release()
    refused = await take(slots, Holder("anna"), 2)
    refused.refused()
    assert slots.learned("recorder") == {}, "both may be there still"
    await asyncio.sleep(5)
    refused.refused()
    assert slots.limit("recorder", 2) == 1
