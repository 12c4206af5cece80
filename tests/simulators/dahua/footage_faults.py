"""Switches of search, playback and download of the simulated Dahua unit (dahua-cgi 19, items 9-14)."""

from dataclasses import dataclass


@dataclass(slots=True)
class FindFaults:
    """Searches, CGI and RPC.

    `limit` of open finders; `page_cap` and `rpc_page_cap` of items a page; `short_pages` come before the last one;
    `end`: found (found=0) | error (an Error body). `reverse`: newest first. `calendar_base` is what getBitmapEx calls
    channel 1; `calendar_wrong`: its bitmaps are shifted by a day.
    """

    limit: int = 8
    page_cap: int = 100
    rpc_page_cap: int = 1024
    short_pages: bool = False
    end: str = "found"
    reverse: bool = False
    calendar_base: int = 0
    calendar_wrong: bool = False


@dataclass(slots=True)
class TransferFaults:
    """How bytes of footage come: `rate` in bytes a second (0: as fast as they can), `trickle`: 250 bytes at a time.

    `cut_after` bytes the connection is reset; `drops`: so many transfers are reset at once; `status` refuses all.
    """

    rate: float = 0.0
    trickle: bool = False
    first_byte: float = 0.0
    cut_after: int = 0
    drops: int = 0
    status: int = 0


@dataclass(slots=True)
class LoadfileFaults(TransferFaults):
    """loadfile.cgi. `preamble`: random | false (holds a false DHAV) | none.

    `seek`: seconds the cut comes early (negative) or late; "drift": it varies within the hour, -36 to +11.
    `empty_on_five`: no byte for starts on whole five minutes. `truncate`: the cut ends with the file it began in.
    `wedge_after` so many clients that hung up everything is refused until a reboot (0: never). `empty`: so many
    answers have no body.
    """

    preamble: str = "random"
    seek: float | str = 0.0
    empty_on_five: bool = False
    truncate: bool = False
    wedge_after: int = 0
    empty: int = 0
    length: bool = True


@dataclass(slots=True)
class FileFaults(TransferFaults):
    """RPC_Loadfile and RPC3_Loadfile.

    `spelling` of the path: any | encoded | raw. `multipart`: None as the profile. `dhii`: an index stands before the
    first frame. `jpg_extra`: bytes a still's Content-Length promises too many. `iframe`: json | base64 | multipart.
    """

    spelling: str = "any"
    content_type: str = "application/http"
    multipart: bool | None = None
    dhii: bool = False
    jpg_extra: int = 0
    iframe: str = "json"
    iframe_dhav: bool = False


@dataclass(slots=True)
class DhavFaults:
    """The container. `mid_group`: a cut begins with the rest of a group, before any key picture.

    Of every `damage_every` frames one has a wrong checksum and a wrong byte in its payload.
    """

    mid_group: bool = False
    damage_every: int = 0


@dataclass(slots=True)
class PlaybackFaults:
    """RTSP playback. `by_time`: playback | realmonitor | both | none, "" as the profile."""

    by_time: str = ""
    by_file: bool = True
    sub: bool = True
