"""What newer firmware there is, as the recorder hears it from its maker (dahua-cgi 7.4)."""

from typing import Final

from ...errors import NvrPermissionError, NvrResponseError, NvrUnsupportedError
from ...models import FirmwareOffer
from .context import Context
from .refusals import DahuaRefusalError, is_failing
from .source import Source
from .wire import text

_STATE: Final = "CloudUpgrader.getState"
_CHECK: Final = "CloudUpgrader.check"
# 0: by the recorder's own way to the internet.
_DIRECT: Final = 0
# The words of the vendor's programming guide for what was found: nothing, something, something that cannot wait.
_NOTHING: Final = frozenset({"none", "", "unknown"})
# The recorder asks over the internet before it answers.
_PATIENCE: Final = 40.0


class Firmware:
    """Asks and never installs."""

    def __init__(self, context: Context) -> None:
        """Hold the context."""
        self._source = Source(context)

    async def offered(self) -> bool:
        """Tell whether this firmware knows how to ask; a user without the right to is told of none."""
        try:
            return await self._source.ask(_STATE) is not None
        except NvrPermissionError:
            return False
        except DahuaRefusalError as error:
            if is_failing(error):
                raise
            return False

    async def newest(self) -> FirmwareOffer:
        """Have the maker's server asked; raises NvrUnsupportedError where the recorder has no way to it."""
        try:
            told = await self._source.ask(_CHECK, {"way": _DIRECT}, timeout=_PATIENCE)
        except DahuaRefusalError as error:
            if is_failing(error):
                raise
            told = None
        if told is None:
            message = "the recorder cannot ask its maker for firmware"
            raise NvrUnsupportedError(message)
        version = text(told, "NewVersion")
        if text(told, "State").lower() in _NOTHING and not version:
            return FirmwareOffer(None)
        if not version:
            message = "the recorder tells of new firmware and names none"
            raise NvrResponseError(message)
        is_new = text(told, "State").lower() not in _NOTHING
        return FirmwareOffer(version if is_new else None, text(told, "Attention"))
