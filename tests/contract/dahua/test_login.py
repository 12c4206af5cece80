"""Logins over CGI and RPC2: what each refusal means, nonces that serve once, sessions that are kept alive."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from custom_components.nvr.core import errors
from custom_components.nvr.core.credentials import LOCK_MARGIN, LoginGuard
from custom_components.nvr.core.drivers.dahua import DahuaDriver, rpc
from tests.simulators.dahua.simulator import DahuaSimulator
from tests.simulators.switches import PathFault

from ..helpers import until
from ..rig import USER, WRONG, config_for
from ..rigs.dahua import driving

pytestmark = pytest.mark.usefixtures("socket_enabled")


async def test_basic_needs_consent() -> None:
    async with DahuaSimulator(profile="nvr5232") as simulator:
        simulator.faults.auth.mode = "basic"
        simulator.faults.rpc.gone = True
        with pytest.raises(errors.NvrInsecureLoginError):
            async with driving(simulator):
                pass


async def test_without_rpc_a_wrong_password_goes_out_twice_at_most() -> None:
    async with DahuaSimulator(profile="nvr5232") as simulator:
        simulator.faults.rpc.gone = True
        driver = DahuaDriver(config_for(simulator, password=WRONG))
        with pytest.raises(errors.NvrAuthError):
            await driver.connect()
        assert simulator.counters.auth_failures == 1
        for _ in range(3):
            with pytest.raises(errors.NvrAuthError):
                await driver.connect()
        assert simulator.counters.auth_failures <= 2
        requests = simulator.counters.requests
        with pytest.raises(errors.NvrAuthError):
            await driver.connect()
        assert simulator.counters.requests == requests
        assert not driver.guard.usable
        await driver.close()


async def test_a_lock_that_is_answered_as_a_missing_right_is_told_as_one() -> None:
    now = datetime.now(UTC)

    def clock() -> datetime:
        return now

    async with DahuaSimulator(profile="nvr5232") as simulator:
        simulator.faults.auth.locked_status = 403
        async with driving(simulator, utcnow=clock) as driver:
            assert driver.snapshots is not None
            await driver.snapshots.snapshot(1)
            await _lock(simulator)
            simulator.end_sessions()
            failures = simulator.counters.auth_failures
            with pytest.raises(errors.NvrLockedError) as told:
                await driver.snapshots.snapshot(1)
            assert told.value.until is not None
            assert timedelta(seconds=250) < told.value.until - now < timedelta(seconds=330)
            requests = simulator.counters.requests
            for work in (driver.ping, driver.refresh_channels):
                with pytest.raises(errors.NvrLockedError):
                    await work()
            assert simulator.counters.requests == requests
            assert simulator.counters.auth_failures == failures
            simulator.login.unlock()
            now = told.value.until + timedelta(seconds=1)
            await driver.ping()
            await driver.snapshots.snapshot(1)
            assert driver.guard.refusals == 0


@pytest.mark.parametrize("told", [True, False])
async def test_a_password_that_locks_at_once_is_sent_twice_over_all_locks(*, told: bool) -> None:
    now = datetime.now(UTC)

    def seconds() -> float:
        return now.timestamp()

    async with DahuaSimulator(profile="nvr5232") as simulator:
        policy = simulator.faults.auth
        policy.lock_times, policy.lock_seconds, policy.lock_told = 1, 60.0, told
        simulator.login.now = seconds
        driver = DahuaDriver(config_for(simulator, password=WRONG), utcnow=lambda: now)
        for _ in range(4):
            with pytest.raises((errors.NvrAuthError, errors.NvrLockedError)):
                await driver.connect()
            now += timedelta(hours=1)
        assert simulator.counters.auth_failures <= 2
        assert not driver.guard.usable
        before = simulator.counters.requests
        with pytest.raises(errors.NvrAuthError):
            await driver.connect()
        assert simulator.counters.requests == before
        await driver.close()


async def test_a_right_password_outlives_locks_that_name_no_end() -> None:
    now = datetime.now(UTC)

    def seconds() -> float:
        return now.timestamp()

    async with DahuaSimulator(profile="nvr5232") as simulator:
        policy = simulator.faults.auth
        policy.lock_seconds, policy.lock_told = 1800.0, False
        simulator.login.now = seconds
        driver = DahuaDriver(config_for(simulator), utcnow=lambda: now)
        simulator.login.lock("127.0.0.1", USER)
        for _ in range(3):
            with pytest.raises(errors.NvrLockedError) as told:
                await driver.connect()
            # Who asks in the midst of a lock takes it for the next one.
            now += timedelta(minutes=6)
        assert told.value.until is not None
        now = told.value.until
        await driver.connect()
        assert driver.guard.refusals == 0
        await driver.close()


async def test_a_lock_is_told_in_its_own_words() -> None:
    async with DahuaSimulator(profile="nvr5232") as simulator:
        simulator.login.lock("127.0.0.1", USER)
        driver = DahuaDriver(config_for(simulator))
        with pytest.raises(errors.NvrLockedError, match=r"locked this login$"):
            await driver.connect()
        # From then on it is the guard that speaks.
        with pytest.raises(errors.NvrLockedError, match="or our address"):
            await driver.connect()
        await driver.close()


async def test_a_missing_right_is_looked_into_once_whatever_the_time_that_is_asked_for() -> None:
    async with DahuaSimulator(profile="nvr5232") as simulator, driving(simulator) as driver:
        client, logins = driver._context.client, simulator.counters.by_method
        simulator.faults.paths["loadfile.cgi*"] = PathFault(status=403)
        before = logins["global.login"]
        for second in range(10):
            times = f"startTime=2026-11-21%2010:00:{second:02}&endTime=2026-11-21%2010:01:00"
            with pytest.raises(errors.NvrPermissionError):
                await client.get("loadfile.cgi", f"action=startLoad&channel=1&{times}")
        assert logins["global.login"] == before + 2
        assert len(client._forbidden_at) == 1
        # A right may be missing for one channel only, and what else the page does is another question.
        for query in ("action=startLoad&channel=2", "action=other&channel=1"):
            with pytest.raises(errors.NvrPermissionError):
                await client.get("loadfile.cgi", query)
        assert logins["global.login"] == before + 6


async def _lock(simulator: DahuaSimulator) -> None:
    """Let somebody else at our address send wrong passwords until the login is locked."""
    for _ in range(simulator.faults.auth.lock_times):
        stranger = DahuaDriver(config_for(simulator, password=WRONG), guard=LoginGuard())
        with pytest.raises((errors.NvrAuthError, errors.NvrLockedError)):
            await stranger.connect()
        await stranger.close()


async def test_a_lock_shows_on_a_page_that_was_forbidden_before() -> None:
    now = datetime.now(UTC)

    def clock() -> datetime:
        return now

    async with DahuaSimulator(profile="nvr5232") as simulator:
        simulator.faults.auth.locked_status = 403
        async with driving(simulator, utcnow=clock) as driver:
            assert driver.snapshots is not None
            for _ in range(2):
                simulator.faults.rights = frozenset({"config"})
                before = simulator.counters.by_method["global.login"]
                for _ in range(3):
                    with pytest.raises(errors.NvrPermissionError):
                        await driver.snapshots.snapshot(1)
                # Told to be no lock once; not with each question.
                assert simulator.counters.by_method["global.login"] == before + 2
                # The right is given: the next refusal is a new one.
                simulator.faults.rights = None
                assert (await driver.snapshots.snapshot(1)).jpeg
            simulator.faults.rights = frozenset({"config"})
            with pytest.raises(errors.NvrPermissionError):
                await driver.snapshots.snapshot(1)
            await _lock(simulator)
            # Another page is not covered by that verdict, and after a while the page itself is not.
            now += timedelta(minutes=5)
            with pytest.raises(errors.NvrLockedError):
                await driver.snapshots.snapshot(1)
            assert driver.guard.locked_until is not None
            simulator.login.unlock()
            now += timedelta(hours=1)
            simulator.faults.rights = frozenset({"config"})
            with pytest.raises(errors.NvrPermissionError):
                await driver.snapshots.snapshot(1)
            await _lock(simulator)
            with pytest.raises(errors.NvrLockedError):
                await driver.snapshots.snapshot(2)


async def test_one_forbidden_table_says_nothing_of_the_others() -> None:
    async with DahuaSimulator(profile="nvr5232") as simulator:
        simulator.faults.rpc.gone = True
        simulator.faults.paths["configManager.cgi?getConfig:Encode"] = PathFault(status=403)
        simulator.faults.auth.stale_403 = True
        async with driving(simulator) as driver:
            client = driver._context.client
            client._memory.quirks.nonce_once = False
            simulator.rotate_nonces()
            assert await client.optional("configManager.cgi", "action=getConfig&name=ChannelTitle")


@pytest.mark.parametrize("forbidden", [True, False])
@pytest.mark.parametrize("marked", [True, False])
async def test_nonces_that_serve_once_are_learned(*, forbidden: bool, marked: bool) -> None:
    async with DahuaSimulator(profile="nvr5232") as simulator:
        policy = simulator.faults.auth
        policy.rotate, policy.stale_403, policy.stale_mark = True, forbidden, marked
        async with driving(simulator) as driver:
            assert driver.snapshots is not None
            for _ in range(3):
                assert (await driver.snapshots.snapshot(1)).jpeg
            before = simulator.counters.requests
            await asyncio.gather(*(driver.snapshots.snapshot(number) for number in range(1, 7)))
            assert simulator.counters.requests - before <= 12
            assert simulator.counters.auth_failures == 0
            assert driver.guard.usable


async def test_the_session_is_kept_alive(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rpc, "_KEEP_ALIVE_LEAST", 0.2)
    async with DahuaSimulator(profile="nvr5232") as simulator:
        simulator.faults.rpc.keep_alive = 2
        calls = simulator.counters.by_method
        async with driving(simulator) as driver:
            await until(lambda: calls["global.keepAlive"] >= 2)
            assert calls["global.login"] == 2
            # While nothing may be sent the session is left to itself, and so it is when the recorder is away.
            driver.guard.locked(datetime.now(UTC) + timedelta(seconds=0.5) - LOCK_MARGIN)
            before = calls["global.keepAlive"]
            await asyncio.sleep(0.45)
            assert calls["global.keepAlive"] == before
            await until(lambda: calls["global.keepAlive"] > before)
            simulator.faults.paths["/RPC2"] = PathFault(kind="drop", count=2)
            await until(lambda: not simulator.faults.paths)
            before = calls["global.keepAlive"]
            await until(lambda: calls["global.keepAlive"] > before)
            assert calls["global.login"] == 2
            simulator.end_sessions()
            before = calls["global.keepAlive"]
            await until(lambda: calls["global.keepAlive"] > before)
            await asyncio.sleep(0.1)
            await driver.ping()
            assert calls["global.login"] == 4


async def test_a_recorder_with_too_many_users_is_busy() -> None:
    async with DahuaSimulator(profile="nvr5232") as simulator:
        simulator.faults.rpc.busy = True
        with pytest.raises(errors.NvrBusyError) as told:
            async with driving(simulator):
                pass
        assert told.value.retry_after
        simulator.faults.rpc.busy = False
        async with driving(simulator) as driver:
            assert driver.guard.usable
