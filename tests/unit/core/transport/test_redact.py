"""Nothing secret is written down."""

from hypothesis import given, strategies as st
import pytest

from custom_components.nvr.core.transport.redact import excerpt, redact


@pytest.mark.parametrize(
    ("text", "secrets"),
    [
        (
            "GET rtsp://admin:nvr-test-pass@10.0.0.1:554/Streaming/Channels/101 failed",
            ["nvr-test-pass", "10.0.0.1", "101"],
        ),
        ("http://admin:p%40ss@host/x and https://u:p/w@h/", ["p%40ss", "admin"]),
        ('Authorization: Digest username="admin", response="0123"\r\nHost: x', ["admin", "0123"]),
        ("{'Authorization': 'Basic YWRtaW46bnZyLXRlc3QtcGFzcw=='}", ["YWRtaW4"]),
        ("sent Basic YWRtaW46bnZyLXRlc3QtcGFzcw== to it", ["YWRtaW4"]),
        ("Set-Cookie: WebSession_12ab=34cd; path=/", ["34cd"]),
        ("<serialNumber>DS-7608NXI-I0/0P/S0000000000CCRRJ00000000WCVU</serialNumber>", ["CCRRJ"]),
        ("<sn:subSerialNumber opt='x'>A1</sn:subSerialNumber><password>hunter2</password>", ["A1", "hunter2"]),
        ("<userName>bob</userName><macAddress>e0:44:cf:0b:a7:98</macAddress>", ["bob", "e0:44"]),
        ('{"password": "hunter2", "token":"t0k3n", "serialNumber" : "X1"}', ["hunter2", "t0k3n", "X1"]),
        ("/x?user=bob&pwd=secret&channel=1", ["bob", "secret"]),
        ("DS-7608NXI-I0/0P/S0000000000CCRRJ00000000WCVU is up", ["CCRRJ"]),
        ("serial 123456789 it is", ["123456789"]),
    ],
)
def test_secrets_are_gone(text: str, secrets: list[str]) -> None:
    hidden = redact(text)
    assert "***" in hidden
    for secret in secrets:
        assert secret not in hidden


@pytest.mark.parametrize(
    "text",
    [
        "<statusCode>4</statusCode><subStatusCode>notSupport</subStatusCode>",
        "GET /ISAPI/System/deviceInfo -> 403 after 0.12 s",
        "2026-08-28T13:05:59-03:00",
        "<channelID>1</channelID><eventType>VMD</eventType>",
        "DS-7608NXI-I2/8P/S V4.62.210 build 230619",
    ],
)
def test_the_rest_stays(text: str) -> None:
    assert redact(text) == text


def test_excerpt_is_short_one_line_and_redacted() -> None:
    text = excerpt(b"<a>\n<password>hunter2</password>\xff" + b"x" * 5000)
    assert len(text) <= 200
    assert "hunter2" not in text
    assert "\n" not in text
    assert excerpt("plain") == "plain"


@given(st.text(alphabet="abc123", min_size=4, max_size=12))
def test_excerpt_never_cuts_a_secret_open(secret: str) -> None:
    for padding in range(170, 202, 3):
        text = excerpt("-" * padding + f" <password>{secret}</password>")
        assert f">{secret}" not in text
