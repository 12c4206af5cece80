"""The table of families and what it promises."""

import pytest

from custom_components.nvr.core.driver import ConnectionConfig, TlsMode
from custom_components.nvr.core.errors import NvrUnsupportedError
from custom_components.nvr.core.families import FAMILIES, _Answer, _https_port, build_driver, family_of

CONFIG = ConnectionConfig("nvr.lan", "admin", "nvr-test-pass")


def test_rows_are_sound() -> None:
    assert len({family.key for family in FAMILIES}) == len(FAMILIES)
    for family in FAMILIES:
        assert family.title
        assert family.ports
        assert all(path.startswith("/") for path in family.probes)
        assert family.brands
        assert family.fingerprint(404, {}, b"") == 0
        assert family_of(family.key) is family


def test_a_driver_is_made_without_a_word_to_the_recorder() -> None:
    driver = build_driver("hikvision", CONFIG, None, {"firmware": "V1"})
    assert driver.info.serial == ""
    assert driver.channels == ()
    assert driver.events is None
    assert driver.memory["firmware"] == "V1"
    assert "nvr-test-pass" not in repr(driver.statistics)
    with pytest.raises(NvrUnsupportedError):
        family_of("unheard-of")


@pytest.mark.parametrize(
    ("status", "location", "port"),
    [
        (302, "https://nvr.lan/index.asp", 443),
        (301, "https://nvr.lan:8443/", 8443),
        (302, "https://elsewhere.example/", None),
        (302, "/doc/page/login.asp", None),
        (302, "https://[nvr", None),
        (200, "https://nvr.lan/", None),
    ],
)
def test_redirects_to_https_stay_on_the_host(status: int, location: str, port: int | None) -> None:
    answer = _Answer(status, {"Location": location}, b"")
    assert _https_port(answer, CONFIG) == port
    secure = ConnectionConfig("nvr.lan", "", "", tls=TlsMode.NO_VERIFY)
    assert _https_port(answer, secure) is None
