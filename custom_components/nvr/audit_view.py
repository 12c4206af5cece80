"""The audit as a file for a spreadsheet, for administrators: `/api/nvr/audit.csv`.

It takes what the websocket command takes as its query, and is read from the disk page by page while it is sent.
"""

import csv
from http import HTTPStatus
from io import StringIO
from typing import Final

from aiohttp import hdrs, web
from homeassistant.components.http import HomeAssistantView, require_admin
from homeassistant.core import HomeAssistant, callback
import probatio

from .audit_files import AuditPage
from .audit_query import FILTER_FIELDS, MAX_LIMIT, filter_of
from .audit_rows import COLUMNS, AuditFilter, csv_cells
from .shared import shared

_SCHEMA: Final = probatio.Schema(FILTER_FIELDS)
_HEADERS: Final = {
    hdrs.CACHE_CONTROL: "no-store",
    hdrs.CONTENT_DISPOSITION: 'attachment; filename="nvr_audit.csv"',
    hdrs.CONTENT_TYPE: "text/csv; charset=utf-8",
    "X-Content-Type-Options": "nosniff",
}
# Spreadsheets take a file without it for one of the system's old code page.
_MARK: Final = "\ufeff"


@callback
def async_register_audit_view(hass: HomeAssistant) -> None:
    """Register the view; once, from `async_setup`."""
    hass.http.register_view(AuditView(hass))


class AuditView(HomeAssistantView):
    """All rows that are asked for, newest first."""

    url = "/api/nvr/audit.csv"
    name = "api:nvr:audit"

    def __init__(self, hass: HomeAssistant) -> None:
        self._hass = hass

    @require_admin
    async def get(self, request: web.Request) -> web.StreamResponse:
        """Send the file."""
        asked = {key: value for key, value in request.query.items() if key != "authSig"}
        try:
            wanted = filter_of(_SCHEMA(asked))
        except probatio.Invalid as err:
            return self.json_message(str(err), HTTPStatus.BAD_REQUEST, "invalid")
        try:
            page = await self._page(wanted, None)
        except OSError:
            return self.json_message("The audit cannot be read", HTTPStatus.INTERNAL_SERVER_ERROR, "unreadable")
        response = web.StreamResponse(headers=_HEADERS)
        await response.prepare(request)
        await response.write((_MARK + _lines([list(COLUMNS)])).encode())
        while True:
            await response.write(_lines([csv_cells(row) for row in page.rows]).encode())
            if page.next is None:
                break
            page = await self._page(wanted, page.next)
        await response.write_eof()
        return response

    async def _page(self, wanted: AuditFilter, before: int | None) -> AuditPage:
        return await shared(self._hass).audit.async_query(wanted, limit=MAX_LIMIT, before=before)


def _lines(rows: list[list[str]]) -> str:
    text = StringIO(newline="")
    csv.writer(text, quoting=csv.QUOTE_ALL).writerows(rows)
    return text.getvalue()
