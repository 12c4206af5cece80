"""A simulated Hikvision recorder: ISAPI over HTTP and HTTPS, RTSP, events, faults."""

from ..switches import PathFault
from .alerts import Alert
from .auth import DigestProfile, User
from .counters import Counters
from .device import PASSWORD, USER, SimChannel, SimulatorOptions, StreamSettings
from .faults import Faults
from .firmware import FIRMWARES, DeviceKind, Firmware
from .simulator import HikvisionSimulator

__all__ = [
    "FIRMWARES",
    "PASSWORD",
    "USER",
    "Alert",
    "Counters",
    "DeviceKind",
    "DigestProfile",
    "Faults",
    "Firmware",
    "HikvisionSimulator",
    "PathFault",
    "SimChannel",
    "SimulatorOptions",
    "StreamSettings",
    "User",
]
