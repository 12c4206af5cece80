"""The alarm inputs of the box, as they are now (hikvision-isapi 12.1)."""

from collections.abc import Mapping
from typing import Final

from ...errors import NvrUnsupportedError
from .context import Context
from .wire_settings import parse_ports

_ALL: Final = "/ISAPI/System/IO/status"
_ONE: Final = "/ISAPI/System/IO/inputs/{}/status"
# More are asked for by one request or not at all.
_MOST: Final = 16


async def read_inputs(context: Context) -> Mapping[int, bool]:
    """Return which inputs are active; raises NvrUnsupportedError where there are none, or firmware does not tell."""
    count = context.capabilities.alarm_inputs
    if count and (body := await context.client.optional(_ALL)) is not None:
        return parse_ports(body)
    found: dict[int, bool] = {}
    for number in range(1, min(count, _MOST) + 1):
        if (body := await context.client.optional(_ONE.format(number))) is None:
            break
        found |= parse_ports(body)
    if not found:
        message = "the recorder does not tell how its alarm inputs are"
        raise NvrUnsupportedError(message)
    return found
