"""Digest, locks and RPC2 sessions of the simulated Dahua unit, judged by `requests` and hand-written calls."""

import asyncio
from typing import Any

import pytest
import requests
from requests.auth import HTTPBasicAuth, HTTPDigestAuth

from tests.simulators.dahua import PASSWORD, USER, DahuaSimulator

from .rig import WRONG, config, values
from .visitor import Visitor, md5

LOGIN_INVALID, LOCKED, CHALLENGE = 268632085, 268632081, 268632079


@pytest.mark.parametrize("mode", ["md5", "md5sess", "sha256", "authint", "commas", "noqop", "both"])
async def test_every_challenge_can_be_answered(unit: DahuaSimulator, visitor: Visitor, mode: str) -> None:
    unit.faults.auth.mode = mode
    if mode == "md5sess":
        unit.faults.auth.quote_algorithm = True
    path = visitor.url("/cgi-bin/magicBox.cgi?action=getSerialNo")

    def ask() -> tuple[str, list[int]]:
        header = requests.get(path, timeout=5).headers["WWW-Authenticate"]
        return header, [visitor.session.get(path, timeout=5).status_code for _ in range(3)]

    header, answers = await asyncio.to_thread(ask)
    assert f'realm="Login to {unit.serial}' in header
    assert ('qop="' in header) == (mode != "noqop")
    assert answers == [200, 200, 200]
    assert unit.counters.unauthorized == 2, "the probe above, and one for three calls"
    assert unit.counters.logins == (3 if mode == "noqop" else 1)
    assert unit.counters.auth_failures == 0


async def test_basic_alone_and_basic_for_one_account(unit: DahuaSimulator, visitor: Visitor) -> None:
    visitor.session.auth = HTTPBasicAuth(USER, PASSWORD)
    assert (await visitor.cgi("magicBox.cgi?action=getSerialNo"))[0] == 401
    assert unit.counters.auth_failures == 0, "where digest is on nobody looks at the password"
    unit.faults.auth.basic_users = frozenset({USER})
    assert (await visitor.cgi("magicBox.cgi?action=getSerialNo"))[0] == 200
    unit.faults.auth.mode, unit.faults.auth.basic_users = "basic", frozenset()
    answer = await visitor.get("/cgi-bin/magicBox.cgi?action=getSerialNo", auth=("x", "y"))
    assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, 'Basic realm="Device_CGI"')


@pytest.mark.parametrize("profile", ["nvr5464"])
async def test_nonce_that_is_good_once(unit: DahuaSimulator, visitor: Visitor) -> None:
    for _ in range(4):
        await values(visitor, "magicBox.cgi?action=getSerialNo")
    assert (unit.counters.requests, unit.counters.unauthorized, unit.counters.stale_nonces) == (8, 4, 3)
    assert unit.counters.connections == 8, "every answer closes its connection"
    unit.faults.auth.stale_403 = True
    status, text = await visitor.cgi("magicBox.cgi?action=getSerialNo")
    assert (status, text) == (403, "Authority:check failure.\r\n")


async def test_signature_covers_the_raw_target(unit: DahuaSimulator, visitor: Visitor) -> None:
    plain = visitor.url("/cgi-bin/configManager.cgi?action=getConfig&name=Encode[0]")
    target = "/cgi-bin/configManager.cgi?action=getConfig&name=Encode%5B0%5D"

    def ask() -> requests.Response:
        login = HTTPDigestAuth(USER, PASSWORD)
        requests.get(plain, auth=login, timeout=5)
        signed = login.build_digest_header("GET", plain)
        return requests.get(visitor.url(target), headers={"Authorization": str(signed)}, timeout=5)

    answer = await asyncio.to_thread(ask)
    assert answer.status_code == 401
    assert unit.counters.auth_failures == 1


async def test_fifth_wrong_password_locks_all_doors(unit: DahuaSimulator, visitor: Visitor) -> None:
    general = await config(visitor, "General")
    assert general["table.General.LockLoginTimes"] == "5"
    assert general["table.General.LoginFailLockTime"] == "300"
    path = visitor.url("/cgi-bin/magicBox.cgi?action=getSerialNo")
    for _ in range(3):
        answer = await asyncio.to_thread(requests.get, path, auth=HTTPDigestAuth(USER, WRONG), timeout=5)
        assert answer.status_code == 401
    assert unit.counters.auth_failures == 3
    assert await rpc_login(unit, WRONG) == (LOGIN_INVALID, {"remainLockSecond": 0, "remainLoginTimes": 1})
    code, params = await rpc_login(unit, WRONG)
    assert (code, params["remainLoginTimes"]) == (LOGIN_INVALID, 0)
    assert 295 <= params["remainLockSecond"] <= 300
    assert (await rpc_login(unit, PASSWORD))[0] == LOCKED, "the right password helps nobody now"
    assert (await visitor.cgi("magicBox.cgi?action=getSerialNo"))[0] == 401
    unit.faults.auth.locked_status = 403
    assert (await visitor.cgi("magicBox.cgi?action=getSerialNo"))[0] == 403
    unit.faults.auth.lock_seconds = 0
    assert (await visitor.cgi("magicBox.cgi?action=getSerialNo"))[0] == 200
    assert unit.counters.lockouts == 1


