"""Firmware profiles: what kind of recorder or camera is simulated. Shaped after real answers; every value is ours."""

from dataclasses import dataclass
from datetime import timedelta, tzinfo
from enum import StrEnum

from ..clock import DstRule, make_zone


class DeviceKind(StrEnum):
    """How channels are numbered and listed (hikvision-isapi 1)."""

    NVR = "nvr"
    DVR = "dvr"
    CAMERA = "camera"


@dataclass(frozen=True, slots=True)
class Zone:
    """A recorder's zone, east of UTC, as it is set in its menu."""

    minutes: int
    dst: DstRule | None = None

    def tzinfo(self) -> tzinfo:
        """Return the zone by rule."""
        return make_zone(timedelta(minutes=self.minutes), self.dst)

    def wire(self) -> str:
        """Return the text of `timeZone`: POSIX with the inverted sign, daylight saving spelled the vendor's way."""
        hours, rest = divmod(abs(self.minutes), 60)
        text = f"CST{'-' if self.minutes > 0 else '+'}{hours}:{rest:02d}:00"
        if self.dst is None:
            return text
        bias = int(self.dst.bias.total_seconds())
        return f"{text}DST{bias // 3600:02d}:{bias % 3600 // 60:02d}:00,{_rule(self.dst.start)},{_rule(self.dst.end)}"


def _rule(posix: str) -> str:
    day, _, hour = posix.partition("/")
    return f"{day}/{int(hour or 2):02d}:00:00"


EUROPE = DstRule()


@dataclass(frozen=True, slots=True)
class Firmware:
    """One profile. Counts are defaults; `max_ip` is what the recorder could take, not what is connected."""

    key: str
    kind: DeviceKind
    model: str
    serial_stem: str
    version: str
    build: str
    device_type: str
    channels: int
    analog: int = 0
    max_ip: int = 0
    lenses: int = 0
    namespace: str = "isapi"
    xml_version: str = "2.0"
    nested_namespace: bool = False
    triggers_namespace: str | None = None
    wrapped_triggers: bool = False
    lying_size: int = 0
    opt_attributes: bool = True
    channel_models: bool = True
    manufacturer: str | None = None
    server: str = "DNVRS-Webs"
    streaming_list: bool = True
    dynamic_input_id: bool = False
    transcoded: bool = False
    unknown_stream_status: int = 403
    snapshot_by_proxy: bool = False
    rtsp_port_shown: int | None = None
    by_utc: bool = False
    search_time: str = "local"
    digest: str = "a"
    lock_body: str = "long"
    zone: Zone = Zone(-180)
    cpu_list: bool = True
    reboot_count: bool = False
    posts_hosts: int = 1
    io_inputs: int = 4
    io_outputs: int = 1
    prefixed: bool = True
    vmd_inactive: bool = False
    heartbeat_channel: int = 0
    alert_dynamic: bool = True
    alert_protocol_tag: str = "protocolType"
    analytics: tuple[str, ...] = ("VMD", "videoloss", "tamperdetection", "linedetection", "fielddetection")


_FULL = (
    "VMD",
    "videoloss",
    "tamperdetection",
    "linedetection",
    "fielddetection",
    "regionEntrance",
    "regionExiting",
    "scenechangedetection",
)
_CAMERA = ("VMD", "tamperdetection", "linedetection", "fielddetection", "regionEntrance", "regionExiting")

