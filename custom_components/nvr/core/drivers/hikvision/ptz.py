"""Cameras that move (hikvision-isapi 12.2)."""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Final

from ...controls import PtzAbilities, PtzMotion, PtzOrder, PtzPreset
from ...errors import NvrError, NvrNotFoundError, NvrUnsupportedError
from ...transport.gate import Priority
from .context import Context
from .refusals import HikvisionRefusalError
from .wire_ptz import lens_body, motion_body, parse_head, parse_presets, preset_body

# A head that does not answer soon is asked anew; a stop must not wait behind it for long (s).
TIMEOUT: Final = 4.0
# Some recorders know the proxied path only (12.2).
_BASES: Final = ("/ISAPI/PTZCtrl/channels", "/ISAPI/ContentMgmt/PTZCtrlProxy/channels")
_LENS: Final = "/ISAPI/System/Video/inputs/channels"
_ORDERS: Final = {
    PtzOrder.GO_TO_PRESET: "presets/{}/goto",
    PtzOrder.START_PATROL: "patrols/{}/start",
    PtzOrder.STOP_PATROL: "patrols/{}/stop",
}


def _speed(value: float) -> int:
    return round(100 * max(-1.0, min(1.0, value)))


class Ptz:
    """Moves, in a lane of their own: no stop waits behind a search."""

    def __init__(self, context: Context) -> None:
        """Hold the context; nothing is known of any head."""
        self._context = context
        self._base: dict[int, str] = {}
        self._lens: dict[int, set[str]] = {}

    async def abilities(self, channel: int) -> PtzAbilities:
        """Return what the camera can do; raises NvrUnsupportedError for one that does not move."""
        self._context.channel(channel)
        bases = (self._base[channel],) if channel in self._base else _BASES
        for base in bases:
            try:
                head = parse_head(await self._get(f"{base}/{channel}/capabilities"))
            except NvrError as error:
                if not _is_lacking(error):
                    raise
                continue
            if not (head.pan_tilt or head.zoom or head.presets):
                break
            self._base[channel] = base
            return PtzAbilities(
                pan_tilt=head.pan_tilt,
                zoom=head.zoom,
                # No document tells of them; a lens that zooms is moved by the same motor driver.
                focus=head.zoom,
                iris=head.zoom,
                presets=head.presets,
                patrols=head.patrols,
            )
        message = "the camera does not move"
        raise NvrUnsupportedError(message)

    async def move(self, channel: int, motion: PtzMotion) -> None:
        """Move from now on; a still motion stops all, the lens only where it was moved by us."""
        self._context.channel(channel)
        moving = self._lens.setdefault(channel, set())
        for part, value in (("focus", motion.focus), ("iris", motion.iris)):
            if value or part in moving:
                moving.add(part)
                await self._put(f"{_LENS}/{channel}/{part}", lens_body(part, _speed(value)))
                if not value:
                    moving.discard(part)
        if motion.still or motion.pan or motion.tilt or motion.zoom:
            body = motion_body(_speed(motion.pan), _speed(motion.tilt), _speed(motion.zoom))
            await self._put(f"{self._of(channel)}/continuous", body)

    async def presets(self, channel: int) -> Sequence[PtzPreset]:
        """Return the stored positions, by number; those without a name are called by it."""
        self._context.channel(channel)
        stored = parse_presets(await self._get(f"{self._of(channel)}/presets"))
        used = sorted((preset for preset in stored if preset.enabled), key=lambda preset: preset.number)
        return tuple(PtzPreset(preset.number, preset.name or str(preset.number)) for preset in used)

    async def order(self, channel: int, order: PtzOrder, number: int, name: str = "") -> None:
        """Go to or save a preset, start or stop a patrol."""
        self._context.channel(channel)
        base = self._of(channel)
        if order is PtzOrder.SAVE_PRESET:
            listed = await self._get(f"{base}/presets")
            await self._put(f"{base}/presets/{number}", preset_body(listed, number, name))
            return
        try:
            await self._put(f"{base}/{_ORDERS[order].format(number)}")
        except HikvisionRefusalError as error:
            if error.is_bad_request:
                message = "the camera has no preset or patrol of that number"
                raise NvrNotFoundError(message) from error
            raise

    def _of(self, channel: int) -> str:
        return f"{self._base.get(channel, _BASES[0])}/{channel}"

    async def _get(self, path: str) -> bytes:
        return await self._context.client.get(path, lane="ptz", priority=Priority.PERSON, timeout=TIMEOUT)

    async def _put(self, path: str, body: bytes = b"") -> None:
        await self._context.client.put(path, body, lane="ptz", timeout=TIMEOUT, again=True)


def _is_lacking(error: NvrError) -> bool:
    if isinstance(error, HikvisionRefusalError):
        return error.is_bad_request or error.status == HTTPStatus.INTERNAL_SERVER_ERROR
    return isinstance(error, NvrUnsupportedError | NvrNotFoundError)
