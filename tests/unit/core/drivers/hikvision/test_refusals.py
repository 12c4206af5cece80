"""What refusals mean."""

from datetime import UTC, datetime, timedelta

import pytest

from custom_components.nvr.core import errors
from custom_components.nvr.core.drivers.hikvision import refusals as r

NOW = datetime(2026, 3, 4, 9, 25, tzinfo=UTC)


def said(code: int | str, sub: str = "", detail: str = "") -> bytes:
    return (
        f'<?xml version="1.0"?><ResponseStatus xmlns="urn:x"><statusCode>{code}</statusCode>'
        f"<statusString>S</statusString><subStatusCode>{sub}</subStatusCode><description>{detail}</description></ResponseStatus>"
    ).encode()


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (200, said(1, "ok"), type(None)),
        (200, said(7, "rebootRequired"), type(None)),
        (200, b"\xff\xd8\xff picture", type(None)),
        (200, b"<DeviceInfo/>", type(None)),
        (200, said(6, "badXmlContent"), r.HikvisionRefusalError),
        (500, said(3, "deviceError"), r.HikvisionRefusalError),
        (403, said(4, "notSupport"), errors.NvrUnsupportedError),
        (403, said(4, "somethingNew"), errors.NvrUnsupportedError),
        (403, said(4, "lowPrivilege"), errors.NvrPermissionError),
        (403, said(4, "notActivated"), errors.NvrPermissionError),
        (403, said(4, "audioIsPlayingPleaseWait"), errors.NvrBusyError),
        (403, b"<html>forbidden</html>", errors.NvrPermissionError),
        (404, b"", errors.NvrNotFoundError),
        (405, b"", errors.NvrUnsupportedError),
        (501, b"", errors.NvrUnsupportedError),
        (503, said(2, "deviceBusy"), errors.NvrBusyError),
        (200, said(2), errors.NvrBusyError),
        (503, b"", errors.NvrBusyError),
        (429, b"", errors.NvrBusyError),
        (400, said(6, "noSearchIDResource"), errors.NvrBusyError),
        (400, said("x"), r.HikvisionRefusalError),
        (500, b"", r.HikvisionRefusalError),
        (
            403,
            b'{"statusCode":4,"statusString":"Invalid Operation","subStatusCode":"notSupport"}',
            errors.NvrUnsupportedError,
        ),
        (400, b'{"statusCode":"6","errorMsg":"x"}', r.HikvisionRefusalError),
        (200, b'{"NTPServer":{}}', type(None)),
        (200, b"{broken", type(None)),
        (200, b"<ResponseStatus", type(None)),
        (200, b"<Wrapper><ResponseStatus/></Wrapper>", type(None)),
        (401, b"<html>401</html>", errors.NvrAuthError),
        (401, b"<userCheck><statusValue>401</statusValue></userCheck>", errors.NvrAuthError),
        (401, b"<userCheck", errors.NvrAuthError),
        (401, said(4, "notActivated"), errors.NvrPermissionError),
    ],
)
def test_classes(status: int, body: bytes, kind: type) -> None:
    assert type(r.classify(status, {}, body, NOW)) is kind


def test_a_lock_tells_its_end() -> None:
    told = b"<lockStatus>lock</lockStatus><unlockTime>1800</unlockTime><retryTimes>0</retryTimes>"
    body = b"<userCheck xmlns='x'>" + told + b"</userCheck>"
    error = r.classify(401, {}, body, NOW)
    assert isinstance(error, errors.NvrLockedError)
    assert error.until == NOW + timedelta(seconds=1800)
    check = r.parse_user_check(body)
    assert check is not None
    assert check.tries_left == 0
    endless = r.classify(401, {}, b"<userCheck><lockStatus>lock</lockStatus></userCheck>", NOW)
    assert isinstance(endless, errors.NvrLockedError)
    assert endless.until is None
    left = r.parse_user_check(b"<userCheck><retryLoginTime>5</retryLoginTime></userCheck>")
    assert left == r.UserCheck(locked=False, unlock=None, tries_left=5)


def test_busy_keeps_the_wait_it_was_told() -> None:
    for body in (said(2), b""):
        error = r.classify(503, {"Retry-After": "7"}, body, NOW)
        assert isinstance(error, errors.NvrBusyError)
        assert error.retry_after == 7
    soon = r.classify(400, {}, said(6, "noSearchIDResource"), NOW)
    assert isinstance(soon, errors.NvrBusyError)
    assert soon.retry_after == 3


def test_refusals_say_what_may_help() -> None:
    bad = r.classify(400, {}, said(6, "badParameters"), NOW)
    broken = r.classify(200, {}, said(3, "deviceError"), NOW)
    silent = r.classify(500, {}, b"", NOW)
    track = r.classify(400, {}, said(6, "badParameters", "Invalid track id."), NOW)
    assert isinstance(bad, r.HikvisionRefusalError)
    assert isinstance(broken, r.HikvisionRefusalError)
    assert isinstance(silent, r.HikvisionRefusalError)
    assert isinstance(track, r.HikvisionRefusalError)
    assert (bad.is_bad_request, bad.is_device_error) == (True, False)
    assert (broken.is_bad_request, broken.is_device_error) == (False, True)
    assert silent.is_device_error
    assert r.is_track_unknown(track)
    assert not r.is_track_unknown(bad)
    assert not r.is_track_unknown(errors.NvrBusyError("x"))
    assert r.is_optional_refusal(errors.NvrUnsupportedError("x"))
    assert not r.is_optional_refusal(bad)
