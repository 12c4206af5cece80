"""Cameras that move (dahua-cgi 13)."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Final
from urllib.parse import quote

from ...controls import PtzAbilities, PtzMotion, PtzOrder, PtzPreset
from ...errors import NvrError, NvrNotFoundError, NvrUnsupportedError
from ...models import RecorderKind
from ...transport.gate import Priority
from .context import Context
from .refusals import DahuaRefusalError, is_failing, is_lacking
from .wire import Node, decode, nest, parse_lines
from .wire_ptz import Drive, HeadCaps, drives, parse_caps, parse_presets

# A head that does not answer soon is asked anew; a stop must not wait behind it for long (s).
TIMEOUT: Final = 4.0
_PAGE: Final = "ptz.cgi"
_FASTEST: Final = 8
# Any stop ends a head's motion; which one matters where nobody knows what moves.
_STOPS: Final = (Drive("Up", 0, 1), Drive("ZoomTele", 0, 1))
_ORDERS: Final = {PtzOrder.GO_TO_PRESET: "GotoPreset", PtzOrder.SAVE_PRESET: "SetPreset"}
_TOURS: Final = {PtzOrder.START_PATROL: "StartTour", PtzOrder.STOP_PATROL: "StopTour"}


class Ptz:
    """Moves, in a lane of their own: no stop waits behind a search."""

    def __init__(self, context: Context) -> None:
        """Hold the context; nothing is known of any head."""
        self._context = context
        self._caps: dict[int, HeadCaps] = {}
        self._under_way: dict[int, tuple[Drive, ...]] = {}
        self._from_zero = False

    async def abilities(self, channel: int) -> PtzAbilities:
        """Return what the camera can do; raises NvrUnsupportedError for one that does not move."""
        caps = await self._read_caps(channel)
        found = PtzAbilities(
            pan_tilt=caps.pan or caps.tilt,
            zoom=caps.zoom,
            focus=caps.focus,
            iris=caps.iris,
            presets=caps.presets,
            patrols=caps.tours,
        )
        # Fixed cameras behind a recorder name focus and presets of a protocol they do not move by.
        if not (found.pan_tilt or found.zoom):
            message = "the camera does not move"
            raise NvrUnsupportedError(message)
        self._caps[channel] = caps
        return found

    async def move(self, channel: int, motion: PtzMotion) -> None:
        """Move from now on; what moved before is stopped by the code that began it, where nobody began it by two."""
        self._context.channel(channel)
        fastest = self._caps[channel].fastest if channel in self._caps else _FASTEST
        wanted = tuple(drives(asdict(motion), fastest))
        before = self._under_way.get(channel, ())
        ended = [drive for drive in before if drive.code not in {item.code for item in wanted}]
        if motion.still and not before:
            ended = list(_STOPS)
        self._under_way[channel] = (*ended, *wanted)
        for drive in ended:
            await self._tell(drive.query("stop", self._number(channel)))
        for drive in wanted:
            await self._tell(drive.query("start", self._number(channel)))
        self._under_way[channel] = wanted

    async def presets(self, channel: int) -> Sequence[PtzPreset]:
        """Return the stored positions, by number; those without a name are called by it."""
        self._context.channel(channel)
        found = parse_presets(await self._ask(f"action=getPresets&channel={self._number(channel)}"))
        return tuple(PtzPreset(number, name or str(number)) for number, name in sorted(found.items()))

    async def order(self, channel: int, order: PtzOrder, number: int, name: str = "") -> None:
        """Go to or save a preset, start or stop a patrol."""
        self._context.channel(channel)
        wire = self._number(channel)
        args = (number, 0) if order in _TOURS else (0, number)
        code = _TOURS.get(order) or _ORDERS[order]
        try:
            await self._tell(Drive(code, *args).query("start", wire))
            if order is PtzOrder.SAVE_PRESET and name:
                await self._tell(f"action=setPreset&channel={wire}&arg1={number}&arg2={quote(name, safe='')}")
        except DahuaRefusalError as error:
            if is_failing(error):
                raise
            message = "the camera has no preset or patrol of that number"
            raise NvrNotFoundError(message) from error

    async def _read_caps(self, channel: int) -> HeadCaps:
        """Ask for the caps; cameras of old count their one channel from 0 (dahua-cgi 4)."""
        self._context.channel(channel)
        starts = (False, True) if self._context.kind is RecorderKind.CAMERA else (False,)
        for from_zero in starts:
            self._from_zero = from_zero
            try:
                return parse_caps(await self._ask(f"action=getCurrentProtocolCaps&channel={self._number(channel)}"))
            except NvrError as error:
                if not is_lacking(error):
                    raise
        self._from_zero = False
        message = "the recorder tells of no camera that moves there"
        raise NvrUnsupportedError(message)

    def _number(self, channel: int) -> int:
        return channel - 1 if self._from_zero else channel

    async def _ask(self, query: str) -> Node:
        return nest(parse_lines(decode(await self._get(query))))

    async def _tell(self, query: str) -> None:
        await self._get(query)

    async def _get(self, query: str) -> bytes:
        return await self._context.client.get(_PAGE, query, lane="ptz", priority=Priority.PERSON, timeout=TIMEOUT)
