"""The families the benchmarks measure: one row each. Targets stand in each benchmark beside its figures."""

from collections.abc import Callable
from dataclasses import dataclass
import sys
from typing import Any

from custom_components.nvr.core.driver import Driver
from custom_components.nvr.core.drivers.dahua import DahuaDriver
from custom_components.nvr.core.drivers.hikvision import HikvisionDriver


@dataclass(frozen=True, slots=True)
class Family:
    """One family: its driver, how its simulator is started, and where a bare client finds what it compares with.

    `search` makes the simulator serve as many searches at once as a driver sends. `split` is the switch that sends
    events in pieces, and `pieces` how many of those a burst may have: one that sends them apart takes its time.
    """

    name: str
    driver: Callable[..., Driver]
    profile: str
    who: str
    events: str
    split: str
    pieces: int
    search: tuple[str, ...] = ()

    def entry(self, port: int, login: tuple[str, str]) -> dict[str, Any]:
        """Return the data of a config entry as the flow makes it."""
        user, password = login
        data = {"host": "127.0.0.1", "port": port, "username": user, "password": password, "tls": "off"}
        return {**data, "family": self.name}


FAMILIES = (
    Family(
        "hikvision",
        HikvisionDriver,
        "nvr32",
        who="/ISAPI/System/deviceInfo",
        events="/ISAPI/Event/notification/alertStream",
        split="alerts.split",
        pieces=400_000,
        search=("--fault", "search.concurrency=8", "--fault", "load.workers=16"),
    ),
    Family(
        "dahua",
        DahuaDriver,
        "nvr5232",
        who="/cgi-bin/magicBox.cgi?action=getSystemInfo",
        events="/cgi-bin/eventManager.cgi?action=attach&codes=[All]&heartbeat=5",
        split="events.split",
        pieces=15_000,
    ),
)


def chosen() -> list[Family]:
    """Return the families named as options of the benchmark, all without any."""
    known = {family.name: family for family in FAMILIES}
    unknown = [name for name in sys.argv[1:] if name not in known]
    if unknown:
        sys.exit(f"no family {' '.join(unknown)}; there are: {' '.join(known)}")
    return [known[name] for name in sys.argv[1:]] or list(FAMILIES)
