"""Switches of search, playback and download of the simulated Dahua unit (dahua-cgi 19, items 9-14)."""

from dataclasses import dataclass


@dataclass(slots=True)
class FindFaults:
    """Searches, CGI and RPC."""

    limit: int = 8
    page_cap: int = 100
    short_pages: bool = False
    end: str = "found"


@dataclass(slots=True)
class LoadfileFaults:
    """loadfile.cgi."""

    mode: str = "ok"


@dataclass(slots=True)
class FileFaults:
    """RPC_Loadfile."""

    mode: str = "ok"


@dataclass(slots=True)
class DhavFaults:
    """The container."""

    mode: str = "ok"


@dataclass(slots=True)
class PlaybackFaults:
    """RTSP playback."""

    mode: str = "ok"
