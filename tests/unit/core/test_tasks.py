"""Work that ends as one: nothing goes on after an error or after whoever asked has left."""

import asyncio

import pytest

from custom_components.nvr.core.errors import NvrResponseError, NvrTimeoutError
from custom_components.nvr.core.tasks import together


class Work:
    """Lasts until it is ended from outside, and takes its leave in some turns of the loop."""

    def __init__(self, parting: Exception | None = None) -> None:
        self.begun = asyncio.Event()
        self.left = False
        self._parting = parting

    async def __call__(self) -> None:
        self.begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            for _ in range(3):
                await asyncio.sleep(0)
            self.left = True
            if self._parting is not None:
                raise self._parting


async def test_all_run_at_once_and_all_are_waited_for() -> None:
    done: list[int] = []
    meeting = asyncio.Barrier(3)

    async def one(number: int) -> None:
        async with asyncio.timeout(5), meeting:
            done.append(number)

    await together(*(one(number) for number in range(3)))
    assert sorted(done) == [0, 1, 2]


async def test_nothing_to_do_is_done() -> None:
    await together()


async def test_the_first_error_is_raised_as_it_is_when_the_others_have_left() -> None:
    others = Work(), Work(NvrTimeoutError("too late"))
    error = NvrResponseError("no such page")

    async def fail() -> None:
        for other in others:
            await other.begun.wait()
        raise error

    with pytest.raises(NvrResponseError) as told:
        await together(others[0](), fail(), others[1]())
    assert told.value is error
    assert [other.left for other in others] == [True, True]


async def test_who_is_cancelled_ends_all() -> None:
    works = Work(), Work()
    task = asyncio.ensure_future(together(*(work() for work in works)))
    for work in works:
        await work.begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert [work.left for work in works] == [True, True]


async def test_what_has_not_begun_when_all_end_never_does() -> None:
    works = Work(), Work()
    task = asyncio.ensure_future(together(*(work() for work in works)))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert [work.begun.is_set() for work in works] == [False, False]
