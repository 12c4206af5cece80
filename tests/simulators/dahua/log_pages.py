"""The log of the simulated Dahua unit, by CGI (dahua-cgi 7.3)."""

from datetime import datetime

from ..webserver import Request, Response
from .device import DahuaDevice, LogEntry
from .router import Router, bad_request, ok, text

_PAGE = 100


class LogPages:
    """Searches of the log; a boot forgets them."""

    def __init__(self, device: DahuaDevice) -> None:
        self._device = device
        self._finds: dict[int, list[LogEntry]] = {}
        self._tokens = 16
        device.on_boot.append(self._finds.clear)

    def register(self, router: Router) -> None:
        """Add the calls."""
        router.cgi("log.cgi", "startFind", self.start_log, right="system")
        router.cgi("log.cgi", "doFind", self.next_log, right="system")
        router.cgi("log.cgi", "stopFind", self.stop_log, right="system")

    def start_log(self, request: Request) -> Response:
        """Begin a search of the log; its type filter does nothing (dahua-cgi 7.3)."""
        try:
            start, end = (_moment(request.query[f"condition.{key}Time"]) for key in ("Start", "End"))
        except KeyError, ValueError:
            return bad_request()
        found = [entry for entry in self._device.log if start <= self._device.wall(entry.when) < end]
        self._tokens += 1
        self._finds[self._tokens] = found
        return text(f"token={self._tokens}")

    def next_log(self, request: Request) -> Response:
        """Answer the next page."""
        found = self._finds.get(_number(request.query.get("token")))
        if found is None:
            return bad_request()
        count = min(_number(request.query.get("count")) or _PAGE, _PAGE)
        page, found[:] = found[:count], found[count:]
        lines = [f"found={len(page)}"]
        for index, entry in enumerate(page):
            head = f"items[{index}]"
            lines += [f"{head}.Time={self._device.stamp(entry.when)}", f"{head}.User={entry.user}"]
            lines += [f"{head}.Type={entry.kind}", f"{head}.Level={entry.level}"]
            lines.append(f"{head}.Detail={'\n'.join(entry.detail)}")
        return text(lines)

    def stop_log(self, request: Request) -> Response:
        """End a search."""
        return ok() if self._finds.pop(_number(request.query.get("token")), None) is not None else bad_request()


def _moment(digits: str) -> datetime:
    return datetime.strptime(digits, "%Y-%m-%d %H:%M:%S")  # noqa: DTZ007


def _number(value: str | None) -> int:
    return int(value) if value and value.isdecimal() else 0
