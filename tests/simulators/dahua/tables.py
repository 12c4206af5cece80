"""The configuration tables of the simulated Dahua unit (dahua-cgi 3, 6, 7.2, 8.1, 13)."""

from collections.abc import Callable
from typing import Any

from ..clock import DstRule
from .device import DahuaDevice, SimChannel, StreamSettings
from .firmware import Slot

type Table = dict[str, Any] | list[Any]

# Minutes east of UTC by the index the NTP table tells (dahua-cgi 7.2).
ZONE_MINUTES = (
    *(0, 60, 120, 180, 210, 240, 270, 300, 330, 345, 360, 390, 420, 480, 540, 570, 600, 660, 720, 780),
    *(-60, -120, -180, -210, -240, -300, -360, -420, -480, -540, -600, -660, -720),
)
_PLACES = {Slot.PLACEHOLDER: "1.1.1.1", Slot.STALE: "192.168.150.250"}


def zone_index(minutes: int) -> int:
    """Return the index of an offset; the nearest there is."""
    return min(range(len(ZONE_MINUTES)), key=lambda index: abs(ZONE_MINUTES[index] - minutes))


def _point(rule: str) -> dict[str, int]:
    """Write a POSIX rule of daylight saving the way Locales does: week -1 is the last."""
    day, _, hour = rule.partition("/")
    month, week, weekday = (int(part) for part in day.removeprefix("M").split("."))
    week = -1 if week == 5 else week
    return {"Year": 2000, "Month": month, "Week": week, "Day": weekday, "Hour": int(hour or 2), "Minute": 0}


