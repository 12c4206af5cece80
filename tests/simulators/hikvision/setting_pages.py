"""Which settings the simulated recorder has, and what they hold at first (hikvision-isapi 11.4, 12)."""

from datetime import datetime
from xml.etree import ElementTree as ET

from ..webserver import Request, Response
from .device import Device, SimChannel
from .router import Code, Router, done, failure, json_response, unsupported, xml
from .settings import Factory, Setting, SettingsStore, child_text, local, switch
from .system_pages import SystemPages
from .xmlout import Node, el, fields

_SMART = {
    "FieldDetection": "fielddetection",
    "LineDetection": "linedetection",
    "regionEntrance": "regionEntrance",
    "regionExiting": "regionExiting",
    "SceneChangeDetection": "scenechangedetection",
}
# What cannot be on together with what (mutexFunction); motion is VMDHumanVehicle there.
_MUTEX = {"scenechangedetection": "linedetection", "facedetection": "fielddetection"}


class SettingPages:
    """Detections, names, time, image colour and the audio channel."""

    def __init__(self, device: Device, store: SettingsStore, system: SystemPages) -> None:
        self._device = device
        self._store = store
        self._system = system
        self.audio_open = False
        self.audio_playing = False

    def register(self, router: Router) -> None:
        """Add the paths."""
        add = self._store.add
        add(router, "/ISAPI/System/deviceInfo", Setting(lambda _: self._system.device_info(), self._renamed))
        add(router, "/ISAPI/System/time", Setting(lambda _: self._system.time(), self._time_set))
        add(router, "/ISAPI/System/time/ntpServers/*", Setting(_ntp))
        add(router, "/ISAPI/Security/illegalLoginLock", Setting(self._lock, self._lock_set))
        proxied = "/ISAPI/ContentMgmt/InputProxy/channels/*"
        add(router, proxied, Setting(self._proxy, self._proxy_renamed))
        direct = "/ISAPI/System/Video/inputs/channels/*"
        for base, analog in ((f"{proxied}/video", False), (direct, True)):
            add(router, f"{base}/motionDetection", Setting(self._local(_motion, analog=analog)))
            add(router, f"{base}/tamperDetection", Setting(self._local(_tamper, analog=analog)))
            add(router, f"{base}/videoLoss", Setting(self._local(_loss, analog=analog)))
            add(router, f"{base}/privacyMask", Setting(self._local(_mask, analog=analog)))
        for slug, kind in _SMART.items():
            add(router, f"/ISAPI/Smart/{slug}/*", self._analytic(slug, kind))
        add(router, "/ISAPI/Image/channels/*/color", Setting(self._color))
        router.add("POST", "/ISAPI/System/mutexFunction", self.mutex, right="parameters")
        router.add("GET", "/ISAPI/Smart/capabilities", self.smart_capabilities, right="parameters")
        router.add("PUT", "/ISAPI/System/TwoWayAudio/channels/*/open", self.audio_start, right="live")
        router.add("PUT", "/ISAPI/System/TwoWayAudio/channels/*/close", self.audio_stop, right="live")
        router.add("GET", "/ISAPI/Event/triggers/notifications/AudioAlarm", self.sound, right="parameters")
        router.add("PUT", "/ISAPI/Event/triggers/notifications/AudioAlarm/*/test", self.alarm, right="parameters")

    def _renamed(self, _argument: str, root: ET.Element) -> None:
        self._device.name = child_text(root, "deviceName") or self._device.name

    def _time_set(self, _argument: str, root: ET.Element) -> None:
        device, faults = self._device, self._device.faults.clock
        faults.zone_text = child_text(root, "timeZone")
        faults.mode = child_text(root, "timeMode") or faults.mode
        if faults.mode == "manual" or not faults.kept:
            digits = datetime.fromisoformat(child_text(root, "localTime") or "").replace(tzinfo=device.clock.zone)
            device.clock.step(digits - device.clock.device_now())

    def _lock(self, _argument: str) -> Node:
        policy = self._device.faults.auth
        return el(
            "IllegalLoginLock",
            fields(
                enabled=policy.lock_enabled,
                maxIllegalLoginTimes=policy.lock_tries,
                maxIllegalLoginLockTime=int(policy.lock_seconds // 60),
            ),
        )

    def _lock_set(self, _argument: str, root: ET.Element) -> None:
        policy = self._device.faults.auth
        policy.lock_enabled = child_text(root, "enabled") == "true"
        policy.lock_tries = min(20, max(3, int(child_text(root, "maxIllegalLoginTimes") or 7)))
        policy.lock_seconds = 60.0 * int(child_text(root, "maxIllegalLoginLockTime") or 30)

    def _channel(self, argument: str) -> SimChannel | None:
        return self._device.channels.get(int(argument)) if argument.isdecimal() else None

    def _proxy(self, argument: str) -> Node | None:
        channel = self._channel(argument)
        if channel is None or channel.analog or self._device.is_camera:
            return None
        parts = fields(id=channel.number, name=channel.name)
        source = fields(proxyProtocol=channel.protocol, ipAddress=channel.address, srcInputPort=channel.port)
        return el("InputProxyChannel", [*parts, el("sourceInputPortDescriptor", source)])

    def _proxy_renamed(self, argument: str, root: ET.Element) -> None:
        channel = self._channel(argument)
        name = next((item.text for item in root if local(item.tag) == "name"), None)
        if channel is not None and name:
            channel.name = name

    def _local(self, make: Node, *, analog: bool) -> Factory:
        def factory(argument: str) -> Node | None:
            channel = self._channel(argument)
            if channel is None or not channel.online or (channel.analog or self._device.is_camera) is not analog:
                return None
            return make

        return factory

    def _smart(self, slug: str, kind: str) -> Factory:
        def factory(argument: str) -> Node | None:
            channel = self._channel(argument)
            if channel is None or channel.protocol == "ONVIF" or kind not in self._device.firmware.analytics:
                return None
            return _smart_document(slug, argument)

        return factory

    def _analytic(self, slug: str, kind: str) -> Setting:
        """Make a setting that is refused while what cannot be on with it is on."""

        def conflicts(argument: str, root: ET.Element) -> bool:
            other = next((name for name, word in _SMART.items() if word == _MUTEX.get(kind)), None)
            if other is None or child_text(root, "enabled") != "true":
                return False
            now = self._store.current(Setting(self._smart(other, _SMART[other])), _path(other, argument), argument)
            return now is not None and any(part.tag == "enabled" and part.text == "true" for part in now.children)

        return Setting(self._smart(slug, kind), loose=("RegionCoordinatesList",), conflicts=conflicts)

    def _color(self, argument: str) -> Node | None:
        if self._channel(argument) is None:
            return None
        return el("Color", fields(brightnessLevel=50, contrastLevel=50, saturationLevel=50, hueLevel=50))

    def smart_capabilities(self, _request: Request, _argument: str) -> Response:
        """Answer which analytics exist."""
        parts = [el(f"isSupport{kind[0].upper()}{kind[1:]}", True) for kind in self._device.firmware.analytics]
        return xml(self._device, el("SmartCap", parts))

    def mutex(self, request: Request, _argument: str) -> Response:
        """Answer what must be off before a function may be on."""
        text = request.body.decode("utf-8", "replace")
        for function, other in _MUTEX.items():
            if f'"{function}"' in text:
                return json_response({"MutexFunctionList": [{"mutexFunction": other, "channelID": [1]}]})
        return json_response({"MutexFunctionList": []})

    def audio_start(self, request: Request, _argument: str) -> Response:
        """Open the one talk channel; refuse the second talker."""
        if self.audio_open:
            return failure(self._device, request, 403, Code.INVALID_OPERATION, "deviceBusy")
        self.audio_open = True
        return xml(self._device, el("TwoWayAudioSession", fields(sessionId=2_093_716)))

    def audio_stop(self, request: Request, _argument: str) -> Response:
        """Close the talk channel."""
        self.audio_open = False
        return done(self._device, request)

    def sound(self, request: Request, _argument: str) -> Response:
        """Answer which sound the alarm has."""
        if self._device.firmware.key != "ipc":
            return unsupported(self._device, request)
        alarm = {"audioClass": "alertAudio", "audioID": 4, "audioVolume": 80, "alarmTimes": 3}
        return json_response({"AudioAlarm": alarm})

    def alarm(self, request: Request, _argument: str) -> Response:
        """Sound the alarm, unless it still sounds."""
        if self._device.firmware.key != "ipc":
            return unsupported(self._device, request)
        if self.audio_playing:
            return failure(self._device, request, 403, Code.INVALID_OPERATION, "audioIsPlayingPleaseWait")
        self.audio_playing = True
        return done(self._device, request)


def _path(slug: str, argument: str) -> str:
    return f"/ISAPI/Smart/{slug}/{argument}"


def _ntp(argument: str) -> Node | None:
    if argument != "1":
        return None
    return el(
        "NTPServer",
        fields(
            id=1,
            addressingFormatType="hostname",
            hostName="pool.example.org",
            portNo=123,
            synchronizeInterval=60,
        ),
    )


def _smart_document(slug: str, argument: str) -> Node:
    screen = el("normalizedScreenSize", fields(normalizedScreenWidth=1000, normalizedScreenHeight=1000))
    parts = [el("id", argument), el("enabled", False), screen]
    if slug == "FieldDetection":
        region = fields(id=1, sensitivityLevel=50, timeThreshold=0, detectionTarget="human")
        regions = el("FieldDetectionRegion", [*region, el("RegionCoordinatesList")])
        parts.append(el("FieldDetectionRegionList", [regions], size=1))
    elif slug == "LineDetection":
        line = fields(id=1, enabled=False, sensitivityLevel=50, directionSensitivity="any")
        parts.append(el("LineItemList", [el("LineItem", line)], size=1))
    else:
        parts.append(el("sensitivityLevel", 50))
    return el(slug[0].upper() + slug[1:], parts)


_motion = switch(
    "MotionDetection",
    enabled=True,
    extra=[
        *fields(
            enableHighlight=True, samplingInterval=5, startTriggerTime=1000, endTriggerTime=1000, regionType="grid"
        ),
        el("Grid", fields(rowGranularity=18, columnGranularity=22)),
        el(
            "MotionDetectionLayout",
            [
                el("sensitivityLevel", 60),
                el("layout", fields(gridMap="fffffc" * 18)),
                el("targetType", "human,vehicle"),
            ],
        ),
    ],
)
_tamper = switch("TamperDetection", enabled=False, extra=fields(sensitivityLevel=0))
_loss = switch("VideoLoss", enabled=True)
_mask = switch(
    "PrivacyMask", enabled=False, extra=[el("normalizedScreenSize", fields(normalizedScreenWidth=704)), el("Masks")]
)
