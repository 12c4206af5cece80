"""What waits for a viewer: bounded, and for what is live the newest counts."""

import asyncio

import pytest

from custom_components.nvr.media.streaming.frames import Kind
from custom_components.nvr.media.streaming.outbox import Message, Outbox
from custom_components.nvr.media.ticks import RATE


def message(kind: int, size: int = 10, duration: int = 0) -> Message:
    return Message(Kind(kind), bytes(size), duration)


INIT, FRAGMENT, KEY, END = 0, 1, 2, 4


def kinds(outbox: Outbox) -> list[int]:
    found = []
    while (item := outbox.take()) is not None:
        found.append(int(item.kind))
    return found


async def test_it_is_full_by_bytes_or_by_time_and_tells_when_there_is_room() -> None:
    for filled in (message(FRAGMENT, size=100), message(FRAGMENT, duration=RATE)):
        outbox = Outbox(most_bytes=100, most_ticks=RATE)
        await outbox.room()
        outbox.put(filled)
        assert outbox.full
        waiting = asyncio.ensure_future(outbox.room())
        await asyncio.sleep(0)
        assert not waiting.done()
        outbox.take()
        await waiting


async def test_live_forgets_what_waits_and_goes_on_at_the_next_key_frame() -> None:
    outbox = Outbox(most_bytes=100)
    for kind in (INIT, KEY, FRAGMENT):
        outbox.put_live(message(kind, size=40))
    outbox.put_live(message(FRAGMENT))
    outbox.put_live(message(FRAGMENT))
    assert len(outbox) == 1
    outbox.put_live(message(KEY))
    outbox.put_live(message(FRAGMENT))
    assert kinds(outbox) == [INIT, KEY, FRAGMENT]
    assert outbox.dropped == 4


async def test_what_is_no_picture_is_never_dropped() -> None:
    outbox = Outbox(most_bytes=20)
    outbox.put_live(message(INIT, size=20))
    outbox.put_live(message(FRAGMENT))
    outbox.put_live(message(END))
    assert kinds(outbox) == [INIT, END]


async def test_listener_hears_of_what_is_there_already() -> None:
    outbox, heard = Outbox(), []
    outbox.put(message(INIT))
    outbox.listen(lambda: heard.append(1))
    outbox.put(message(KEY))
    outbox.listen(None)
    outbox.put(message(KEY))
    assert len(heard) == 2
    outbox.clear()
    assert not len(outbox)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0):
            await asyncio.Event().wait()
