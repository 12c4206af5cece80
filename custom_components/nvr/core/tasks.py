"""Work that is begun at once and ends as one."""

import asyncio
from collections.abc import Coroutine


async def together(*work: Coroutine[object, object, None]) -> None:
    """Run all at once; the first error ends the others and is raised as it is, once all have ended.

    Who is cancelled meanwhile ends all.
    """
    tasks = [asyncio.ensure_future(each) for each in work]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def finish[T](work: Coroutine[object, object, T]) -> T:
    """Return what the work gives; it is done to its end even when who waits is cancelled, who is cancelled then."""
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait({task})
        raise