async def rpc_login(unit: DahuaSimulator, password: str, user: str = USER) -> tuple[int, dict[str, Any]]:
    """Log in by hand; return the error code, 0 for none, and what came with it."""
    visitor = Visitor(unit)
    ask = {"method": "global.login", "params": {"userName": user, "password": ""}, "id": 1}
    first = (await visitor.post("/RPC2_Login", ask)).json()
    assert (first["result"], first["error"]["code"]) == (False, CHALLENGE)
    given = first["params"]
    assert given["realm"] == f"Login to {unit.serial}"
    secret = md5(f"{user}:{given['random']}:{md5(f'{user}:{given["realm"]}:{password}')}")
    params = {"userName": user, "password": secret, "authorityType": given["encryption"], "passwordType": "Default"}
    again = {"method": "global.login", "params": params, "id": 2, "session": first["session"]}
    second = (await visitor.post("/RPC2_Login", again)).json()
    if second["result"]:
        assert second["session"] != first["session"], "the second session is the one that counts"
        return 0, second["params"]
    return int(second["error"]["code"]), dict(second.get("params", {}))


@pytest.mark.parametrize("profile", ["nvr5232", "old400"])
async def test_rpc_session_lives_by_its_keep_alive(unit: DahuaSimulator, visitor: Visitor) -> None:
    assert await rpc_login(unit, PASSWORD) == (0, {"keepAliveInterval": 60})
    await visitor.login()
    assert isinstance(visitor.rpc_session, int) == unit.device.firmware.int_session
    alive = await visitor.call("global.keepAlive", {"timeout": 300, "active": True})
    assert (alive["result"], alive["params"]) == (True, {"timeout": 60})
    assert (await visitor.call("magicBox.getSerialNo"))["params"] == {"sn": unit.serial}
    assert unit.counters.rpc_sessions == 2
    unit.faults.rpc.idle_seconds = 0
    gone = await visitor.call("global.keepAlive", {"timeout": 300})
    assert (gone["result"], gone["error"]["code"]) == (False, 287637505)
    unit.faults.rpc.idle_seconds = 75
    await visitor.login()
    assert (await visitor.call("global.logout"))["result"] is True
    assert (await visitor.call("magicBox.getSerialNo"))["error"]["code"] == 287637505
    assert unit.counters.logins == 3
    assert unit.counters.logouts == 1


async def test_rpc_errors_have_the_firmwares_codes(unit: DahuaSimulator, visitor: Visitor) -> None:
    await visitor.login()
    codes = {
        name: (await visitor.call(name, params))["error"]["code"]
        for name, params in {
            "magicBox.getMAC": {},
            "Nonsense.getThing": {},
            "configManager.getConfig": {"name": "Nothing"},
            "magicBox.getProductDefinition": {"name": "Nothing"},
        }.items()
    }
    assert list(codes.values()) == [268894210, 268632064, 268959743, 268959743]
    huge = await visitor.call("configManager.setConfig", {"name": "General", "table": {"MachineName": "x" * 17_500}})
    assert huge["error"]["code"] == 287638033
    unit.add_user("guard", "guard-pass-1", frozenset({"live"}))
    guard = Visitor(unit)
    guard.session.auth = HTTPDigestAuth("guard", "guard-pass-1")
    assert (await guard.cgi("configManager.cgi?action=getConfig&name=General"))[0] == 403
    assert (await guard.cgi("snapshot.cgi?channel=1"))[0] == 200
    unit.faults.rights = frozenset({"live"})
    denied = await visitor.call("configManager.getConfig", {"name": "General"})
    assert (denied["error"]["code"], denied["error"]["message"]) == (285278249, "Authority:check failure.")
    assert (await visitor.cgi("configManager.cgi?action=getConfig&name=General"))[0] == 403
    unit.set_faults(rights=None, rpc__api_header=True)
    assert (await visitor.call("magicBox.getSerialNo"))["error"]["code"] == 287637505
    unit.faults.rpc.busy = True
    assert (await rpc_login(unit, PASSWORD))[0] == 268632075
    unit.faults.rpc.gone = True
    answer = await visitor.post("/RPC2", {"method": "magicBox.getSerialNo", "id": 1, "session": visitor.rpc_session})
    assert answer.status_code == 404


async def test_rpc_batch_reads_no_configuration(visitor: Visitor) -> None:
    await visitor.login()
    calls = [
        {"method": "magicBox.getSerialNo", "params": {}, "id": 5},
        {"method": "configManager.getConfig", "params": {"name": "General"}, "id": 6},
    ]
    answer = await visitor.call("system.multicall", {"calls": calls})
    assert [one["result"] for one in answer["params"]["calls"]] == [True, False]


async def test_unit_without_cgi_still_speaks_rpc(unit: DahuaSimulator, visitor: Visitor) -> None:
    unit.faults.http.cgi_gone = True
    assert (await visitor.get("/cgi-bin/magicBox.cgi?action=getSerialNo")).status_code == 404
    await visitor.login()
    assert (await visitor.call("magicBox.getSerialNo"))["params"] == {"sn": unit.serial}
