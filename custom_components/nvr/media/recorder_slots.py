"""The slots of one recorder: leases, who stays how long, and what its refusals teach."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from secrets import token_hex
from typing import Final

from ..core.errors import NvrNoSessionError
from .slot_holders import HeldSlot, LossReason, NumberedHolder, SlotHolder, SlotLoser, SlotsBusyError
from .slot_limit import LearnedLimit

# A recorder may need a moment to let go of a session that was ended (s).
_LETTING_GO: Final = 3.0
# How long a slot that was taken over is kept for whoever took it (s).
_KEPT: Final = 30.0


@dataclass(slots=True, eq=False)
class Stay:
    """A holder from his first slot until he has none any more; a seek, or a turn to another stream, does not end it.

    Its number is the holder's own `session_id`, if he has one.
    """

    recorder_id: str
    holder: SlotHolder
    since: datetime
    session_id: str
    loss: LossReason | None = None

    def shown(self) -> HeldSlot:
        """Return it as people see it."""
        holder = self.holder
        return HeldSlot(self.session_id, holder.owner, holder.channel, holder.kind, self.since, holder.idle_for())


class Lease:
    """The right to one session on the recorder; `release` gives it back and may be called twice.

    What opens the session stands inside `opening`, so that the recorder's limit is learned.
    """

    def __init__(self, slots: RecorderSlots, ceiling: int, stay: Stay) -> None:
        """`ceiling`: how many sessions may be open, whatever the recorder taught."""
        self.stay = stay
        self.ceiling = ceiling
        self.proven = False
        self.crowded = False
        self._slots = slots
        self._timer: asyncio.TimerHandle | None = None
        self._patience = 0.0

    @contextmanager
    def opening(self) -> Iterator[None]:
        """Learn from how it goes; when the recorder has no session, `crowded` tells whether others of ours are open."""
        try:
            yield
        except NvrNoSessionError:
            self.refused()
            raise
        self.opened()

    def opened(self) -> None:
        """Tell that the recorder gave the session."""
        self.proven = True
        self._slots.was_opened(self)

    def refused(self) -> None:
        """Tell that the recorder had no session left."""
        self.crowded = self._slots.was_refused(self)

    def keep_alive(self, patience: float) -> None:
        """Have the holder lose the slot, from now on, once it has been idle for `patience` seconds."""
        self._patience = patience
        self._watch(patience)

    def release(self) -> None:
        """Give the slot back."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._slots.was_released(self)

    def _watch(self, delay: float) -> None:
        self._timer = asyncio.get_running_loop().call_later(delay, self._look)

    def _look(self) -> None:
        silent = self.stay.holder.idle_for()
        # A tick of the clock more than what is wanting, or it would wake a hair too early, again and again.
        if silent < self._patience:
            self._watch(self._patience - silent + 0.01)
        else:
            self._timer = None
            self._slots.evict_soon(self.stay, LossReason.SILENT)


