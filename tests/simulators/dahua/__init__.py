"""A simulated Dahua unit: CGI over HTTP and HTTPS, RPC2, events, footage, RTSP, faults."""

from .auth import RIGHTS, User
from .counters import Counters
from .device import PASSWORD, USER, DahuaDevice, SimChannel, SimulatorOptions, StreamSettings
from .events import SimEvent
from .faults import Faults
from .firmware import FIRMWARES, DeviceKind, Firmware, Slot
from .simulator import DahuaSimulator

__all__ = [
    "FIRMWARES",
    "PASSWORD",
    "RIGHTS",
    "USER",
    "Counters",
    "DahuaDevice",
    "DahuaSimulator",
    "DeviceKind",
    "Faults",
    "Firmware",
    "SimChannel",
    "SimEvent",
    "SimulatorOptions",
    "Slot",
    "StreamSettings",
    "User",
]
