"""Firmware profiles: what kind of Dahua unit is simulated. Shaped after real answers; every value is ours."""

from dataclasses import dataclass, field
from datetime import timedelta, tzinfo
from enum import StrEnum
from zoneinfo import ZoneInfo

from ..clock import DstRule, make_zone


class DeviceKind(StrEnum):
    """What getDeviceClass says."""

    NVR = "NVR"
    XVR = "HCVR"
    CAMERA = "IPC"


class Slot(StrEnum):
    """What a channel slot holds (dahua-cgi 6)."""

    CAMERA = "camera"
    ANALOG = "analog"
    EMPTY = "empty"
    STALE = "stale"
    ONVIF = "onvif"
    PLACEHOLDER = "placeholder"


@dataclass(frozen=True, slots=True)
class Zone:
    """A recorder's zone. `name` is an IANA key, `city` what older menus call it; "" when there is none."""

    minutes: int
    dst: DstRule | None = None
    name: str = ""
    city: str = ""

    def tzinfo(self) -> tzinfo:
        """Return the zone by name, else by rule."""
        return ZoneInfo(self.name) if self.name else make_zone(timedelta(minutes=self.minutes), self.dst)


BERLIN = Zone(60, DstRule(), "Europe/Berlin", "Berlin")
NEW_YORK = Zone(-300, DstRule("M3.2.0/2", "M11.1.0/2"), "America/New_York", "Newyork")


@dataclass(frozen=True, slots=True)
class Firmware:
    """One profile. `slots` are channel slots; `special` are those that hold no plain camera.

    `missing`: "400", "501" or "200", the answer to what this firmware lacks (dahua-cgi 2.5). `without` are CGI calls
    ("magicBox.cgi?getVendor", or a config table "config:NTP") and RPC methods or their interfaces ("SmdDataFinder")
    that it lacks. `find_key` names the list of RPC findNextFile; `rtsp_times` are the playback paths that work.
    `health` are the RPC methods by which it tells how it feels. `coaxial`: light and siren of its cameras are switched.
    """

    key: str
    kind: DeviceKind
    model: str
    version: str
    build: str
    serial_stem: str
    device_type: str
    slots: int
    cameras: int
    analog: int = 0
    special: dict[int, Slot] = field(default_factory=dict)
    vendor: str = "Dahua"
    two_line_version: bool = False
    shows_model: bool = True
    processor: str = "ST7108"
    missing: str = "400"
    missing_config: str = "400"
    without: frozenset[str] = frozenset()
    digest: str = "md5"
    rotate_nonce: bool = False
    close_always: bool = False
    odd_heads: bool = False
    long_codes: str = "take"
    stream_life: float = 0.0
    find_key: str = "infos"
    filters_events: bool = True
    rtsp_times: frozenset[str] = frozenset({"playback"})
    file_root: str = "/mnt/dvr"
    file_suffix: str = ".dav"
    file_minutes: tuple[int, int] = (15, 30)
    loadfile_multipart: bool = False
    calendar: bool = True
    zone: Zone = BERLIN
    time_label: str = "iana"
    legacy_remote: bool = False
    camera_state: str = "all"
    smart_motion: str = "codes"
    disks: int = 1
    lock_times: int = 5
    int_session: bool = False
    lorex_audio: bool = False
    coaxial: bool = False
    health: frozenset[str] = frozenset()


_NO_STATE = frozenset({"LogicDeviceManager.getCameraState", "LogicDeviceManager.getCameraAll"})
_OLD = frozenset({"magicBox.cgi?getSystemInfo", "magicBox.cgi?getVendor", "storageDevice.cgi?getSmartInfo"})
_SMART = frozenset({"SmdDataFinder", "StorageAssistant"})
# What an IPC-T5442TM-AS was seen to tell; its load was not asked for.
_HEALTH = frozenset({"getUpTime", "getMemoryInfo"})