class Tables:
    """Builds every table from the unit's state; what nothing else keeps is kept here after a write."""

    def __init__(self, device: DahuaDevice) -> None:
        self._device = device
        self.kept: dict[str, dict[tuple[str | int, ...], Any]] = {}
        self._builders: dict[str, Callable[[], Table]] = {
            "General": self._general,
            "NTP": self._ntp,
            "Locales": self._locales,
            "RTSP": lambda: {
                "Enable": not device.faults.config.rtsp_off,
                "Port": device.rtsp_port,
                "RTP": {"StartPort": 20000, "EndPort": 40000},
            },
            "ChannelTitle": self._titles,
            "Encode": lambda: [self._encode(channel) for channel in self._slots()],
            "RemoteDevice": self._remote,
            "RecordMode": lambda: [{"Mode": 0, "ModeExtra1": 2, "ModeExtra2": 2} for _ in self._slots()],
            "MotionDetect": lambda: [self._motion() for _ in self._slots()],
            "SmartMotionDetect": lambda: [self._smart() for _ in self._slots()],
            "BlindDetect": lambda: [{"Enable": False, "Level": 3} for _ in self._slots()],
            "LossDetect": lambda: [{"Enable": True} for _ in self._slots()],
            "VideoColor": lambda: [[self._color(profile) for profile in range(3)] for _ in self._slots()],
            "VideoInMode": lambda: [{"Mode": 0, "Config": [2]} for _ in self._slots()],
            "DisableLinkage": lambda: {"Enable": False},
            "VideoAnalyseRule": lambda: [self._rules(channel) for channel in self._slots()],
            "RecordStoragePoint": lambda: [{"TimingRecord": {"Local": "Local"}} for _ in self._slots()],
            "UPnP": lambda: {"Enable": False},
            "Web": lambda: {"Enable": True, "Port": device.http_port},
        }
        if device.is_camera:
            self._builders["VideoInOptions"] = lambda: [{"Flip": False, "Mirror": False, "DayNightColor": 1}]
            self._builders["VideoInDayNight"] = lambda: [[{"Mode": "Brightness", "Delay": 6} for _ in range(3)]]
            self._builders["PrivacyMasking"] = lambda: [[{"Enable": False, "Index": 0}, {"Enable": True, "Index": 1}]]
            self._builders["Lighting"] = lambda: [[self._infrared() for _ in range(3)]]
            del self._builders["RemoteDevice"]
        else:
            self._builders["AlarmOut"] = lambda: [{"Mode": 0, "Name": f"Out{place}"} for place in (1, 2)]

    def names(self) -> list[str]:
        """Return the tables there are."""
        return [name for name in self._builders if not self._device.lacks(f"config:{name}", name)]

    def table(self, name: str) -> Table | None:
        """Return one whole table; None when this firmware has none of that name."""
        if name not in self._builders or self._device.lacks(f"config:{name}", name):
            return None
        value = self._builders[name]()
        for path, kept in self.kept.get(name, {}).items():
            place(value, path, kept)
        return value

    def _slots(self) -> list[SimChannel]:
        return [self._device.channels[number] for number in sorted(self._device.channels)]

    def _general(self) -> Table:
        policy = self._device.faults.auth
        return {
            "MachineName": self._device.name,
            "LocalNo": 8,
            "MachineAddress": "",
            "LockLoginEnable": policy.lock_enabled,
            "LockLoginTimes": policy.lock_times,
            "LoginFailLockTime": round(policy.lock_seconds),
        }

    def _ntp(self) -> Table:
        device = self._device
        label = device.faults.clock.label or device.firmware.time_label
        text = {"iana": device.zone.name, "city": device.zone.city}.get(label, "")
        table: dict[str, Any] = {"Address": "pool.ntp.example", "Enable": True, "Port": 123}
        table |= {"TimeZone": zone_index(device.zone.minutes), "UpdatePeriod": 10}
        return table | ({"TimeZoneDesc": text} if text else {})

    def _locales(self) -> Table:
        rule = self._device.zone.dst
        shown = rule or DstRule()
        return {
            "DSTEnable": rule is not None,
            "DSTStart": _point(shown.start),
            "DSTEnd": _point(shown.end),
            "TimeFormat": "yyyy-MM-dd HH:mm:ss",
        }

    def _titles(self) -> Table:
        return [{"Name": channel.title, "SerialNo": ""} for channel in self._slots()]

    def _encode(self, channel: SimChannel) -> dict[str, Any]:
        spare = StreamSettings("H.264", 1280, 720, 25, 2048)
        main = channel.streams.get(0, spare)
        sub = channel.streams.get(1, StreamSettings("H.264", 352, 288, 12, 256))
        off = StreamSettings("H.264", 704, 576, 15, 512, enabled=False)
        return {
            "MainFormat": [self._format(main) for _ in range(4)],
            "ExtraFormat": [self._format(sub), self._format(off)],
            "SnapFormat": [self._format(main)],
        }

    @staticmethod
    def _format(stream: StreamSettings) -> dict[str, Any]:
        return {
            "Audio": {"Bitrate": 64, "Compression": stream.audio or "G.711A", "Frequency": 8000},
            "AudioEnable": stream.audio is not None,
            "Video": {
                "BitRate": stream.kbps,
                "BitRateControl": "VBR",
                "Compression": stream.codec,
                "FPS": stream.fps,
                "GOP": round(stream.fps * stream.gop_seconds),
                "Height": stream.height,
                "Profile": "Main",
                "Width": stream.width,
                "resolution": f"{stream.width}x{stream.height}",
            },
            "VideoEnable": stream.enabled,
        }

    def _remote(self) -> Table:
        slots = [channel for channel in self._device.listed() if channel.slot is not Slot.ANALOG]
        entries = {channel.index: self._entry(channel) for channel in slots}
        if self._device.firmware.legacy_remote:
            return [entries.get(channel.index, {"Enable": False}) for channel in self._slots()]
        return {f"uuid:System_CONFIG_NETCAMERA_INFO_{index}": entry for index, entry in entries.items()}

    @staticmethod
    def _entry(channel: SimChannel) -> dict[str, Any]:
        empty = channel.slot is Slot.EMPTY
        return {
            "Address": _PLACES.get(channel.slot, channel.address),
            "AudioInputChannels": 1 if channel.wired else 0,
            "DeviceClass": "IPC" if channel.model else "",
            "DeviceType": channel.model,
            "Enable": not empty,
            "HttpPort": 80,
            "HttpsPort": 443,
            "Mac": channel.mac,
            "Name": channel.serial,
            "Password": "******",
            "Port": 37777,
            "ProtocolType": "Onvif" if channel.slot is Slot.ONVIF else "Private",
            "RtspPort": 554,
            "SerialNo": channel.serial,
            "UserName": "" if empty else "camera-login",
            "Vendor": "Onvif" if channel.slot is Slot.ONVIF else "Dahua",
            "Version": channel.firmware,
            "VideoInputChannels": 0 if empty else 1,
            "VideoInputs": [{"Name": channel.title}],
        }

    @staticmethod
    def _motion() -> dict[str, Any]:
        return {"DetectVersion": "V3.0", "Enable": True, "EventHandler": {"Dejitter": 5, "RecordEnable": True}}

    @staticmethod
    def _color(profile: int) -> dict[str, Any]:
        return {"Brightness": 50 + profile, "Contrast": 50, "Gamma": 50, "Hue": 50, "Saturation": 50}

    @staticmethod
    def _infrared() -> dict[str, Any]:
        return {"Mode": "Auto", "MiddleLight": [{"Angle": 50, "Light": 50}]}

    @staticmethod
    def _smart() -> dict[str, Any]:
        return {"Enable": True, "ObjectTypes": {"Human": True, "Vehicle": True}, "Sensitivity": "Middle"}

    @staticmethod
    def _rules(channel: SimChannel) -> list[dict[str, Any]]:
        kinds = ("CrossLineDetection", "CrossRegionDetection") if channel.wired else ()
        return [
            {"Class": "Normal", "Enable": True, "Id": index, "Name": f"IVS-{index + 1}", "Type": kind}
            for index, kind in enumerate(kinds)
        ]


def parse_path(text: str) -> tuple[str | int, ...]:
    """Split `Encode[0].MainFormat[0].Video` into its steps. Raises ValueError for bad indexes."""
    steps: list[str | int] = []
    for segment in text.split("."):
        name, *indexes = segment.split("[")
        steps.append(name)
        for index in indexes:
            if not index.endswith("]"):
                raise ValueError(text)
            steps.append(int(index[:-1]))
    return tuple(steps)


def fetch(value: Any, path: tuple[str | int, ...]) -> Any:
    """Return what a path leads to. Raises LookupError when there is nothing."""
    for step in path:
        if isinstance(value, list):
            known = isinstance(step, int) and 0 <= step < len(value)
        else:
            known = isinstance(value, dict) and step in value
        if not known:
            raise LookupError(step)
        value = value[step]
    return value


def place(value: Any, path: tuple[str | int, ...], new: Any) -> None:
    """Put a value where a path leads, when the way there exists."""
    try:
        parent = fetch(value, path[:-1])
        fetch(parent, path[-1:])
    except LookupError:
        return
    parent[path[-1]] = new
