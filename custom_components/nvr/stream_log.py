"""Tells of the media engine's sessions: `nvr_stream_started` and `nvr_stream_stopped` on the bus, and in the audit.

A session is told of from when its viewer first got something through one of the recorder's slots until he has none any
more. A seek gives the slot back and takes it again in the same breath, and a little slower so does a player that turns
to another stream of what it plays: that is one session.
"""

import asyncio
from dataclasses import dataclass
from functools import partial
import time
from typing import Any

from homeassistant.core import Context, HomeAssistant, callback

from .access import facts_of
from .audit_rows import AuditKind
from .const import (
    ATTR_DURATION,
    ATTR_KIND,
    ATTR_REASON,
    ATTR_SESSION_ID,
    ATTR_USER_ID,
    EVENT_STREAM_STARTED,
    EVENT_STREAM_STOPPED,
)
from .media.sessions import SessionSlots, SlotHolder, Stay
from .runtime import NvrConfigEntry
from .shared import shared


@dataclass(frozen=True, slots=True)
class _Running:
    """A session that was told of; `since` is monotonic, in seconds."""

    facts: dict[str, Any]
    context: Context
    since: float
    stay: Stay


class StreamLog:
    """Listens to the slots of all recorders, and to the live streams that take none."""

    def __init__(self, hass: HomeAssistant) -> None:
        """Listen from now on."""
        self._hass = hass
        self._running: dict[SlotHolder, _Running] = {}
        for slots in (shared(hass).engine.slots, shared(hass).desk.live):
            slots.on_change = partial(self._changed, slots)

    @callback
    def _changed(self, slots: SessionSlots, entry_id: str, holder: SlotHolder) -> None:
        if slots.holds(entry_id, holder):
            if holder not in self._running:
                self._started(slots, entry_id, holder)
        elif holder in self._running:
            asyncio.get_running_loop().call_soon(self._look_again, slots, entry_id, holder)

    @callback
    def _look_again(self, slots: SessionSlots, entry_id: str, holder: SlotHolder) -> None:
        if slots.holds(entry_id, holder) or holder.turning:
            return
        if (running := self._running.pop(holder, None)) is not None:
            self._stopped(running)

    @callback
    def _started(self, slots: SessionSlots, entry_id: str, holder: SlotHolder) -> None:
        entry: NvrConfigEntry | None = self._hass.config_entries.async_get_entry(entry_id)
        stay = slots.stay_of(entry_id, holder)
        if entry is None or stay is None:
            return
        user_id = holder.owner or None
        context = Context(user_id=user_id)
        session = {ATTR_USER_ID: user_id, ATTR_KIND: holder.kind, ATTR_SESSION_ID: stay.session_id}
        running = _Running({**facts_of(entry, holder.channel), **session}, context, time.monotonic(), stay)
        self._running[holder] = running
        self._tell(EVENT_STREAM_STARTED, AuditKind.STREAM_STARTED, running.facts, context)

    @callback
    def _stopped(self, running: _Running) -> None:
        loss, duration = running.stay.loss, round(time.monotonic() - running.since, 1)
        told = {**running.facts, ATTR_DURATION: duration, ATTR_REASON: None if loss is None else loss.value}
        context = Context(user_id=running.context.user_id, parent_id=running.context.id)
        self._tell(EVENT_STREAM_STOPPED, AuditKind.STREAM_STOPPED, told, context)

    def _tell(self, event: str, kind: AuditKind, facts: dict[str, Any], context: Context) -> None:
        self._hass.bus.async_fire(event, facts, context=context)
        shared(self._hass).audit.record(kind, {**facts, "stream": facts[ATTR_KIND]})