class RecorderSlots:
    """What is held of one recorder. The callbacks of `SessionSlots` are called through `changed` and `learned`."""

    def __init__(
        self,
        recorder_id: str,
        utcnow: Callable[[], datetime],
        changed: Callable[[SlotHolder | None], None],
        learned: Callable[[], None],
    ) -> None:
        """`changed`: with a holder when he is to be looked at, with None when only the numbers may be others."""
        self.learned_limit = LearnedLimit()
        self.leases: dict[Lease, SlotHolder] = {}
        self.stays: dict[int, Stay] = {}
        self._recorder_id = recorder_id
        self._utcnow = utcnow
        self._changed = changed
        self._learned = learned
        self._let_go: deque[float] = deque(maxlen=16)
        self._kept: list[tuple[str, float]] = []
        self._evictions: set[asyncio.Task[None]] = set()

    async def acquire(self, limit: int, holder: SlotHolder, idle_limit: float) -> Lease:
        """Return a lease; raises SlotsBusyError when all are held and none of the owner's is idle for so long (s)."""
        ceiling = max(1, limit)
        while self._taken(holder.owner) >= self.learned_limit.allowed(ceiling, self._utcnow()):
            idle = [
                (other.idle_for(), other)
                for other in self.leases.values()
                if other.owner == holder.owner and other is not holder and other.idle_for() >= idle_limit
            ]
            if not idle:
                raise SlotsBusyError(self.learned_limit.of(ceiling), self.holders())
            await self._replace(max(idle, key=lambda pair: pair[0])[1], ceiling)
        mine = next((pair for pair in self._kept if pair[0] == holder.owner), None)
        if mine is not None:
            self._kept.remove(mine)
        stay = self.stays.get(id(holder))
        if stay is None:
            number = holder.session_id if isinstance(holder, NumberedHolder) else token_hex(8)
            stay = self.stays[id(holder)] = Stay(self._recorder_id, holder, self._utcnow(), number)
        stay.loss = None
        lease = Lease(self, ceiling, stay)
        self.leases[lease] = holder
        self._changed(None)
        return lease

    def holds(self, holder: SlotHolder) -> bool:
        """Tell whether the holder has a slot now."""
        return any(other is holder for other in self.leases.values())

    def holders(self) -> tuple[HeldSlot, ...]:
        """Return who holds slots now."""
        return tuple(self.stays[id(holder)].shown() for holder in self.leases.values())

    async def end(self, stay: Stay, reason: LossReason, keep_for: str | None) -> None:
        """End a session; its slot is kept for an owner for a while, if one is named."""
        if keep_for is not None:
            self._kept.append((keep_for, _now() + _KEPT))
        await self.evict(stay, reason)

    async def evict(self, stay: Stay, reason: LossReason) -> None:
        """Have a holder give his slots up, and tell him why if he listens."""
        stay.loss = reason
        holder = stay.holder
        if isinstance(holder, SlotLoser):
            await holder.lose_slot(reason)
        else:
            await holder.yield_slot()

    async def _replace(self, holder: SlotHolder, ceiling: int) -> None:
        """Have a holder make room; raises SlotsBusyError where he does not, so that nobody asks him for ever."""
        held = {lease for lease, other in self.leases.items() if other is holder}
        await self.evict(self.stays[id(holder)], LossReason.REPLACED)
        if held <= self.leases.keys():
            raise SlotsBusyError(self.learned_limit.of(ceiling), self.holders())

    def evict_soon(self, stay: Stay, reason: LossReason) -> None:
        """Do the same from where nobody can wait for it."""
        task = asyncio.get_running_loop().create_task(self.evict(stay, reason))
        self._evictions.add(task)
        task.add_done_callback(self._evictions.discard)

    async def aclose(self) -> None:
        """Wait for what is ending because nobody gave a sign of life."""
        while self._evictions:
            await asyncio.wait(set(self._evictions))

    def prove(self, holder: SlotHolder) -> None:
        """Note that the holder got something through his slots."""
        for lease in [lease for lease, other in self.leases.items() if other is holder and not lease.proven]:
            lease.opened()

    def settle_soon(self, holder: SlotHolder) -> None:
        """End the stay of a holder who has no slot any more, and does not come back for another stream."""
        asyncio.get_running_loop().call_soon(self._settle, holder)

    def was_opened(self, lease: Lease) -> None:
        """Learn that the recorder gave a session."""
        count = sum(other.proven for other in self.leases)
        if self.learned_limit.opened(count, lease.ceiling, self._utcnow()):
            self._learned()

    def was_refused(self, lease: Lease) -> bool:
        """Learn that it gave none; return whether others were open beside it."""
        beside = sum(other.proven for other in self.leases if other is not lease)
        letting_go = sum(at > _now() - _LETTING_GO for at in self._let_go)
        if beside + letting_go < self.learned_limit.allowed(lease.ceiling, self._utcnow()):
            self.learned_limit.refused(beside + letting_go, self._utcnow())
            self._learned()
        return beside > 0

    def was_released(self, lease: Lease) -> None:
        """Take a slot back; twice is once."""
        if (holder := self.leases.pop(lease, None)) is None:
            return
        if lease.proven:
            self._let_go.append(_now())
        self._changed(holder)
        self._changed(None)

    def _taken(self, owner: str) -> int:
        """Count what another session of the owner cannot have: what is held, and what is kept for others."""
        self._kept = [pair for pair in self._kept if pair[1] > _now()]
        return len(self.leases) + sum(who != owner for who, _ in self._kept)

    def _settle(self, holder: SlotHolder) -> None:
        if not self.holds(holder) and not holder.turning:
            self.stays.pop(id(holder), None)


def _now() -> float:
    return asyncio.get_running_loop().time()
