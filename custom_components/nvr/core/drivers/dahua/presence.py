"""Which cameras there are and which of them answer: one question for all channels (dahua-cgi 6)."""

from typing import Final

from ...errors import NvrBusyError, NvrNotFoundError, NvrPermissionError, NvrResponseError, NvrUnsupportedError
from .context import Context
from .refusals import DahuaRefusalError, HandleLostError
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

    async def cameras(self) -> list[Camera] | None:
        """Return all slots as the recorder lists them, None where it does not."""
        found = await self._source.ask(_ALL)
        return parse_cameras(found) if found is not None else None

    async def remotes(self) -> list[Camera] | None:
        """Return the slots of the table of remote devices; None on what has none, a camera that stands alone."""
        table = await self._source.table("RemoteDevice", timeout=30.0)
        return parse_remotes(table) if table is not None else None

    async def states(self) -> dict[int, str] | None:
        """Return the state of each camera, None where the firmware does not tell it."""
        if self._context.quirks.camera_state == "none":
            return None
        params = await self._rpc_states()
        if params is None and self._context.client.rpc.available is False:
            params = await self._cgi_states()
        return parse_states(params) if params is not None else None

    async def lost(self) -> frozenset[int] | None:
        """Return the channels without a picture, None where that is not told either (dahua-cgi 12.1)."""
        client = self._context.client
        try:
            table = await client.cgi("eventManager.cgi", "action=getEventIndexes&code=VideoLoss")
        except DahuaRefusalError as error:
            return frozenset() if _NO_EVENTS in error.detail.lower() else None
        except NvrUnsupportedError, NvrNotFoundError, NvrPermissionError:
            return None
        places = (integer(item) for _, item in entries(nest(table).get("channels")))
        return frozenset(place for place in places if place is not None)

    async def _rpc_states(self) -> Node | None:
        rpc, quirks = self._context.client.rpc, self._context.quirks
        try:
            if quirks.camera_state != "instance":
                try:
                    answer = await rpc.call(_STATE, _EVERY)
                except HandleLostError, DahuaRefusalError:
                    pass
                else:
                    quirks.camera_state = "state"
                    return answer.params
            # Some firmware answers only to an instance of the manager (dahua-cgi 6).
            made = await rpc.call("LogicDeviceManager.factory.instance")
            if not isinstance(made.result, int) or isinstance(made.result, bool):
                return None
            answer = await rpc.call(_STATE, _EVERY, object=made.result)
        except NvrUnsupportedError, NvrNotFoundError, NvrPermissionError, DahuaRefusalError, HandleLostError:
            return None
        quirks.camera_state = "instance"
        return answer.params

    async def _cgi_states(self) -> Node | None:
        """Ask by the JSON page that some firmware has beside the CGI, in both spellings (dahua-cgi 6)."""
        memory, now = self._context.memory, self._context.utcnow()
        for path in ("api/LogicDeviceManager/getCameraState", "api/LogicDeviceManager/getCameraState.cgi"):
            if memory.is_refused(path, now):
                continue
            try:
                return await self._context.client.post_json(path, _EVERY)
            except NvrBusyError:
                raise
            except NvrUnsupportedError, NvrNotFoundError, NvrResponseError:
                memory.note_refused(path, now)
            except NvrPermissionError:
                return None
        return None
