"""Sending footage as a Dahua unit does: paced, cut, counted, and never more of it in memory than a group."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

from tests.simulators.footage import Span

from ..webserver import Response, Sink
from .bulk import BulkDhav
from .device import DahuaDevice
from .footage_faults import TransferFaults

_PIECE, _TRICKLED = 64 * 1024, 250
_TRICKLE_RATE = 1000.0


def bulk_of(device: DahuaDevice, channel: int, span: Span) -> BulkDhav | None:
    """Return what is sent in place of real footage, where a benchmark wants much of it."""
    size = device.options.bulk
    return None if size is None else BulkDhav(device.clock, channel, span, size)


@dataclass(slots=True)
class Transfer:
    """One answer that carries footage. `ended` is called once with whether all of it was sent."""

    device: DahuaDevice
    faults: TransferFaults
    chunks: Callable[[], AsyncIterator[bytes]]
    ended: Callable[[bool], None] = lambda _whole: None
    whole: bool = False

    def response(self, *, length: int | None, content_type: str) -> Response:
        """Return the answer; without a length it ends with the connection."""
        counters = self.device.counters
        counters.transfers += 1
        counters.transfers_active += 1
        counters.max_transfers_active = max(counters.max_transfers_active, counters.transfers_active)
        return Response(
            200, content_type=content_type, stream=self._send, length=length, raw=True, finished=self._finished
        )

    def _finished(self) -> None:
        counters = self.device.counters
        counters.transfers_active -= 1
        counters.transfers_aborted += not self.whole
        self.ended(self.whole)

    async def _send(self, sink: Sink) -> None:
        faults, sent = self.faults, 0
        await asyncio.sleep(faults.first_byte)
        if faults.drops:
            faults.drops -= 1
            self.whole = True  # it was not the client who left
            sink.abort()
            return
        async for chunk in self.chunks():
            paced = faults.trickle or faults.rate or faults.cut_after
            size = _TRICKLED if faults.trickle else _PIECE if paced else max(1, len(chunk))
            for at in range(0, len(chunk), size):
                piece = chunk[at : at + size]
                if faults.cut_after and sent + len(piece) > faults.cut_after:
                    self.whole = True
                    await sink.write(piece[: faults.cut_after - sent])
                    sink.abort()
                    return
                await sink.write(piece)
                sent += len(piece)
                rate = _TRICKLE_RATE if faults.trickle else faults.rate
                if rate:
                    await asyncio.sleep(len(piece) / rate)
        self.whole = True