FIRMWARES: dict[str, Firmware] = {
    item.key: item
    for item in (
        Firmware(
            key="nvr5232",
            kind=DeviceKind.NVR,
            model="DH-NVR5232-4KS3/I",
            version="5.001.0000000.2.R",
            build="2026-03-31",
            serial_stem="BD04CE2PAZ",
            device_type="31",
            slots=16,
            cameras=8,
            special={11: Slot.ONVIF, 13: Slot.STALE, 15: Slot.PLACEHOLDER},
            missing_config="200",
            without=frozenset({"coaxialControlIO.cgi", "magicBox.getMAC", "magicBox.getDeviceModel"}),
            filters_events=False,
            rtsp_times=frozenset({"realmonitor"}),
            loadfile_multipart=True,
        ),
        Firmware(
            key="nvr5464",
            kind=DeviceKind.NVR,
            model="DHI-NVR5464-16P-EI",
            version="4.003.0000001.3.R",
            build="2025-08-14",
            serial_stem="AF05D11PAQ",
            device_type="31",
            slots=16,
            cameras=9,
            special={11: Slot.ONVIF, 13: Slot.STALE, 15: Slot.PLACEHOLDER},
            rotate_nonce=True,
            close_always=True,
            odd_heads=True,
            stream_life=3600.0,
            coaxial=True,
            missing_config="200",
            camera_state="ragged",
            smart_motion="flag",
        ),
        Firmware(
            key="new501",
            kind=DeviceKind.NVR,
            model="DHI-NVR4208-8P-4KS3",
            version="4.003.0000000.5.R",
            build="2023-06-20",
            serial_stem="8K07B33PAV",
            device_type="NVR4208-8P-4KS3",
            slots=8,
            cameras=8,
            missing="501",
            missing_config="501",
            digest="sha256",
            close_always=True,
            odd_heads=True,
            rtsp_times=frozenset({"playback", "realmonitor"}),
        ),
        Firmware(
            key="old400",
            kind=DeviceKind.NVR,
            model="NVR4208",
            version="3.210.0001.5",
            build="2017-05-11",
            serial_stem="2K03A07PAZ",
            device_type="NVR4208",
            slots=8,
            cameras=6,
            two_line_version=True,
            without=_OLD | _NO_STATE | _SMART | frozenset({"workDirectory", "log.startFind", "RPC_Loadfile"}),
            digest="noqop",
            find_key="items",
            legacy_remote=True,
            time_label="city",
            int_session=True,
            calendar=False,
        ),
        Firmware(
            key="quirk200",
            kind=DeviceKind.NVR,
            model="LTN6416",
            version="4.001.0000005.4.R",
            build="2021-11-02",
            serial_stem="6F0261APAT",
            device_type="LTN6416",
            slots=16,
            cameras=10,
            special={12: Slot.PLACEHOLDER, 14: Slot.STALE},
            missing_config="200",
            without=frozenset({"LogicDeviceManager.getCameraState"}) | _SMART,
            digest="commas",
            time_label="index",
            file_minutes=(60, 60),
            zone=NEW_YORK,
        ),
        Firmware(
            key="nv4116",
            kind=DeviceKind.NVR,
            model="NV4116-HS",
            version="4.000.00AC000.0",
            build="2020-05-21",
            serial_stem="AMR0142B0",
            device_type="NV4116-HS",
            slots=16,
            cameras=7,
            special={8: Slot.PLACEHOLDER, 9: Slot.PLACEHOLDER},
            vendor="AC",
            without=frozenset({"storageDevice.cgi?getSmartInfo", "upgrader.cgi"}) | _NO_STATE | _SMART,
            find_key="items",
            time_label="city",
            file_minutes=(60, 60),
            zone=NEW_YORK,
        ),
        Firmware(
            key="xvr",
            kind=DeviceKind.XVR,
            model="DH-XVR5108HS-4KL-I3",
            version="4.002.0000000.13.R",
            build="2022-12-09",
            serial_stem="7C09F4EPAH",
            device_type="DH-XVR5108HS-4KL-I3",
            slots=12,
            cameras=8,
            analog=4,
            special={12: Slot.ONVIF},
            missing_config="200",
            digest="authint",
            file_minutes=(60, 60),
            health=_HEALTH | {"getCPUUsage"},
        ),
        Firmware(
            key="lorex",
            kind=DeviceKind.NVR,
            model="N841A8",
            version="3.216.00LR035.0",
            build="2021-01-15",
            serial_stem="ND0119120",
            device_type="N841A8",
            slots=8,
            cameras=4,
            vendor="LOREX",
            without=_NO_STATE | _SMART | frozenset({"SmartMotionDetect"}),
            find_key="items",
            smart_motion="none",
            time_label="city",
            zone=NEW_YORK,
            lorex_audio=True,
        ),
        Firmware(
            key="ipc_sd",
            long_codes="trim",
            kind=DeviceKind.CAMERA,
            model="IPC-HDW2431TP-AS",
            version="2.800.0000000.24.R",
            build="2020-10-19",
            serial_stem="5M0341CPAG",
            device_type="IP Camera",
            slots=1,
            cameras=1,
            processor="SSC337DE",
            without=frozenset({"config:RemoteDevice", "LogicDeviceManager", "SmdDataFinder", "StorageAssistant"}),
            find_key="items",
            file_root="/mnt/sd",
            file_suffix=".mp4",
            file_minutes=(8, 8),
            health=_HEALTH,
        ),
    )
}
