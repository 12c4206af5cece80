"""Which of a camera's streams a viewer gets: the best one he decodes, else single pictures, else the reason why not."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final

from ...core.errors import NvrNotFoundError, NvrUnsupportedError
from ...core.models import StreamRole, VideoCodec
from ..codecs import ENTRIES
from .feed import Feed

STILLS: Final = "jpeg"
"""What a viewer names who takes single pictures for want of anything better."""


@dataclass(frozen=True, slots=True)
class Rung:
    """What a viewer gets. `stills`: key frames as JPEG; `refused`: the codec he would have got, could he decode it."""

    role: StreamRole
    stills: bool = False
    refused: VideoCodec | None = None


type OpenRung = Callable[[Rung], Awaitable[Feed]]
"""Opens what stands on a rung; raises NvrError subclasses."""


class CodecRefusedError(NvrUnsupportedError):
    """The viewer decodes none of the camera's streams; `codec` is what the best of them is."""

    def __init__(self, codec: VideoCodec) -> None:
        """Keep the codec."""
        super().__init__(f"the viewer does not decode {codec}")
        self.codec = codec


async def climb_down(
    roles: Sequence[StreamRole], accept: frozenset[str], open_rung: OpenRung, known: Rung | None = None
) -> tuple[Rung, Feed]:
    """Return the first rung that holds, open. `roles`: the camera's streams, best first; `known`: what held before.

    Raises CodecRefusedError where the codec is what is wrong, else the first reason why there is none.
    """
    if known is not None and (feed := await _open_known(known, accept, open_rung)) is not None:
        return known, feed
    problem: NvrNotFoundError | NvrUnsupportedError | None = None
    refused: VideoCodec | None = None
    smallest: StreamRole | None = None
    for role in roles:
        rung = Rung(role, refused=refused)
        try:
            feed = await open_rung(rung)
        except (NvrNotFoundError, NvrUnsupportedError) as err:
            problem = problem or err
            continue
        if ENTRIES.get(feed.codec) in accept:
            return rung, feed
        refused, smallest = refused or feed.codec, role
        await feed.close()
    if refused is None or smallest is None:
        raise problem or NvrNotFoundError("the camera has no stream")
    if STILLS not in accept:
        raise CodecRefusedError(refused)
    rung = Rung(smallest, stills=True, refused=refused)
    return rung, await open_rung(rung)


async def _open_known(rung: Rung, accept: frozenset[str], open_rung: OpenRung) -> Feed | None:
    """Return what held before, open; None where it does not hold here: recorders change their codecs."""
    try:
        feed = await open_rung(rung)
    except NvrNotFoundError, NvrUnsupportedError:
        return None
    if rung.stills or ENTRIES.get(feed.codec) in accept:
        return feed
    await feed.close()
    return None
