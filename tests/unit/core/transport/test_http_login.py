"""One login for all requests, judged by a digest server over real sockets."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta

from aiohttp import web
import pytest

from custom_components.nvr.core.capabilities import GateWidths
from custom_components.nvr.core.credentials import LoginGuard
from custom_components.nvr.core.errors import (
    NvrAuthError,
    NvrBusyError,
    NvrError,
    NvrInsecureLoginError,
    NvrLockedError,
    NvrPermissionError,
    NvrUnsupportedError,
)
from custom_components.nvr.core.transport.digest import AuthScheme

from .recorder import PASSWORD, USER, WRONG, DigestServer, connected, serving

pytestmark = pytest.mark.usefixtures("socket_enabled")

WIDE = GateWidths(control=50)


async def outcomes(*awaitables: object) -> list[object]:
    return await asyncio.gather(*awaitables, return_exceptions=True)  # type: ignore[call-overload, no-any-return]


@pytest.mark.parametrize("algorithm", ["MD5", "SHA-256", "MD5-sess", "SHA-256-sess", None])
@pytest.mark.parametrize("qop", ["auth", None])
@pytest.mark.parametrize("basic_first", [False, True])
async def test_every_form_is_let_in_with_one_challenge(
    algorithm: str | None, qop: str | None, basic_first: bool
) -> None:
    server = DigestServer(algorithm=algorithm, qop=qop, basic_first=basic_first)
    async with serving(server) as port, connected(port) as transport:
        for path in ("/ISAPI/System/time", "/ISAPI/x?format=json&a=b%20c", "/ISAPI/System/time"):
            assert (await transport.request("GET", path)).body == b"fine"
        assert transport.auth.scheme is AuthScheme.DIGEST
    assert (server.requests, server.refusals) == (4, 1)
    assert len(server.connections) == 1
    assert server.paths[-2] == "/ISAPI/x?format=json&a=b%20c"


async def test_fifty_requests_at_once_from_cold_share_one_challenge() -> None:
    server = DigestServer(delay=0.005)
    async with serving(server) as port, connected(port, widths=WIDE) as transport:
        await asyncio.gather(*(transport.request("GET", f"/{n}") for n in range(50)))
    assert (server.requests, server.refusals) == (51, 1)


@pytest.mark.parametrize("width", [1, 8])
@pytest.mark.parametrize("fresh_each_refusal", [False, True])
@pytest.mark.parametrize("uses", [1, 3, 10])
async def test_a_rotating_nonce_never_fails_a_call(width: int, uses: int, fresh_each_refusal: bool) -> None:
    server = DigestServer(uses=uses, fresh_each_refusal=fresh_each_refusal, delay=0.001)
    guard = LoginGuard()
    async with serving(server) as port, connected(port, widths=GateWidths(control=width), guard=guard) as transport:
        for _ in range(2):
            answers = await asyncio.gather(*(transport.request("GET", f"/{n}") for n in range(15)))
            assert all(answer.body == b"fine" for answer in answers)
    assert guard.usable
    assert server.answers_refused == 0


async def test_a_nonce_that_dies_between_two_calls_costs_one_more_request() -> None:
    server = DigestServer(uses=10)
    async with serving(server) as port, connected(port) as transport:
        for n in range(50):
            await transport.request("GET", f"/{n}")
    assert server.refusals == 5


@pytest.mark.parametrize("stale", ["TRUE", "true", "FALSE"])
async def test_stale_in_any_case(stale: str) -> None:
    server = DigestServer(uses=2, stale=stale)
    async with serving(server) as port, connected(port) as transport:
        for n in range(6):
            await transport.request("GET", f"/{n}")


async def test_next_nonce_is_honoured() -> None:
    server = DigestServer(next_nonce=True)
    async with serving(server) as port, connected(port) as transport:
        for n in range(10):
            await transport.request("GET", f"/{n}")
    assert server.refusals == 1


async def test_a_server_that_wants_counts_in_order_is_satisfied() -> None:
    server = DigestServer(strict_count=True, delay=0.001)
    async with serving(server) as port, connected(port, widths=GateWidths(control=8)) as transport:
        await asyncio.gather(*(transport.request("GET", f"/{n}") for n in range(40)))


async def test_wrong_password_is_one_challenge_and_one_answer_and_twice_in_all() -> None:
    server = DigestServer()
    guard = LoginGuard()
    async with serving(server) as port, connected(port, password=WRONG, guard=guard) as transport:
        for tries in (1, 2):
            with pytest.raises(NvrAuthError):
                await transport.request("GET", "/")
            assert (server.requests, server.answers_refused) == (2 * tries, tries)
        for _ in range(5):
            with pytest.raises(NvrAuthError):
                await transport.request("GET", "/")
        assert server.requests == 4
        server.password = WRONG
        with pytest.raises(NvrAuthError):
            await transport.request("GET", "/")
        guard.reset()
        assert (await transport.request("GET", "/")).body == b"fine"


@pytest.mark.parametrize("fresh_each_refusal", [False, True])
@pytest.mark.parametrize("stale", ["FALSE", "TRUE"])
@pytest.mark.parametrize("width", [3, 50])
async def test_wrong_password_at_any_concurrency_is_answered_twice_at_most(
    fresh_each_refusal: bool,
    stale: str,
    width: int,
) -> None:
    server = DigestServer(fresh_each_refusal=fresh_each_refusal, stale=stale, delay=0.002)
    guard = LoginGuard()
    async with (
        serving(server) as port,
        connected(port, password=WRONG, guard=guard, widths=GateWidths(control=width)) as transport,
    ):
        for _ in range(4):
            answers = await outcomes(*(transport.request("GET", f"/{n}") for n in range(50)))
            assert {type(answer) for answer in answers} == {NvrAuthError}
        assert not guard.usable
    assert server.answers_refused == 2


async def test_fifty_requests_at_once_share_one_refusal() -> None:
    server = DigestServer(delay=0.002)
    async with serving(server) as port, connected(port, password=WRONG) as transport:
        await outcomes(*(transport.request("GET", f"/{n}") for n in range(50)))
    assert (server.requests, server.answers_refused) == (2, 1)


async def test_password_changed_in_the_middle_is_an_auth_error_and_no_storm() -> None:
    server = DigestServer(delay=0.002)
    guard = LoginGuard()
    async with serving(server) as port, connected(port, guard=guard, widths=WIDE) as transport:
        await asyncio.gather(*(transport.request("GET", f"/{n}") for n in range(10)))
        server.password = "changed"
        answers = await outcomes(*(transport.request("GET", f"/{n}") for n in range(10)))
        assert {type(answer) for answer in answers} == {NvrAuthError}
        # What was on its way already cannot be called back; beyond that, two answers.
        assert server.answers_refused <= 12
        assert not guard.usable
        for _ in range(3):
            await outcomes(transport.request("GET", "/"))
        assert server.answers_refused <= 12


@pytest.mark.parametrize(("refused_before", "sent"), [(0, 2), (1, 1)])
async def test_password_changed_while_a_nonce_lives_is_seen_twice_all_told(refused_before: int, sent: int) -> None:
    server = DigestServer()
    guard = LoginGuard()
    async with serving(server) as port, connected(port, guard=guard) as transport:
        await transport.request("GET", "/")
        server.password = "changed"
        for _ in range(refused_before):
            guard.refused()  # as RTSP does
        for _ in range(3):
            with pytest.raises(NvrAuthError):
                await transport.request("GET", "/")
        assert server.answers_refused == sent
        assert not guard.usable


async def test_an_accepted_answer_takes_back_a_refusal_from_elsewhere() -> None:
    server = DigestServer()
    guard = LoginGuard()
    async with serving(server) as port, connected(port, guard=guard) as transport:
        await transport.request("GET", "/")
        guard.refused()
        await transport.request("GET", "/")
        assert guard.refusals == 0


async def test_one_guard_counts_for_two_transports() -> None:
    server = DigestServer()
    guard = LoginGuard()
    async with (
        serving(server) as port,
        connected(port, password=WRONG, guard=guard) as one,
        connected(port, password=WRONG, guard=guard) as other,
    ):
        for transport in (one, other, one, other):
            with pytest.raises(NvrAuthError):
                await transport.request("GET", "/")
    assert server.answers_refused == 2


def _lock(_status: int, _headers: Mapping[str, str], body: bytes) -> NvrError | None:
    if b"lockStatus>lock" in body:
        return NvrLockedError("locked", until=datetime(2026, 5, 4, 12, 30, tzinfo=UTC))
    return NvrPermissionError("not yours") if b"notYours" in body else None


async def test_a_lock_shows_before_the_password_is_sent_and_is_kept() -> None:
    now = datetime(2026, 5, 4, 12, tzinfo=UTC)
    server = DigestServer(refusal="<userCheck><lockStatus>lock</lockStatus></userCheck>")
    guard = LoginGuard(utcnow=lambda: now)
    async with serving(server) as port, connected(port, guard=guard, classify=_lock) as transport:
        for _ in range(3):
            with pytest.raises(NvrLockedError) as caught:
                await transport.request("GET", "/")
            assert caught.value.until == datetime(2026, 5, 4, 12, 30, 10, tzinfo=UTC)
        assert server.requests == 1
        now += timedelta(minutes=31)
        server.refusal = ""
        assert (await transport.request("GET", "/")).status == 200


async def test_a_lock_that_comes_with_the_refusal_of_our_answer() -> None:
    server = DigestServer()
    guard = LoginGuard(utcnow=lambda: datetime(2026, 5, 4, 12, tzinfo=UTC))
    async with serving(server) as port, connected(port, guard=guard, classify=_lock) as transport:
        await transport.request("GET", "/")
        server.password = "changed"
        server.refusal = "<lockStatus>lock</lockStatus>"
        with pytest.raises(NvrLockedError):
            await transport.request("GET", "/")
        assert guard.refusals == 0
        assert guard.locked_until is not None


async def test_a_refusal_that_is_about_a_right_counts_nothing() -> None:
    server = DigestServer()

    async def forbid(request: web.Request) -> web.StreamResponse:
        return server.refuse() if request.path == "/secret" else web.Response(text="fine")

    server.handler = forbid
    guard = LoginGuard()
    async with serving(server) as port, connected(port, guard=guard, classify=_lock) as transport:
        await transport.request("GET", "/")
        server.refusal = "notYours"
        for _ in range(4):
            with pytest.raises(NvrPermissionError):
                await transport.request("GET", "/secret")
        assert guard.refusals == 0
        assert (await transport.request("GET", "/")).body == b"fine"


async def _basic_only(request: web.Request) -> web.StreamResponse:
    if request.headers.get("Authorization") == "Basic YWRtaW46bnZyLXRlc3QtcGFzcw==":
        return web.Response(text="fine")
    return web.Response(status=401, headers={"WWW-Authenticate": 'Basic realm="x"'})


async def test_basic_alone_over_plain_http_needs_consent() -> None:
    async with serving(_basic_only) as port:
        async with connected(port) as transport:
            with pytest.raises(NvrInsecureLoginError):
                await transport.request("GET", "/")
            assert transport.statistics.requests == 1
        async with connected(port, plain_basic=True) as transport:
            for _ in range(2):
                assert (await transport.request("GET", "/")).body == b"fine"
            assert transport.auth.scheme is AuthScheme.BASIC
            assert (transport.statistics.requests, transport.statistics.refused) == (3, 1)


async def test_basic_wrong_password_counts() -> None:
    guard = LoginGuard()
    async with (
        serving(_basic_only) as port,
        connected(port, password=WRONG, guard=guard, plain_basic=True) as transport,
    ):
        for _ in range(3):
            with pytest.raises(NvrAuthError):
                await transport.request("GET", "/")
        assert transport.statistics.requests == 4


@pytest.mark.parametrize("header", ["", "Negotiate", 'Digest realm="r", nonce="n", algorithm=SHA-512-256'])
async def test_no_scheme_we_know_is_said_so(header: str) -> None:
    async def refuse(_request: web.Request) -> web.StreamResponse:
        return web.Response(status=401, headers={"WWW-Authenticate": header} if header else {})

    async with serving(refuse) as port, connected(port) as transport:
        with pytest.raises(NvrUnsupportedError):
            await transport.request("GET", "/")


async def test_a_recorder_without_login_gets_none() -> None:
    async def open_to_all(request: web.Request) -> web.StreamResponse:
        assert "Authorization" not in request.headers
        return web.Response(text="fine")

    async with serving(open_to_all) as port, connected(port) as transport:
        assert (await transport.request("GET", "/")).body == b"fine"
        assert transport.auth.scheme is None


async def test_a_challenge_that_always_changes_while_others_disturb_ends() -> None:
    """Every refusal of a signed request says stale: after one doubt it is believed to be the login."""
    server = DigestServer(stale="TRUE")
    guard = LoginGuard()
    async with serving(server) as port, connected(port, password=WRONG, guard=guard) as transport:
        with pytest.raises(NvrAuthError):
            await transport.request("GET", "/")
        assert server.answers_refused == 2
        assert not guard.usable


async def _pieces(log: list[int]) -> AsyncIterator[bytes]:
    log.append(1)
    yield b"abc"
    yield b"def"


async def test_a_streamed_body_is_sent_once_behind_a_login() -> None:
    server = DigestServer()
    seen: list[bytes] = []

    async def take(request: web.Request) -> web.StreamResponse:
        seen.append(await request.read())
        return web.Response(text="fine")

    server.handler = take
    log: list[int] = []
    async with serving(server) as port, connected(port) as transport:
        await transport.request("PUT", "/audio", data=_pieces(log))
        assert server.paths == ["/userCheck", "/userCheck", "/audio"]
        assert seen[-1] == b"abcdef"
        server.new_nonce()
        with pytest.raises(NvrBusyError):
            await transport.request("PUT", "/audio", data=_pieces(log))
        await transport.request("PUT", "/audio", data=_pieces(log))
    assert len(log) == 3
    assert USER not in str(transport.statistics)
    assert PASSWORD not in repr(transport.config)


async def test_a_streamed_body_to_a_recorder_without_login() -> None:
    async def take(request: web.Request) -> web.StreamResponse:
        return web.Response(body=await request.read())

    async with serving(take) as port, connected(port) as transport:
        assert (await transport.request("PUT", "/audio", data=_pieces([]))).body == b"abcdef"


async def test_a_request_may_go_without_the_login() -> None:
    server = DigestServer()
    async with serving(server) as port, connected(port) as transport:
        answer = await transport.request(
            "POST", "/RPC2", data=b"{}", signed=False, headers={"X-Own": "1"}, accept_status=(401,)
        )
        assert answer.status == 401
        assert (server.requests, transport.guard.refusals) == (1, 0)
        assert not transport.auth.forget()


async def test_nonces_for_one_answer_only_are_asked_for_each_time() -> None:
    server = DigestServer(uses=1)
    async with serving(server) as port, connected(port) as transport:
        transport.auth.single_use = True
        await asyncio.gather(*(transport.request("GET", f"/{n}") for n in range(5)))
        assert (server.requests, server.refusals, transport.guard.refusals) == (10, 5, 0)
        transport.auth.single_use = False
        assert transport.auth.forget()
        assert (await transport.request("GET", "/last")).body == b"fine"
