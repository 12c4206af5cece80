"""Requests that are shared: who leaves, who closes, and who fails."""

import asyncio

import pytest

from custom_components.nvr.core.errors import NvrResponseError, NvrUnreachableError
from custom_components.nvr.core.flights import SharedFlights


class Requests:
    """Requests that last until they are let go."""

    def __init__(self) -> None:
        self.begun = 0
        self.cancelled = 0
        self.go = asyncio.Event()
        self.error: Exception | None = None

    async def __call__(self) -> int:
        self.begun += 1
        number = self.begun
        try:
            await self.go.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        if self.error is not None:
            raise self.error
        return number


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_who_asks_for_the_same_shares_one_request() -> None:
    flights, request = SharedFlights[str, int](), Requests()
    tasks = [asyncio.ensure_future(flights.share(key, request)) for key in ("a", "a", "b")]
    await settle()
    request.go.set()
    assert await asyncio.gather(*tasks) == [1, 1, 2]
    assert await flights.share("a", request) == 3


async def test_an_error_is_everyones() -> None:
    flights, request = SharedFlights[str, int](), Requests()
    request.error = NvrResponseError("no picture")
    request.go.set()
    outcome = await asyncio.gather(*(flights.share("a", request) for _ in range(2)), return_exceptions=True)
    assert outcome == [request.error] * 2
    assert request.begun == 1


async def test_the_last_who_leaves_ends_the_request() -> None:
    flights, request = SharedFlights[str, int](), Requests()
    first, second = (asyncio.ensure_future(flights.share("a", request)) for _ in range(2))
    await settle()
    first.cancel()
    await settle()
    assert (first.cancelled(), request.cancelled) == (True, 0)
    second.cancel()
    await settle()
    assert (second.cancelled(), request.cancelled) == (True, 1)
    request.go.set()
    assert await flights.share("a", request) == 2


async def test_closing_is_an_error_in_words_for_who_waits_and_no_cancellation() -> None:
    flights, request = SharedFlights[str, int](), Requests()
    waiting = [asyncio.ensure_future(flights.share(key, request)) for key in ("a", "a", "b")]
    await settle()
    await flights.close()
    assert request.cancelled == 2
    for task in waiting:
        with pytest.raises(NvrUnreachableError, match="closed"):
            await task


async def test_closing_waits_for_a_request_that_was_left() -> None:
    flights: SharedFlights[str, int] = SharedFlights()
    ended = False

    async def request() -> int:
        nonlocal ended
        try:
            await asyncio.sleep(60)
        finally:
            await asyncio.sleep(0.01)
            ended = True
        return 0

    leaving = asyncio.ensure_future(flights.share("a", request))
    await settle()
    leaving.cancel()
    await asyncio.gather(leaving, return_exceptions=True)
    await flights.close()
    assert ended
