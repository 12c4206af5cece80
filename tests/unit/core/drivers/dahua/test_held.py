"""What is open on the recorder for us, and errors that nobody is there to hear."""

import asyncio
import logging

import pytest

from custom_components.nvr.core.drivers.dahua.held import Held
from custom_components.nvr.core.errors import NvrBusyError


async def _made() -> int:
    return 7


async def _work(held: Held, begun: asyncio.Event, failure: Exception) -> None:
    async def give_back(_thing: int) -> None:
        raise failure

    async with held.hold(_made(), give_back):
        begun.set()
        await asyncio.Event().wait()


@pytest.mark.parametrize(
    ("failure", "told"), [(KeyError("ours"), True), (NvrBusyError("the recorder's"), False)], ids=["ours", "its"]
)
async def test_an_error_of_ours_while_a_thing_is_given_back_is_logged(
    caplog: pytest.LogCaptureFixture, failure: Exception, *, told: bool
) -> None:
    held, begun = Held(), asyncio.Event()
    user = asyncio.create_task(held.use(_work(held, begun, failure)))
    await begun.wait()
    user.cancel()
    with pytest.raises(asyncio.CancelledError):
        await user
    await held.close()
    errors = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert [record.exc_info[1] for record in errors if record.exc_info] == ([failure] if told else [])


async def test_an_error_of_work_that_somebody_waits_for_is_his(caplog: pytest.LogCaptureFixture) -> None:
    held = Held()

    async def fail() -> None:
        raise KeyError("ours")

    with pytest.raises(KeyError):
        await held.use(fail())
    assert not caplog.records


async def test_an_error_of_work_that_nobody_waits_for_any_more_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    held, begun = Held(), asyncio.Event()

    async def fail_when_cancelled() -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            raise KeyError("ours")

    user = asyncio.create_task(held.use(fail_when_cancelled()))
    await begun.wait()
    user.cancel()
    with pytest.raises(asyncio.CancelledError):
        await user
    assert [record.levelname for record in caplog.records] == ["ERROR"]
