"""The three searches against units that really answer by UDP; multicast stays on the loopback interface."""

from collections.abc import AsyncIterator, Sequence
import contextlib
from dataclasses import replace
import socket
from typing import Any

import pytest

from custom_components.nvr.core.discovery.box import Box, BoxKind
from custom_components.nvr.core.discovery.scan import SCANNERS, Interface, Scanner, scan
from tests.simulators.dahua import DahuaSimulator
from tests.simulators.hikvision import HikvisionSimulator

HOST = "127.0.0.1"
LOOPBACK = (Interface(HOST),)
SADP, DHDISCOVER, ONVIF = SCANNERS
SHORT = 0.1


@pytest.fixture(autouse=True)
def sockets(socket_enabled: None) -> None:
    """Let the tests use the network of this machine."""


@pytest.fixture
async def hikvision() -> AsyncIterator[HikvisionSimulator]:
    async with HikvisionSimulator(channels=4, rtsp=False, discovery_port=0, onvif_port=0) as unit:
        yield unit


@pytest.fixture
async def dahua() -> AsyncIterator[DahuaSimulator]:
    async with DahuaSimulator(channels=4, rtsp=False, discovery_port=0, onvif_port=0) as unit:
        yield unit


def at(scanner: Scanner, port: int) -> Scanner:
    return replace(scanner, port=port)


async def ask(scanners: Sequence[Scanner], count: int = 1, **options: Any) -> tuple[Box, ...]:
    """Ask until so many have answered: how long a busy machine takes for it says nothing."""
    interfaces = options.pop("interfaces", LOOPBACK)
    return await scan(scanners, interfaces, seconds=20.0, enough=count, **options)


def requests(unit: HikvisionSimulator | DahuaSimulator) -> int:
    return unit.counters.requests


async def test_sadp_by_multicast(hikvision: HikvisionSimulator) -> None:
    (found,) = await ask([at(SADP, hikvision.discovery.port)])
    assert found == Box(
        HOST,
        hikvision.http_port,
        family="hikvision",
        maker="hikvision",
        model="DS-7608NXI-K2/8P",
        serial=hikvision.serial,
        mac=hikvision.device.mac,
        kind=BoxKind.RECORDER,
        activated=True,
    )
    assert requests(hikvision) == 0


async def test_dhdiscover_by_multicast(dahua: DahuaSimulator) -> None:
    (found,) = await ask([at(DHDISCOVER, dahua.discovery.port)])
    assert (found.host, found.port, found.family) == (HOST, dahua.http_port, "dahua")
    assert (found.serial, found.mac, found.kind) == (dahua.serial, dahua.device.mac, BoxKind.RECORDER)
    assert requests(dahua) == 0


async def test_onvif_tells_of_boxes_of_every_make(hikvision: HikvisionSimulator, dahua: DahuaSimulator) -> None:
    scanners = [at(ONVIF, hikvision.onvif.port), at(ONVIF, dahua.onvif.port)]
    found = {box.port: box for box in await ask(scanners, 2)}
    assert found.keys() == {hikvision.http_port, dahua.http_port}
    assert found[hikvision.http_port].family == "hikvision"
    assert found[hikvision.http_port].mac == hikvision.device.mac
    assert (found[dahua.http_port].family, found[dahua.http_port].model) == ("dahua", "DH-NVR5232-4KS3/I")


async def test_a_box_that_answers_in_two_ways_is_one(hikvision: HikvisionSimulator) -> None:
    scanners = [at(SADP, hikvision.discovery.port), at(ONVIF, hikvision.onvif.port)]
    found: tuple[Box, ...] = ()
    for _ in range(50):
        hikvision.discovery.asked = hikvision.onvif.asked = 0
        found = await scan(scanners, LOOPBACK, seconds=SHORT)
        if found and hikvision.discovery.asked and hikvision.onvif.asked:
            break
    assert [(box.serial, box.activated) for box in found] == [(hikvision.serial, True)]


async def test_several_units_share_a_port(hikvision: HikvisionSimulator) -> None:
    async with HikvisionSimulator(rtsp=False, number=2, discovery_port=hikvision.discovery.port) as other:
        found = await ask([at(SADP, hikvision.discovery.port)], 2)
    assert {box.serial for box in found} == {hikvision.serial, other.serial}


async def test_a_host_is_asked_where_no_multicast_goes(dahua: DahuaSimulator) -> None:
    alone = replace(at(DHDISCOVER, dahua.discovery.port), group="")
    assert await scan([alone], LOOPBACK, seconds=SHORT) == ()
    (found,) = await ask([alone], hosts=[HOST, "nvr.example", "::1"])
    assert found.serial == dahua.serial


async def test_a_box_that_is_off_is_not_found(hikvision: HikvisionSimulator) -> None:
    await hikvision.power_off()
    scanners = [at(SADP, hikvision.discovery.port), at(ONVIF, hikvision.onvif.port)]
    assert await scan(scanners, LOOPBACK, seconds=SHORT) == ()
    await hikvision.power_on()
    assert len(await ask(scanners)) == 1


async def test_an_interface_that_is_gone_does_not_stop_the_others(dahua: DahuaSimulator) -> None:
    interfaces = (Interface("192.0.2.250"), *LOOPBACK)
    (found,) = await ask([at(DHDISCOVER, dahua.discovery.port)], interfaces=interfaces)
    assert found.serial == dahua.serial
    assert await scan([at(SADP, dahua.discovery.port)], (Interface("192.0.2.250"),), seconds=SHORT) == ()


async def test_a_port_that_another_program_keeps_for_itself_is_no_failure() -> None:
    with contextlib.closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as taken:
        taken.bind((HOST, 0))
        port = int(taken.getsockname()[1])
        assert await scan([at(SADP, port)], LOOPBACK, seconds=SHORT) == ()
        taken.setblocking(False)
        assert await scan([at(SADP, port)], LOOPBACK, hosts=[HOST], seconds=SHORT) == ()
        assert b"<Types>inquiry</Types>" in taken.recv(500)
