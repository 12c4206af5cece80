"""A recorder that is reached by HTTPS, with the certificate it made itself: pinned, and every role goes on it."""

import pytest

from custom_components.nvr.core import errors
from custom_components.nvr.core.driver import TlsMode
from custom_components.nvr.core.models import EventKind
from tests.contract.dahua_driver import driving, last, listening, search
from tests.simulators.dahua.simulator import DahuaSimulator

pytestmark = pytest.mark.usefixtures("socket_enabled")


async def test_every_role_goes_over_a_pinned_certificate() -> None:
    async with DahuaSimulator(profile="nvr5232", https_port=0) as simulator:
        settings = {"port": simulator.https_port, "tls": TlsMode.PIN, "fingerprint": simulator.fingerprint}
        # Nothing may fall back to plain HTTP: that only points to HTTPS.
        simulator.faults.http.redirect_https = True
        async with driving(simulator, settings=settings) as driver:
            assert driver.info.serial == simulator.device.serial
            assert (await driver.refresh_channels())[0].online
            await driver.ping()
            segments = [each for each in await search(driver, 1, last(30)) if not each.open]
            assert driver.snapshots is not None
            assert (await driver.snapshots.snapshot(1)).jpeg
            assert driver.downloads is not None
            async with driver.downloads.open(min(segments, key=lambda each: each.size or 0)) as download:
                assert (await anext(aiter(download))).startswith(b"DHAV")
            assert driver.key_frames is not None
            assert (await driver.key_frames.key_frame(1, segments[0].span.start)).data
            async with listening(driver) as listener:
                simulator.motion(1)
                await listener.until(lambda: bool(listener.events))
                assert listener.events[0].kind is EventKind.MOTION
        assert simulator.counters.rpc_sessions == 0


async def test_another_certificate_gets_no_login() -> None:
    async with DahuaSimulator(profile="nvr5232", https_port=0) as simulator:
        settings = {"port": simulator.https_port, "tls": TlsMode.PIN, "fingerprint": "0" * 64}
        with pytest.raises(errors.NvrCertificateError):
            async with driving(simulator, settings=settings):
                pass
        with pytest.raises(errors.NvrCertificateError):
            async with driving(simulator, settings={"port": simulator.https_port, "tls": TlsMode.VERIFY}):
                pass
        assert simulator.counters.requests == 0
