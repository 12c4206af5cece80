"""What may be asked of the audit, the same over the websocket and over HTTP."""

from collections.abc import Mapping
from typing import Any, Final

from homeassistant.helpers import config_validation as cv
from homeassistant.util import dt as dt_util
import probatio

from .audit_rows import AuditFilter, AuditKind

MAX_LIMIT: Final = 1000

_CHANNEL: Final = probatio.All(probatio.Coerce(int), probatio.Range(min=1, max=99_999))
FILTER_FIELDS: Final[dict[Any, Any]] = {
    probatio.Optional("start"): cv.datetime,
    probatio.Optional("end"): cv.datetime,
    probatio.Optional("user_id"): cv.string,
    probatio.Optional("entry_id"): cv.string,
    probatio.Optional("channel"): _CHANNEL,
    probatio.Optional("kinds"): probatio.All(cv.ensure_list_csv, [probatio.In([kind.value for kind in AuditKind])]),
}


def filter_of(asked: Mapping[str, Any]) -> AuditFilter:
    """Return the filter of checked fields; times without a zone are Home Assistant's."""
    start, end, kinds = asked.get("start"), asked.get("end"), asked.get("kinds")
    return AuditFilter(
        start=dt_util.as_utc(start) if start is not None else None,
        end=dt_util.as_utc(end) if end is not None else None,
        user_id=asked.get("user_id"),
        entry_id=asked.get("entry_id"),
        channel=asked.get("channel"),
        kinds=frozenset(kinds) if kinds else None,
    )
