"""What a login answers and what a refusal means."""

from datetime import UTC, datetime, timedelta
import json

import pytest

from custom_components.nvr.core import errors
from custom_components.nvr.core.credentials import LoginGuard
from custom_components.nvr.core.drivers.dahua import refusals, wire_rpc
from custom_components.nvr.core.drivers.dahua.provisional import ProvisionalGuard
from custom_components.nvr.core.drivers.dahua.refusals import DahuaRefusalError, HandleLostError, SessionLostError
from custom_components.nvr.core.drivers.dahua.wire_rpc import Challenge, RpcReply

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
# MD5 of user:realm:password, then of user:random:<that>, both in capitals (dahua-cgi 15.1); by another program.
EXPECTED = "F3C1EEF59CA213ABF35A68E84FECA33B"
CHALLENGE = Challenge("Login to 0123456789", "1057", "Default", "session-1")


def reply(code: int | None, message: str = "", **params: object) -> RpcReply:
    return RpcReply(False, params, code, message, "session-1")


def test_the_answer_to_a_challenge() -> None:
    assert wire_rpc.answer_to(CHALLENGE, "admin", "nvr-test-pass") == EXPECTED
    assert wire_rpc.answer_to(Challenge("r", "1", "Basic", 1), "a", "b") == "YTpi"
    assert wire_rpc.answer_to(Challenge("r", "1", "WatchNet", 1), "a", "b") is None
    assert "nvr-test-pass" not in repr(CHALLENGE)


def test_calls_echo_the_session_as_it_came() -> None:
    call = json.loads(wire_rpc.request_body("a.b", {"x": 1}, 7, 2147483643, 12))
    assert call == {"method": "a.b", "params": {"x": 1}, "id": 7, "session": 2147483643, "object": 12}
    assert json.loads(wire_rpc.request_body("a.b", None, 8)) == {"method": "a.b", "params": None, "id": 8}
    first = json.loads(wire_rpc.first_login("admin", 1))
    assert first["params"]["password"] == ""
    second = json.loads(wire_rpc.second_login("admin", "PROOF", CHALLENGE, 2))
    assert (second["session"], second["params"]["authorityType"]) == ("session-1", "Default")


def test_answers_are_read_whatever_they_hold() -> None:
    good = wire_rpc.parse_reply(b'{"result":true,"params":{"time":"x"},"session":5}')
    assert (good.ok, good.session, good.params["time"]) == (True, 5, "x")
    bad = wire_rpc.parse_reply(
        b'{"result":false,"error":{"code":268632085,"message":"no"},"params":null,"session":true}'
    )
    assert (bad.ok, bad.code, bad.session, dict(bad.params)) == (False, 268632085, None, {})
    assert wire_rpc.parse_reply(b'{"error":{"code":"odd"}}').code == 0
    assert not wire_rpc.parse_reply(b'{"result":false}').ok
    for body in (b"<html>", b"[1]", b"\xff"):
        with pytest.raises(errors.NvrResponseError):
            wire_rpc.parse_reply(body)
    assert wire_rpc.challenge_of(good) is None
    found = wire_rpc.challenge_of(reply(268632079, realm="r", random="1"))
    assert found is not None
    assert (found.encryption, found.session) == ("Default", "session-1")