FIRMWARES: dict[str, Firmware] = {
    item.key: item
    for item in (
        Firmware(
            key="nvr8",
            kind=DeviceKind.NVR,
            model="DS-7608NXI-K2/8P",
            serial_stem="DS-7608NXI-K0/0P0820240611CCRR",
            version="V4.62.210",
            build="build 230619",
            device_type="NVR",
            channels=8,
            max_ip=8,
            lying_size=2,
            transcoded=True,
            by_utc=True,
            analytics=_FULL,
        ),
        Firmware(
            key="nvr16",
            kind=DeviceKind.NVR,
            model="DS-7616NI-K2/16P",
            serial_stem="DS-7616NI-K01620230915CCRR",
            version="V4.74.210",
            build="build 240108",
            device_type="NVR",
            channels=16,
            max_ip=16,
            namespace="hikvision",
            xml_version="1.0",
            nested_namespace=True,
            triggers_namespace="isapi",
            lying_size=4,
            manufacturer="hikvision",
            by_utc=True,
            snapshot_by_proxy=True,
            analytics=_FULL,
            zone=Zone(60, EUROPE),
        ),
        Firmware(
            key="nvr-old",
            kind=DeviceKind.NVR,
            model="DS-7616NI-Q1/16P",
            serial_stem="DS-7616NI-Q01620190722CCRR",
            version="V4.30.097",
            build="build 200401",
            device_type="NVR",
            channels=9,
            max_ip=16,
            namespace="hikvision",
            xml_version="1.0",
            nested_namespace=True,
            triggers_namespace="isapi",
            lying_size=1,
            channel_models=False,
            manufacturer="hikvision",
            streaming_list=False,
            opt_attributes=False,
            cpu_list=False,
            digest="b",
            lock_body="short",
            alert_dynamic=False,
            alert_protocol_tag="protocol",
            zone=Zone(480),
            search_time="utc",
        ),
        Firmware(
            key="nvr32",
            kind=DeviceKind.NVR,
            model="DS-7732NXI-M4/16P",
            serial_stem="DS-7732NXI-M0/0P3220250117CCRR",
            version="V5.03.020",
            build="build 240904",
            device_type="NVR",
            channels=32,
            max_ip=32,
            lying_size=-4,
            dynamic_input_id=True,
            transcoded=True,
            by_utc=True,
            search_time="utc",
            digest="c",
            lock_body="retryTimes",
            io_inputs=16,
            io_outputs=9,
            analytics=_FULL,
            zone=Zone(60, EUROPE),
        ),
        Firmware(
            key="dvr4",
            kind=DeviceKind.DVR,
            model="iDS-7204HUHI-M2/S",
            serial_stem="iDS-7204HUHI-M0/S0620240208CCWR",
            version="V4.75.011",
            build="build 240625",
            device_type="DVR",
            channels=6,
            analog=4,
            max_ip=6,
            namespace="hikvision",
            xml_version="1.0",
            nested_namespace=True,
            triggers_namespace="isapi",
            manufacturer="hikvision",
            unknown_stream_status=400,
            zone=Zone(-300),
        ),
        Firmware(
            key="dvr8",
            kind=DeviceKind.DVR,
            model="iDS-7208HQHI-M2/S(C)",
            serial_stem="iDS-7208HQHI-M0/S1020240417CCWR",
            version="V4.75.011",
            build="build 240625",
            device_type="DVR",
            channels=10,
            analog=8,
            max_ip=10,
            namespace="hikvision",
            xml_version="1.0",
            nested_namespace=True,
            triggers_namespace="isapi",
            manufacturer="hikvision",
            unknown_stream_status=400,
            zone=Zone(330),
        ),
        Firmware(
            key="ipc",
            kind=DeviceKind.CAMERA,
            model="DS-2CD2387G2-IU",
            serial_stem="DS-2CD2387G2-IU20230322AAWR",
            version="V5.7.15",
            build="build 240201",
            device_type="IPCamera",
            channels=1,
            lenses=1,
            namespace="hikvision",
            nested_namespace=True,
            server="App-webs/",
            search_time="utc",
            posts_hosts=3,
            io_inputs=1,
            heartbeat_channel=1,
            alert_dynamic=False,
            alert_protocol_tag="protocol",
            vmd_inactive=True,
            analytics=_CAMERA,
            zone=Zone(60, EUROPE),
        ),
        Firmware(
            key="ipc2",
            kind=DeviceKind.CAMERA,
            model="DS-2TD1229-3/QA",
            serial_stem="DS-2TD1229-3/QA20220809AAWR",
            version="V5.5.98",
            build="build 240726",
            device_type="IPCamera",
            channels=2,
            lenses=2,
            nested_namespace=True,
            wrapped_triggers=True,
            manufacturer="",
            server="App-webs/",
            posts_hosts=3,
            io_inputs=1,
            heartbeat_channel=1,
            alert_dynamic=False,
            alert_protocol_tag="protocol",
            vmd_inactive=True,
            analytics=("VMD", "tamperdetection"),
            zone=Zone(60),
        ),
        Firmware(
            key="ipc-old",
            kind=DeviceKind.CAMERA,
            model="DS-2CD2533F-IWS",
            serial_stem="DS-2CD2533F-IWS20140901CCCH",
            version="V5.2.0",
            build="build 140721",
            device_type="IPCamera",
            channels=1,
            lenses=1,
            namespace="hikvision",
            nested_namespace=True,
            wrapped_triggers=True,
            unknown_stream_status=500,
            server="Hikvision-Webs",
            digest="b",
            lock_body="short",
            posts_hosts=3,
            io_inputs=1,
            heartbeat_channel=1,
            alert_dynamic=False,
            alert_protocol_tag="protocol",
            cpu_list=False,
            prefixed=True,
            analytics=("VMD", "tamperdetection", "linedetection", "fielddetection"),
            zone=Zone(60),
        ),
        Firmware(
            key="basic",
            kind=DeviceKind.CAMERA,
            model="DS-FB2128",
            serial_stem="DS-FB212820150310BBWR",
            version="V5.2.2",
            build="build 141107",
            device_type="IPCamera",
            channels=1,
            lenses=1,
            namespace="hikvision",
            server="Hikvision-Webs",
            digest="f",
            lock_body="short",
            posts_hosts=3,
            io_inputs=1,
            heartbeat_channel=1,
            alert_dynamic=False,
            alert_protocol_tag="protocol",
            analytics=("VMD", "tamperdetection"),
            zone=Zone(480),
        ),
    )
}
