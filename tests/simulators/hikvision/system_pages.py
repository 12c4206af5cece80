"""System/* documents of the simulated recorder (hikvision-isapi 4)."""

from datetime import datetime
import re

from ..webserver import Request, Response
from .device import Device
from .router import Code, Router, done, failure, json_response, unsupported, xml
from .security_pages import security_cap
from .xmlout import Node, el, fields, listing

_RECORD_TYPES = "CMR,MOTION,ALARM,EDR,ALARMANDMOTION,Command,manual,AllEvent"


class SystemPages:
    """Read-only facts about the unit; settings that can be written are in `settings`."""

    def __init__(self, device: Device) -> None:
        self._device = device
        self.relays: dict[int, bool] = {}

    def register(self, router: Router) -> None:
        """Add the paths."""
        router.add("GET", "/ISAPI/System/capabilities", self.capabilities, cost="capabilities")
        router.add("GET", "/ISAPI/System/time/localTime", self.local_time)
        router.add("GET", "/ISAPI/System/time/timeZone", self.zone_text)
        router.add("GET", "/ISAPI/System/status", self.status, right="parameters")
        router.add("GET", "/ISAPI/System/workingstatus", self.working_status, right="parameters")
        router.add("GET", "/ISAPI/System/Holidays", self.holidays, right="parameters")
        router.add("GET", "/ISAPI/System/Network/interfaces", self.interfaces, right="parameters")
        router.add("GET", "/ISAPI/System/IO/status", self.io_all, right="parameters")
        router.add("GET", "/ISAPI/System/IO/inputs/*/status", self.io_input, right="parameters")
        router.add("GET", "/ISAPI/System/IO/outputs/*/status", self.io_output, right="parameters")
        router.add("GET", "/ISAPI/System/IO/inputs", self.io_inputs, right="parameters")
        router.add("GET", "/ISAPI/System/IO/outputs", self.io_outputs, right="parameters")
        router.add("PUT", "/ISAPI/System/IO/outputs/*/trigger", self.io_trigger, right="parameters")

    def device_info(self) -> Node:
        """Build deviceInfo; recorders and cameras name different things."""
        device, firmware = self._device, self._device.firmware
        parts = fields(deviceName=device.name)
        if firmware.manufacturer is not None and device.is_camera:
            parts += fields(manufacturer=firmware.manufacturer)
        parts += fields(deviceID=device.device_id)
        if device.is_camera:
            parts += fields(deviceDescription="IPCamera", deviceLocation="hangzhou", systemContact="Hikvision.China")
        parts += fields(
            model=firmware.model,
            serialNumber=device.serial,
            macAddress=device.mac,
            firmwareVersion=device.version,
            firmwareReleasedDate=device.build,
            encoderVersion="V5.0",
            encoderReleasedDate="build 230530",
            deviceType=firmware.device_type,
            telecontrolID=88 if device.is_camera else 255,
        )
        if device.is_camera:
            parts += fields(supportBeep=False, supportVideoLoss=False)
        else:
            parts += fields(hardwareVersion="B-R-K21B1-00", decordChannelNums=8, VGANums=1, USBNums=2, auxoutNums=0)
            if firmware.manufacturer is not None:
                parts += fields(manufacturer=firmware.manufacturer)
        return el("DeviceInfo", parts)

    def capabilities(self, _request: Request, _argument: str) -> Response:
        """Answer the capability tree, as long as a real one of its kind."""
        device, firmware = self._device, self._device.firmware
        video = fields(videoInputPortNums=device.analog or firmware.lenses, videoOutputPortNums=2, menuNums=1)
        io_cap = fields(
            IOInputPortNums=firmware.io_inputs,
            IOOutputPortNums=firmware.io_outputs,
            SoftIOInputPortNums=0 if device.is_camera else 2,
        )
        system = [
            el("isSupportDst", True),
            el(
                "NetworkCap",
                fields(isSupportWireless=False, isSupportNtp=True, isSupportUpnp=True, isSupportHttps=True),
            ),
            el("IOCap", io_cap),
            el("SerialCap", fields(rs485PortNums=1, supportRS232Config=True, rs422PortNums=0, rs232PortNums=1)),
            el("VideoCap", video),
            el("AudioCap", fields(audioInputNums=1, audioOutputNums=1)),
            el("isSupportHolidy", not device.is_camera),
        ]
        smart = [el(f"isSupport{kind[0].upper()}{kind[1:]}", True) for kind in firmware.analytics]
        parts = [
            el("SysCap", system),
            security_cap(self._device),
            el("EventCap", fields(isSupportHDFull=True, isSupportHDError=True, isSupportNicBroken=True)),
            el("SmartCap", smart),
            None if device.is_camera else self._racm_cap(),
            el("PTZCtrlCap", fields(isSupportPatrols=False)),
            *fields(isSupportSnapshot=True, isSupportSubscribeEvent=True, isSupportTimeTypeSTD=True),
            *fields(isSupportChannelEventCap=firmware.lenses > 1, isSupportPictureURlCertificate=True),
        ]
        return xml(device, el("DeviceCap", parts))

    def _racm_cap(self) -> Node:
        firmware = self._device.firmware
        utc = True if firmware.by_utc else None
        parts = fields(
            inputProxyNums=firmware.max_ip,
            eSATANums=1,
            nasNums=8,
            ipSanNums=8,
            isSupportZeroChan=True,
            isSupportMainAndSubRecord=self._device.faults.search.sub_tracks,
            isSupportTransCode=firmware.transcoded,
            isSupportSmartSearch=True,
        )
        parts.append(el("recordSearchType", opt=_RECORD_TYPES))
        parts.append(el("pictureSearchType", opt="allPic,motionPic,linedetectionPic,fielddetectionPic"))
        parts += fields(
            isSupportPlaybackByUTC=utc,
            isSupportFindCommonFileByUTC=utc,
            isSupportFindEventFileByUTC=utc,
            isSupportSearchPictureByUTC=utc,
        )
        return el("RacmCap", parts)

    def wall(self, moment: datetime | None = None) -> str:
        """Return device time as text, with the suffix the firmware writes (hikvision-isapi 4.3)."""
        device, faults = self._device, self._device.faults.clock
        if faults.fixed is not None:
            return faults.fixed
        local = device.clock.to_device(moment or device.clock.now()).replace(microsecond=0)
        if faults.suffix == "none":
            return local.replace(tzinfo=None).isoformat()
        if faults.suffix == "standard":
            minutes = device.zone.minutes
            hours, rest = divmod(abs(minutes), 60)
            return f"{local.replace(tzinfo=None).isoformat()}{'-' if minutes < 0 else '+'}{hours:02d}:{rest:02d}"
        return local.isoformat()

    def time(self) -> Node:
        """Build System/time."""
        zone = self._device.faults.clock.zone_text
        text = self._device.zone.wire() if zone is None else zone
        return el("Time", fields(timeMode=self._device.faults.clock.mode, localTime=self.wall(), timeZone=text))

    def local_time(self, _request: Request, _argument: str) -> Response:
        """Answer the wall clock as bare text."""
        return Response(200, self.wall().encode(), "text/plain")

    def zone_text(self, _request: Request, _argument: str) -> Response:
        """Answer the POSIX zone as bare text."""
        return Response(200, self._device.zone.wire().encode(), "text/plain")

    def status(self, _request: Request, _argument: str) -> Response:
        """Answer uptime, processor and memory; the newline before numbers is the real devices' own."""
        device = self._device
        processor = el("CPU", fields(cpuDescription="ARMv7 Processor rev 1 (v7l)", cpuUtilization=7))
        memory = fields(memoryDescription="DDR Memory", memoryUsage="\n1117.457031", memoryAvailable="\n212.500000")
        parts = [
            *fields(currentDeviceTime=self.wall(), deviceUpTime=device.uptime),
            el("CPUList", [processor]) if device.firmware.cpu_list else None,
            el("MemoryList", [el("Memory", memory)]),
            el("totalRebootCount", device.reboots) if device.firmware.reboot_count else None,
        ]
        return xml(device, el("DeviceStatus", parts))

    def working_status(self, request: Request, _argument: str) -> Response:
        """Answer the JSON state some recorders have."""
        if request.query.get("format") != "json" or self._device.is_camera:
            return unsupported(self._device, request)
        device = self._device
        disk = {"hdNo": 1, "volume": 5_723_166, "freeSpace": 0, "status": device.faults.disk, "enable": True}
        channels = [
            {"chanNo": c.number, "record": device.footage.recording(c.number), "signal": c.online, "bitRate": 3072}
            for c in device.channels.values()
        ]
        return json_response({"WorkingStatus": {"HDStatus": [disk], "ChanStatus": channels}})

    def holidays(self, request: Request, _argument: str) -> Response:
        """Answer the holiday list of recorders; cameras have none."""
        if self._device.is_camera:
            return unsupported(self._device, request, 403 if self._device.version < "V5.3" else 404)
        day = [el("monthOfYear", 1), el("dayOfMonth", 1)]
        holidays = [
            el(
                "holiday",
                [
                    el("id", n),
                    el("enabled", False, opt="true,false"),
                    el("holidayName", f"Holiday{n}"),
                    el("holidayMode", "month", opt="date,week,month"),
                    el("holidayMonth", [el("startMonth", day), el("endMonth", day)]),
                ],
            )
            for n in range(1, 33)
        ]
        return xml(self._device, listing("HolidayList", holidays, sized=False))

    def interfaces(self, _request: Request, _argument: str) -> Response:
        """Answer the network interface."""
        address = el("IPAddress", fields(ipVersion="v4", addressingType="static", ipAddress=self._device.options.host))
        link = el(
            "Link", fields(MACAddress=self._device.mac, autoNegotiation=True, speed=1000, duplex="full", MTU=1500)
        )
        return xml(
            self._device, listing("NetworkInterfaceList", [el("NetworkInterface", [el("id", 1), address, link])])
        )

    def io_inputs(self, request: Request, _argument: str) -> Response:
        """Answer the local alarm inputs."""
        return self._io_list(request, "Input", self._device.firmware.io_inputs)

    def io_outputs(self, request: Request, _argument: str) -> Response:
        """Answer the relays."""
        return self._io_list(request, "Output", self._device.firmware.io_outputs)

    def _io_list(self, request: Request, kind: str, count: int) -> Response:
        if count == 0:
            return unsupported(self._device, request)
        ports = [el(f"IO{kind}Port", fields(id=n, triggering="low", name=f"{kind} {n}")) for n in range(1, count + 1)]
        return xml(self._device, listing(f"IO{kind}PortList", ports))

    def io_trigger(self, request: Request, argument: str) -> Response:
        """Switch a relay."""
        state = re.search(rb"<outputState>(high|low)</outputState>", request.body)
        if not argument.isdecimal() or not 1 <= int(argument) <= self._device.firmware.io_outputs:
            return unsupported(self._device, request)
        if state is None:
            return failure(self._device, request, 400, Code.BAD_CONTENT, "badXmlContent")
        self.relays[int(argument)] = state[1] == b"high"
        self._device.counters.writes += 1
        return done(self._device, request)

    def io_input(self, request: Request, argument: str) -> Response:
        """Answer the state of an alarm input."""
        return self._io(request, argument, "input", self._device.firmware.io_inputs)

    def io_output(self, request: Request, argument: str) -> Response:
        """Answer the state of a relay."""
        return self._io(request, argument, "output", self._device.firmware.io_outputs)

    def _io(self, request: Request, argument: str, kind: str, count: int) -> Response:
        if not argument.isdecimal() or not 1 <= int(argument) <= count:
            return unsupported(self._device, request)
        number = int(argument)
        is_on = number in self._device.inputs if kind == "input" else self.relays.get(number, False)
        return xml(self._device, _port(kind, number, is_on=is_on))

    def io_all(self, request: Request, _argument: str) -> Response:
        """Answer the state of all ports; firmware up to 4.30 knows single ones only."""
        firmware = self._device.firmware
        if not firmware.io_inputs or firmware.key == "nvr-old":
            return unsupported(self._device, request)
        inputs = self._device.inputs
        ports = [_port("input", n, is_on=n in inputs) for n in range(1, firmware.io_inputs + 1)]
        ports += [_port("output", n, is_on=self.relays.get(n, False)) for n in range(1, firmware.io_outputs + 1)]
        return xml(self._device, listing("IOPortStatusList", ports, sized=False))


def _port(kind: str, number: int, *, is_on: bool) -> Node:
    return el("IOPortStatus", fields(ioPortID=number, ioPortType=kind, ioState="active" if is_on else "inactive"))