@pytest.mark.parametrize(
    ("code", "message", "kind"),
    [
        (287637504, "", SessionLostError),
        (12345, "Invalid session in request data!", SessionLostError),
        (268632074, "too many sessions", errors.NvrBusyError),
        (268894210, "Method not found!", errors.NvrUnsupportedError),
        (268632064, "", errors.NvrUnsupportedError),
        (285278249, "Authority:check failure.", errors.NvrPermissionError),
        (268632073, "", errors.NvrPermissionError),
        (4026990593, "", HandleLostError),
        (-267976703, "", HandleLostError),
        (268959743, "", errors.NvrNotFoundError),
        (287638033, "Request length error!", DahuaRefusalError),
        (None, "", DahuaRefusalError),
    ],
)
def test_codes_mean_errors(code: int | None, message: str, kind: type[errors.NvrError]) -> None:
    error = refusals.rpc_error(reply(code, message), "a.b")
    assert type(error) is kind


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (200, b"OK", None),
        (401, b"Error\r\nUnauthorized!", None),
        (403, b"Error\r\nAuthority:check failure.", errors.NvrPermissionError),
        (404, b"", errors.NvrNotFoundError),
        (405, b"", errors.NvrUnsupportedError),
        (501, b"Error\r\nNot Implemented!\r\n", errors.NvrUnsupportedError),
        (503, b"", errors.NvrBusyError),
        (400, b"Error\r\nBad Request!\r\n", DahuaRefusalError),
        (500, b"", DahuaRefusalError),
        (200, b"Error: Error -1 getting param in name=NTP", DahuaRefusalError),
        (200, b"Error\r\nErrorID=2, Detail=Invalid Request!\r\n", DahuaRefusalError),
    ],
)
def test_bodies_mean_errors_whatever_the_status(status: int, body: bytes, kind: type[errors.NvrError] | None) -> None:
    error = refusals.classify(status, {"Retry-After": "7"}, body)
    assert (None if error is None else type(error)) is kind
    if isinstance(error, errors.NvrBusyError):
        assert error.retry_after == 7.0
    if error is not None:
        assert refusals.is_lacking(error) is (b"getting param" in body or status in {400, 404, 405, 501})


def test_a_busy_recorder_may_not_say_for_how_long() -> None:
    error = refusals.classify(503, {}, b"")
    assert isinstance(error, errors.NvrBusyError)
    assert error.retry_after is None


def test_locks_tell_their_end() -> None:
    told = refusals.lock_error(reply(268632081, remainLockSecond=120), NOW)
    assert told is not None
    assert told.until == NOW + timedelta(seconds=120)
    untold = refusals.lock_error(reply(268632081), NOW)
    assert untold is not None
    assert untold.until is None
    assert refusals.lock_error(reply(268632085, remainLockSecond=0), NOW) is None
    assert refusals.lock_error(reply(268632085, remainLockSecond=True), NOW) is None


def test_a_refusal_of_http_is_held_until_it_is_judged() -> None:
    shared = LoginGuard()
    guard = ProvisionalGuard(shared)
    guard.check()
    guard.refused()
    guard.refused()
    assert (shared.refusals, guard.usable, shared.usable) == (1, False, True)
    with pytest.raises(errors.NvrAuthError):
        guard.check()
    guard.vouched()
    assert (shared.refusals, guard.usable, guard.refusals) == (0, True, 0)
    guard.check(suspected=1)
    guard.accepted()
    with pytest.raises(errors.NvrAuthError):
        guard.check(suspected=1)
    assert shared.refusals == 1
    guard.give_up()
    assert not shared.usable
    assert guard.locked_until is None


def test_refusals_of_rtsp_count_with_it() -> None:
    shared = LoginGuard()
    guard = ProvisionalGuard(shared)
    shared.refused()
    with pytest.raises(errors.NvrAuthError):
        guard.check(suspected=1)
    assert not shared.usable


def test_a_lock_and_the_refusals_before_it_are_one() -> None:
    shared = LoginGuard(utcnow=lambda: NOW)
    guard = ProvisionalGuard(shared)
    guard.refused()
    guard.locked(NOW + timedelta(seconds=60), tried=True)
    assert shared.refusals == 1
    assert guard.locked_until is not None
    with pytest.raises(errors.NvrLockedError):
        guard.check()
    guard.locked(NOW + timedelta(seconds=90))
    assert guard.locked_until == NOW + timedelta(seconds=100)


def test_nobody_to_ask() -> None:
    shared = LoginGuard()
    guard = ProvisionalGuard(shared)
    guard.refused()
    guard.can_ask = lambda: False
    guard.unjudged()
    guard.check(suspected=0)
    guard.refused()
    assert not shared.usable
    with pytest.raises(errors.NvrAuthError):
        guard.check(suspected=1)
