"""An RTSP server of our own, without any vendor's facts: those come in by parameters."""

from .auth import Accounts, Gatekeeper, SimpleAccounts
from .messages import Request, parse_clock
from .options import LiveTarget, PlaybackTarget, Refusal, RtspCounters, RtspFaults, RtspOptions, Target
from .sdp import SdpStyle
from .server import RtspServer

__all__ = [
    "Accounts",
    "Gatekeeper",
    "LiveTarget",
    "PlaybackTarget",
    "Refusal",
    "Request",
    "RtspCounters",
    "RtspFaults",
    "RtspOptions",
    "RtspServer",
    "SdpStyle",
    "SimpleAccounts",
    "Target",
    "parse_clock",
]
