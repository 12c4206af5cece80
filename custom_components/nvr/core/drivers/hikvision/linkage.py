"""Triggers that are not sent to us: which they are, and one write that mends one of them (hikvision-isapi 11.5)."""

from collections.abc import Sequence
from urllib.parse import quote

from ...errors import NvrResponseError
from ...models import EventKind, SilentEvent
from .connect import TRIGGERS
from .context import Context
from .mapping import event_type
from .wire import parse_triggers
from .wire_linkage import CENTER, with_center


class Linkage:
    """What is recorded, mailed or beeped, and not told to us.

    A trigger that does nothing at all is left alone: nobody has set it up.
    """

    def __init__(self, context: Context) -> None:
        """Hold the context; connect reads the list of triggers."""
        self._context = context
        self._mended: set[str] = set()
        self._connects = context.connects

    def silent(self) -> Sequence[SilentEvent]:
        """Return those of the last connect that were not mended since."""
        if self._connects != self._context.connects:
            self._connects = self._context.connects
            self._mended.clear()
        numbers = {channel.number for channel in self._context.channels}
        return [
            SilentEvent(trigger.id, kind, trigger.channel, trigger.methods, (*trigger.methods, CENTER))
            for trigger in self._context.triggers
            if any(trigger.methods)
            and CENTER not in trigger.methods
            and trigger.id not in self._mended
            and (kind := event_type(trigger.type).kind) is not EventKind.UNKNOWN
            and (trigger.channel is None or trigger.channel in numbers)
        ]

    async def link(self, event: SilentEvent) -> None:
        """Add the centre to what the trigger does now, and see that it stays."""
        client, path = self._context.client, f"{TRIGGERS}/{quote(event.id, safe='')}"
        body = await client.get(path)
        if not self._told(body):
            await client.put(path, with_center(body), again=True)
            if not self._told(await client.get(path)):
                raise NvrResponseError("the recorder took the trigger and does not keep it")
        self._mended.add(event.id)

    @staticmethod
    def _told(body: bytes) -> bool:
        return any(CENTER in trigger.methods for trigger in parse_triggers(body))
