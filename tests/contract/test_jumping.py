"""The loop that other tests trust with their minutes."""

import asyncio
import time

import pytest

from .jumping import JumpingLoop, jumping, utcnow

pytestmark = pytest.mark.usefixtures("socket_enabled")


@jumping
async def test_hours_pass_in_no_time_and_in_their_order() -> None:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, JumpingLoop)
    begun, real, day = loop.time(), time.monotonic(), utcnow()
    woken: list[int] = []

    async def wake(hours: int) -> None:
        await asyncio.sleep(3600 * hours)
        woken.append(hours)

    await asyncio.gather(wake(3), wake(1), wake(2))
    assert woken == [1, 2, 3]
    assert 3 * 3600 <= loop.time() - begun < 4 * 3600
    assert (utcnow() - day).total_seconds() >= 3 * 3600 - 1
    assert time.monotonic() - real < 3600


@jumping
async def test_a_thread_is_waited_for() -> None:
    async with asyncio.timeout(5):
        await asyncio.to_thread(time.sleep, 0.05)


@jumping
async def test_bytes_under_way_come_before_any_time_limit() -> None:
    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(await reader.readexactly(1 << 20))
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    async with asyncio.timeout(2):
        writer.write(bytes(1 << 20))
        assert len(await reader.read(-1)) == 1 << 20
    writer.close()
    server.close()
