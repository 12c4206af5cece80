"""Work that is ended although who asked for it has gone."""

import asyncio

import pytest

from custom_components.nvr.core.drivers.dahua.unbroken import Unbroken
from custom_components.nvr.core.errors import NvrBusyError, NvrUnreachableError


async def test_what_the_work_returns_or_raises_is_handed_on() -> None:
    unbroken = Unbroken()

    async def fail() -> None:
        raise NvrBusyError("full")

    assert await unbroken.run(asyncio.sleep(0, "done")) == "done"
    with pytest.raises(NvrBusyError):
        await unbroken.run(fail())
    await unbroken.end(0.0)


async def test_a_cancel_reaches_the_asker_alone() -> None:
    unbroken, go, ended = Unbroken(), asyncio.Event(), asyncio.Event()

    async def work() -> None:
        await go.wait()
        ended.set()
        raise NvrBusyError("nobody hears it, and nobody need")

    asker = asyncio.ensure_future(unbroken.run(work()))
    await asyncio.sleep(0)
    asker.cancel()
    await asyncio.gather(asker, return_exceptions=True)
    assert asker.cancelled()
    assert not ended.is_set()
    go.set()
    await unbroken.end(10.0)
    assert ended.is_set()


async def test_the_end_waits_no_longer_than_it_may() -> None:
    unbroken = Unbroken()
    asker = asyncio.ensure_future(unbroken.run(asyncio.Event().wait()))
    await asyncio.sleep(0)
    await unbroken.end(0.01)
    with pytest.raises(NvrUnreachableError):
        await asker
