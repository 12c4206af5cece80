"""Digest as recorders do it, judged by the digest implementations of requests and aiohttp."""

import asyncio
import re
from xml.etree import ElementTree as ET

import aiohttp
import pytest
import requests

from tests.simulators.hikvision import PASSWORD, USER, DigestProfile, HikvisionSimulator

from .rig import WRONG, Visitor, exchange, find

PATH = "/ISAPI/System/deviceInfo"
DIGESTS = [profile for profile in DigestProfile if profile is not DigestProfile.BASIC]


@pytest.mark.parametrize("profile", DIGESTS)
async def test_requests_is_let_in_by_every_digest_profile(
    simulator: HikvisionSimulator, visitor: Visitor, profile: DigestProfile
) -> None:
    simulator.faults.auth.digest = profile
    url = f"http://127.0.0.1:{simulator.http_port}{PATH}?a=1"
    # In one thread, for there requests keeps its nonce.
    answers = await asyncio.to_thread(lambda: [visitor.session.get(url, timeout=9).status_code for _ in range(3)])
    assert answers == [200, 200, 200]
    assert simulator.counters.unauthorized == 1
    assert simulator.counters.auth_failures == 0


@pytest.mark.parametrize(
    "profile", [DigestProfile.MD5, DigestProfile.OLD, DigestProfile.SHA256, DigestProfile.DIGEST_THEN_BASIC]
)
async def test_aiohttp_is_let_in(simulator: HikvisionSimulator, profile: DigestProfile) -> None:
    simulator.faults.auth.digest = profile
    middleware = aiohttp.DigestAuthMiddleware(USER, PASSWORD)
    async with aiohttp.ClientSession(middlewares=(middleware,)) as session:
        for _ in range(3):
            async with session.get(f"http://127.0.0.1:{simulator.http_port}{PATH}") as answer:
                assert answer.status == 200
    assert simulator.counters.auth_failures == 0


async def test_basic_only_camera(simulator: HikvisionSimulator, visitor: Visitor) -> None:
    simulator.faults.auth.digest = DigestProfile.BASIC
    assert (await visitor.get("System/deviceInfo")).status_code == 401
    assert (await Visitor(simulator, basic=True).get("System/deviceInfo")).status_code == 200
    assert (await Visitor(simulator, WRONG, basic=True).get("System/deviceInfo")).status_code == 401
    assert simulator.counters.auth_failures == 1


async def test_challenge_has_the_form_of_a_recorder(simulator: HikvisionSimulator) -> None:
    answer = await exchange(simulator.http_port, f"GET {PATH} HTTP/1.1\r\nConnection: close\r\n\r\n".encode())
    head = answer.partition(b"\r\n\r\n")[0].decode()
    assert head.startswith("HTTP/1.1 401")
    assert "Server: DNVRS-Webs" in head
    assert re.search(
        r'WWW-Authenticate: Digest realm="[0-9a-f]{64}", domain="::", qop="auth", nonce="[0-9a-f]{32}:\d{13}", '
        r'opaque="", algorithm="MD5", stale="FALSE"',
        head,
    )
    simulator.faults.auth.digest = DigestProfile.MD5_AND_SHA256
    answer = await exchange(simulator.http_port, f"GET {PATH} HTTP/1.1\r\nConnection: close\r\n\r\n".encode())
    assert answer.count(b"WWW-Authenticate: Digest") == 2


async def test_expired_nonce_is_stale_and_not_a_failure(simulator: HikvisionSimulator, visitor: Visitor) -> None:
    simulator.faults.auth.nonce_life = 2.0
    await visitor.get("System/deviceInfo")
    await asyncio.sleep(2.1)
    answer = await visitor.get("System/deviceInfo")
    assert answer.status_code == 200
    assert 'stale="TRUE"' in answer.history[-1].headers["WWW-Authenticate"]
    simulator.faults.auth.nonce_life = 60
    simulator.faults.auth.nonce_uses = 2
    for _ in range(5):
        assert (await visitor.get("System/deviceInfo")).status_code == 200
    assert simulator.counters.stale_nonces >= 3
    assert simulator.counters.auth_failures == 0


def _again(answer: requests.Response) -> bytes:
    header = str(answer.request.headers["Authorization"])
    return f"GET {PATH} HTTP/1.1\r\nConnection: close\r\nAuthorization: {header}\r\n\r\n".encode()


async def test_replayed_count_and_wrong_target_are_refused(simulator: HikvisionSimulator, visitor: Visitor) -> None:
    again = _again(await visitor.get("System/deviceInfo"))
    refused = await exchange(simulator.http_port, again)
    assert refused.startswith(b"HTTP/1.1 401")
    assert b'stale="FALSE"' in refused
    simulator.faults.auth.reject_replay = False
    assert (await exchange(simulator.http_port, again)).startswith(b"HTTP/1.1 200")
    elsewhere = again.replace(f"GET {PATH}".encode(), f"GET {PATH}?x=1".encode())
    assert (await exchange(simulator.http_port, elsewhere)).startswith(b"HTTP/1.1 401")


async def test_lock_counts_down_refuses_the_right_password_and_ends(
    simulator: HikvisionSimulator, visitor: Visitor
) -> None:
    simulator.faults.auth.lock_seconds = 1.2
    for left in range(6, 0, -1):  # a fresh client each time: requests answers a refusal twice once it has a nonce
        root = ET.fromstring((await Visitor(simulator, WRONG).get("System/deviceInfo")).content)
        assert find(root, "lockStatus") == "unlock"
        assert find(root, "retryLoginTime") == str(left)
    last = await Visitor(simulator, WRONG).get("System/deviceInfo")
    assert find(ET.fromstring(last.content), "lockStatus") == "lock"
    locked = await visitor.get("System/deviceInfo")
    root = ET.fromstring(locked.content)
    assert locked.status_code == 401
    assert (find(root, "lockStatus"), find(root, "retryLoginTime")) == ("lock", "0")
    assert 0 <= int(find(root, "unlockTime") or -1) <= 1
    await asyncio.sleep(1.3)
    assert (await visitor.get("System/deviceInfo")).status_code == 200
    assert simulator.counters.lockouts == 1


async def test_success_forgets_failures_and_body_has_three_forms(
    simulator: HikvisionSimulator, visitor: Visitor
) -> None:
    simulator.faults.auth.lock_tries = 3
    for _ in range(3):
        await Visitor(simulator, WRONG).get("System/deviceInfo")
        assert (await visitor.get("System/deviceInfo")).status_code == 200
    assert simulator.counters.lockouts == 0
    simulator.faults.auth.lock_body = "retryTimes"
    assert b"<retryTimes>2</retryTimes>" in (await Visitor(simulator, WRONG).get("System/deviceInfo")).content
    simulator.faults.auth.lock_body = "short"
    short = (await Visitor(simulator, WRONG).get("System/deviceInfo")).content
    assert b"lockStatus" not in short
    simulator.faults.auth.body_401 = "html"
    assert (await Visitor(simulator, WRONG).get("System/deviceInfo")).text.startswith("<!DOCTYPE html>")


async def test_changed_password_is_refused_at_once(simulator: HikvisionSimulator, visitor: Visitor) -> None:
    await visitor.get("System/deviceInfo")
    simulator.change_password("another-fake-1")
    assert (await visitor.get("System/deviceInfo")).status_code == 401
    assert (await Visitor(simulator, "another-fake-1").get("System/deviceInfo")).status_code == 200
