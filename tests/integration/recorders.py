"""The families of recorders, one row each: what the tests that know no brand need to know of one."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from tests.simulators.dahua import DahuaSimulator
from tests.simulators.hikvision import HikvisionSimulator

type Recorder = HikvisionSimulator | DahuaSimulator


@dataclass(frozen=True, slots=True)
class Family:
    """A family: its simulator, the names its switches have, and how to see what is open on the recorder."""

    key: str
    simulator: Callable[..., Any]
    device_name: str
    model: str
    motion: str
    back_off: str
    open: Callable[[Any], dict[str, int]]
    hang: dict[str, str]
    slow_download: dict[str, float]
    calls: Callable[[Any, str], int]


def _hikvision_open(nvr: HikvisionSimulator) -> dict[str, int]:
    return {"event streams": nvr.counters.alert_streams_active, "downloads": nvr.counters.downloads_active}


def _hikvision_calls(nvr: HikvisionSimulator, path: str) -> int:
    return nvr.counters.by_path[path]


def _dahua_open(nvr: DahuaSimulator) -> dict[str, int]:
    counters = nvr.counters
    return {
        "event streams": counters.event_streams_active,
        "downloads": counters.transfers_active,
        "sessions": counters.rpc_sessions,
        "finders": counters.finders_open,
    }


def _dahua_calls(nvr: DahuaSimulator, path: str) -> int:
    return nvr.counters.by_call[path]


HIKVISION: Final = Family(
    key="hikvision",
    simulator=HikvisionSimulator,
    device_name="NVR Demo",
    model="DS-7608NXI-K2/8P",
    motion="VMD",
    back_off="custom_components.nvr.core.drivers.hikvision.events.BACK_OFF",
    open=_hikvision_open,
    hang={
        "search": "/ISAPI/ContentMgmt/search",
        "still": "/ISAPI/Streaming/channels/101/picture",
        "poll": "/ISAPI/ContentMgmt/InputProxy/channels",
    },
    slow_download={"download__rate": 20_000.0},
    calls=_hikvision_calls,
)
DAHUA: Final = Family(
    key="dahua",
    simulator=DahuaSimulator,
    device_name="DH-NVR5232-4KS3/I",
    model="DH-NVR5232-4KS3/I",
    motion="VideoMotion",
    back_off="custom_components.nvr.core.drivers.dahua.events.BACK_OFF",
    open=_dahua_open,
    # A session that cannot say goodbye stays for a minute: what goes by RPC is left out here.
    hang={"still": "snapshot.cgi"},
    slow_download={"file__rate": 20_000.0},
    calls=_dahua_calls,
)
FAMILIES: Final = (HIKVISION, DAHUA)


def family_of(nvr: Recorder) -> Family:
    """Return the family of a simulator."""
    return next(family for family in FAMILIES if isinstance(nvr, family.simulator))  # type: ignore[arg-type]
