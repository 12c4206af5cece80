"""Which cameras there are and which of them answer: one question for all channels (dahua-cgi 6)."""

from collections.abc import Mapping
from typing import Final

from ...errors import NvrError, NvrNotFoundError, NvrUnsupportedError, about
from .context import Context
from .refusals import DahuaRefusalError, HandleLostError, SessionLostError, is_lacking
from .source import Source
from .wire import Node, entries, integer, nest
from .wire_config import Camera, parse_cameras, parse_remotes, parse_states

_STATE: Final = "LogicDeviceManager.getCameraState"
_ALL: Final = "LogicDeviceManager.getCameraAll"
_EVERY: Final = {"uniqueChannels": [-1]}
_NO_EVENTS: Final = "no events"


class Presence:
    """Asks for slots and states by whatever way the firmware knows."""

    def __init__(self, context: Context) -> None:
        """Hold the context."""
        self._context = context
        self._source = Source(context)
        self._handle: tuple[int, int] | None = None

    async def cameras(self) -> list[Camera] | None:
        """Return all slots as the recorder lists them, None where it does not; a refusal is raised."""
        with about(_ALL):
            found = await self._managed(_ALL, None)
        return parse_cameras(found) if found is not None else None

    async def remotes(self) -> list[Camera] | None:
        """Return the slots of the table of remote devices; None on what has none, a camera that stands alone."""
        table = await self._source.table("RemoteDevice", timeout=30.0)
        return parse_remotes(table) if table is not None else None

    async def states(self) -> dict[int, str] | None:
        """Return the state of each camera, None where the firmware does not tell it; a refusal is raised."""
        with about(_STATE):
            params = await self._managed(_STATE, _EVERY)
        if params is None and self._context.client.rpc.available is False:
            params = await self._cgi_states()
        return parse_states(params) if params is not None else None

    async def lost(self) -> frozenset[int] | None:
        """Return the channels without a picture, None where that is not told either (dahua-cgi 12.1).

        A missing right and other refusals are raised.
        """
        client = self._context.client
        try:
            table = await client.cgi("eventManager.cgi", "action=getEventIndexes&code=VideoLoss")
        except DahuaRefusalError as error:
            if _NO_EVENTS in error.detail.lower():
                return frozenset()
            if is_lacking(error):
                return None
            raise
        except NvrUnsupportedError, NvrNotFoundError:
            return None
        places = (integer(item) for _, item in entries(nest(table).get("channels")))
        return frozenset(place for place in places if place is not None)

    async def _managed(self, method: str, params: Mapping[str, object] | None) -> Node | None:
        """Ask the manager of devices; some firmware answers only to an instance of it (dahua-cgi 6)."""
        rpc, quirks = self._context.client.rpc, self._context.quirks
        try:
            if not quirks.manager_instance:
                try:
                    return (await rpc.call(method, params)).params
                except HandleLostError, DahuaRefusalError:
                    pass
            try:
                answer = await rpc.call(method, params, object=await self._instance())
            except HandleLostError, SessionLostError:
                # The instance dies with the session it was made in.
                self._handle = None
                answer = await rpc.call(method, params, object=await self._instance())
        except NvrUnsupportedError, NvrNotFoundError:
            return None
        quirks.manager_instance = True
        return answer.params

    async def _instance(self) -> int:
        """Return the handle of the manager; it lives as long as the session."""
        rpc = self._context.client.rpc
        if self._handle is None or self._handle[0] != rpc.generation:
            made = await rpc.call("LogicDeviceManager.factory.instance")
            if not isinstance(made.result, int) or isinstance(made.result, bool):
                raise NvrUnsupportedError("the recorder makes no instance of its manager of devices")
            self._handle = rpc.generation, made.result
        return self._handle[1]

    async def _cgi_states(self) -> Node | None:
        """Ask by the JSON page that some firmware has beside the CGI, in both spellings (dahua-cgi 6)."""
        memory, now = self._context.memory, self._context.utcnow()
        for path in ("api/LogicDeviceManager/getCameraState", "api/LogicDeviceManager/getCameraState.cgi"):
            if memory.is_refused(path, now):
                continue
            try:
                found = await self._context.client.post_json(path, _EVERY)
            except NvrError as error:
                if not is_lacking(error):
                    raise
                memory.note_refused(path, now)
            else:
                memory.note_answered(path)
                return found
        return None
