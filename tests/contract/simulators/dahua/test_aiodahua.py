"""aiodahua, an asynchronous client that others wrote, takes the simulator for a recorder."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

from aiodahua import Brand, DahuaClient, discovery
from aiodahua.exceptions import DahuaAuthError, DahuaNotSupportedError, DahuaResponseError
import pytest

from tests.simulators.dahua import PASSWORD, USER, DahuaSimulator

from .rig import WRONG


@pytest.fixture(name="profile")
def default_profile() -> str:
    return "nv4116"


@pytest.fixture(name="unit")
def with_lenient_signatures(unit: DahuaSimulator) -> DahuaSimulator:
    unit.faults.auth.strict_uri = False  # it signs addresses as they were before they were encoded
    return unit


@pytest.fixture
async def client(unit: DahuaSimulator) -> AsyncIterator[DahuaClient]:
    async with DahuaClient("127.0.0.1", USER, PASSWORD, port=unit.http_port) as made:
        yield made


@pytest.mark.parametrize(
    ("profile", "brand"),
    [("nv4116", Brand.AMCREST), ("lorex", Brand.LOREX), ("nvr5232", Brand.DAHUA), ("ipc_sd", Brand.DAHUA)],
)
async def test_brand_and_identity(unit: DahuaSimulator, client: DahuaClient, brand: Brand) -> None:
    assert (await client.async_identify()).brand == brand
    assert await client.async_get_serial_number() == unit.serial
    assert (await client.async_get_software_version() or "").startswith(unit.device.version)
    assert (await client.get_machine_name())["name"] == unit.device.name
    assert unit.counters.auth_failures == 0
    assert unit.counters.unauthorized == 1, "one nonce did for all calls"


@pytest.mark.parametrize(
    ("profile", "refusal"),
    [("new501", DahuaNotSupportedError), ("nv4116", DahuaNotSupportedError), ("quirk200", DahuaResponseError)],
)
async def test_missing_calls_are_told_apart_from_errors(
    unit: DahuaSimulator, client: DahuaClient, refusal: type[Exception]
) -> None:
    unit.faults.auth.mode = "md5"
    with pytest.raises(refusal):
        await client.async_get("configManager.cgi?action=getConfig&name=VideoInExposure")
    with pytest.raises(DahuaNotSupportedError):
        await client.async_get("coaxialControlIO.cgi?action=getStatus&channel=1")


async def test_wrong_password_is_one(unit: DahuaSimulator) -> None:
    async with DahuaClient("127.0.0.1", USER, WRONG, port=unit.http_port, basic_auth_fallback=False) as client:
        with pytest.raises(DahuaAuthError):
            await client.async_get_serial_number()
    assert unit.counters.auth_failures >= 1


async def test_disks(client: DahuaClient) -> None:
    (disk,) = await client.async_get_storage_info()
    assert (disk["name"], disk["state"]) == ("/dev/sda", "Success")
    assert disk["used_bytes"] == disk["total_bytes"] > 5 * 10**12


async def test_stills_and_titles(unit: DahuaSimulator, client: DahuaClient) -> None:
    assert (await client.async_get_snapshot(1)).startswith(b"\xff\xd8")
    await client.async_set_channel_title(1, "Yard # 2")
    assert unit.device.channels[2].title == "Yard # 2"
    assert (await client.async_get_config("ChannelTitle[1]"))["table.ChannelTitle[1].Name"] == "Yard # 2"


async def test_log(unit: DahuaSimulator, client: DahuaClient) -> None:
    await unit.set_channel_online(2, online=False)
    day = unit.device.stamp()[:10]
    (entry,) = await client.async_search_logs(f"{day} 00:00:00", f"{day} 23:59:59")
    assert entry["type"] == "IPC Offline Alarm"
    assert entry["detail_fields"]["Channel"] == "2", "a text of several lines is one entry's"


async def test_recordings_and_a_clip(unit: DahuaSimulator, client: DahuaClient) -> None:
    wall = unit.device.wall() - timedelta(hours=3)
    start, end = f"{wall:%Y-%m-%d %H:%M:%S}", f"{wall + timedelta(minutes=10):%Y-%m-%d %H:%M:%S}"
    count, found = await client.async_find_recordings(start, end, channel=1)
    assert count == len(found) > 0
    assert all(one["path"].endswith(".dav") and one["record_type"] != "unknown" for one in found)
    assert unit.counters.finders_open == 0, "it cleans up"
    clip = await client.async_download_clip(start, f"{wall + timedelta(seconds=20):%Y-%m-%d %H:%M:%S}", channel=1)
    assert clip.startswith(b"DHAV")


async def test_events(unit: DahuaSimulator, client: DahuaClient) -> None:
    got: list[bytes] = []
    task = asyncio.create_task(client.stream_events(lambda data, _channel: got.append(data), ["All"], 0))
    try:
        async with asyncio.timeout(5):
            while not unit.events.listeners:
                await asyncio.sleep(0.01)
            unit.rule("CrossLineDetection", 3)
            while b"Code=CrossLineDetection;action=Start;index=2;data=" not in b"".join(got):
                await asyncio.sleep(0.01)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_discovery(monkeypatch: pytest.MonkeyPatch, socket_enabled: None) -> None:
    async with DahuaSimulator(profile="nvr5464", rtsp=False, discovery_port=0) as unit:
        monkeypatch.setattr(discovery, "DISCOVERY_PORT", unit.discovery.port)
        (found,) = await discovery.async_discover(targets=["127.0.0.1"], timeout=0.3)
        assert (found.serial, found.mac, found.device_class) == (unit.serial, unit.device.mac, "NVR")
        assert (found.ip, found.http_port, found.device_type) == ("127.0.0.1", unit.http_port, "DHI-NVR5464-16P-EI")
        assert await discovery.async_discover(targets=["127.0.0.1"], mac="02:00:00:00:00:01", timeout=0.2) == []
        assert await discovery.async_discover(targets=["127.0.0.1"], mac=unit.device.mac, timeout=0.3)
