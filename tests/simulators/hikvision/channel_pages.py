"""Channels and streams of the simulated recorder (hikvision-isapi 5, 6.1 and 8.1)."""

from collections.abc import Callable

from ..webserver import Request, Response
from .device import Device, SimChannel, StreamSettings
from .router import PageCache, Router, done, unsupported, xml
from .xmlout import Node, el, fields, listing, named

_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


class ChannelPages:
    """InputProxy, Video inputs, Streaming channels and record tracks."""

    def __init__(self, device: Device) -> None:
        self._device = device
        self._cache = PageCache(device)

    def register(self, router: Router) -> None:
        """Add the paths."""
        proxy = "/ISAPI/ContentMgmt/InputProxy/channels"
        router.add("GET", proxy, self.proxies, right="parameters", cost="proxies")
        router.add("GET", f"{proxy}/status", self.states, right="parameters", cost="proxies")
        router.add("GET", f"{proxy}/*/status", self.state, right="parameters")
        router.add("GET", "/ISAPI/System/Video/inputs/channels", self.inputs, right="parameters")
        router.add("GET", "/ISAPI/Streaming/channels", self.streams, right="parameters", cost="streams")
        router.add("GET", "/ISAPI/Streaming/channels/*", self.stream, right="parameters")
        router.add("GET", "/ISAPI/ContentMgmt/record/tracks", self.tracks, right="playback", cost="tracks")
        router.add("GET", "/ISAPI/ContentMgmt/record/tracks/*", self.track, right="playback")
        # Firmware up to 4.30 wants to be told in another way (hikvision-isapi 8.5).
        verb, manual = "POST" if self._device.firmware.key == "nvr-old" else "PUT", "record/control/manual"
        router.add(verb, f"/ISAPI/ContentMgmt/{manual}/start/tracks/*", self.manual_start, right="parameters")
        router.add(verb, f"/ISAPI/ContentMgmt/{manual}/stop/tracks/*", self.manual_stop, right="parameters")

    def proxy(self, channel: SimChannel) -> Node:
        """Build one InputProxyChannel."""
        firmware = self._device.firmware
        source = fields(
            proxyProtocol=channel.protocol,
            addressingFormatType="ipaddress",
            ipAddress=channel.address,
            managePortNo=80 if channel.protocol == "ONVIF" else 8000,
            srcInputPort=channel.port,
            userName="admin",
            connMode="plugplay" if firmware.by_utc else None,
            streamType="auto",
        )
        if firmware.channel_models:
            source += fields(
                model=channel.model, serialNumber=channel.serial, firmwareVersion=channel.firmware, deviceID=""
            )
        return el(
            "InputProxyChannel",
            [
                el("id", channel.number),
                named("name", channel.name),
                el("sourceInputPortDescriptor", source),
                *fields(enableAnr=False, enableTiming=True, devIndex=f"9954753{channel.number:025d}"),
            ],
        )

    def proxies(self, request: Request, _argument: str) -> Response:
        """Answer the IP channels; a camera has none to list."""
        if self._device.is_camera:
            return unsupported(self._device, request)
        return xml(self._device, listing("InputProxyChannelList", [self.proxy(c) for c in self._device.ip_channels()]))

    def _state(self, channel: SimChannel) -> Node:
        online = None if self._device.faults.documents.missing_online else channel.online
        ids = [el("streamingProxyChannelId", channel.number * 100 + n) for n in sorted(channel.streams)]
        source = fields(proxyProtocol=channel.protocol, addressingFormatType="ipaddress", ipAddress=channel.address)
        source += fields(managePortNo=8000, srcInputPort=channel.port, userName="admin", streamType="auto")
        return el(
            "InputProxyChannelStatus",
            [
                el("id", channel.number),
                el("sourceInputPortDescriptor", source),
                *fields(online=online),
                el("streamingProxyChannelIdList", ids),
                el("chanDetectResult", channel.detect if channel.online else channel.detect or "ipNotExist"),
            ],
        )

    def states(self, request: Request, _argument: str) -> Response:
        """Answer which IP channels are online."""
        if self._device.is_camera:
            return unsupported(self._device, request)
        nodes = [self._state(channel) for channel in self._device.ip_channels()]
        return xml(self._device, listing("InputProxyChannelStatusList", nodes, sized=False))

    def state(self, request: Request, argument: str) -> Response:
        """Answer one IP channel's state."""
        channel = self._device.channels.get(int(argument)) if argument.isdecimal() else None
        if channel is None or channel.analog or self._device.is_camera:
            return unsupported(self._device, request)
        return xml(self._device, self._state(channel))

    def inputs(self, request: Request, _argument: str) -> Response:
        """Answer the analog inputs of a DVR or the lenses of a camera; a pure NVR refuses."""
        device = self._device
        local = [c for c in device.listed() if c.analog or device.is_camera]
        if not local:
            return unsupported(device, request)
        nodes = []
        for channel in local:
            described = None
            if channel.analog:
                described = "1920*1080(1080P)P25" if channel.video and channel.online else "NO VIDEO"
            parts = [
                *fields(id=channel.number, inputPort=channel.number),
                *fields(videoInputEnabled=True if channel.analog else None),
                named("name", channel.name),
                *fields(videoFormat="PAL", resDesc=described),
            ]
            nodes.append(el("VideoInputChannel", parts))
        return xml(device, listing("VideoInputChannelList", nodes, sized=False))

    def stream_node(
        self, channel: SimChannel, stream_id: int, settings: StreamSettings, *, listed: bool = False
    ) -> Node:
        """Build one StreamingChannel; the list form of some firmwares names the input differently."""
        firmware = self._device.firmware
        tag = "dynVideoInputChannelID" if listed and firmware.dynamic_input_id else "videoInputChannelID"
        gop = int(settings.gop_seconds * settings.fps)
        video = [
            el("enabled", True),
            el(tag, channel.number),
            *fields(
                videoCodecType=settings.codec,
                videoResolutionWidth=settings.width,
                videoResolutionHeight=settings.height,
                videoQualityControlType="VBR",
                fixedQuality=60,
                vbrUpperCap=settings.kbps,
                vbrLowerCap=32,
                GovLength=gop,
                maxFrameRate=int(settings.fps * 100),
                keyFrameInterval=int(settings.gop_seconds * 1000) if self._device.is_camera else None,
                snapShotImageType="JPEG",
            ),
            el("SmartCodec", fields(enabled=settings.smart)),
        ]
        audio = None
        if settings.audio is not None:
            parts = fields(enabled=True, audioInputChannelID=channel.number, audioCompressionType=settings.audio)
            audio = el("Audio", parts)
        protocol = el("ControlProtocolList", [el("ControlProtocol", fields(streamingTransport="RTSP"))])
        name = channel.name if self._device.is_camera else str(stream_id)
        return el(
            "StreamingChannel",
            [
                el("id", stream_id),
                named("channelName", name),
                el("enabled", settings.enabled),
                el("Transport", [protocol]),
                el("Video", video),
                audio,
            ],
        )

    def streams(self, request: Request, _argument: str) -> Response:
        """Answer all streams of channels that are there now."""
        device = self._device
        offered = device.faults.documents.streaming_list
        if not (device.firmware.streaming_list if offered is None else offered):
            return unsupported(device, request)
        return self._cache.xml("streams", self._stream_list)

    def warm(self) -> None:
        """Render the long lists ahead."""
        self._cache.xml("streams", self._stream_list)
        self._track_list()

    def _stream_list(self) -> Node:
        nodes = [
            self.stream_node(channel, channel.number * 100 + index, settings, listed=True)
            for channel in self._device.listed()
            if channel.online
            for index, settings in sorted(channel.streams.items())
        ]
        return listing("StreamingChannelList", nodes, sized=False)

    def stream(self, request: Request, argument: str) -> Response:
        """Answer one stream: unknown ids are refused by recorders and echoed by cameras (hikvision-isapi 6.1)."""
        device = self._device
        if not argument.isdecimal():
            return unsupported(device, request, 400)
        stream_id = int(argument)
        found = device.stream(stream_id)
        if found is None:
            main = device.stream(stream_id // 100 * 100 + 1)
            if device.is_camera and main is not None and device.firmware.unknown_stream_status == 403:
                return xml(device, self.stream_node(main[0], stream_id, main[1]))
            status = device.firmware.unknown_stream_status
            return unsupported(device, request, 403 if stream_id % 100 == 4 and status == 400 else status)
        channel, settings = found
        if not channel.online:
            return unsupported(device, request)
        return xml(device, self.stream_node(channel, stream_id, settings))

    def _track(self, channel: SimChannel, index: int = 1) -> Node:
        stream = channel.streams[index]
        track = channel.number * 100 + index
        actions = []
        for number, day in enumerate(_DAYS, 1):
            begin = el("ScheduleActionStartTime", fields(DayOfWeek=day, TimeOfDay="00:00:00"))
            end = el("ScheduleActionEndTime", fields(DayOfWeek=day, TimeOfDay="24:00:00"))
            what = [el("Record", True), el("ActionRecordingMode", "CMR")]
            parts = [el("id", number), begin, end, el("ScheduleDSTEnable", False), el("Description", "nothing")]
            actions.append(el("ScheduleAction", [*parts, el("Actions", what)]))
        block = el("ScheduleBlock", [*fields(ScheduleBlockGUID="{00000000-0000-0000-0000-000000000000}"), *actions])
        extensions = [
            el("CustomExtensionName", "www.hikvision.com/RaCM/trackExt/ver10"),
            *fields(enableSchedule=True, SaveAudio=True, PreRecordTimeSeconds=5, PostRecordTimeSeconds=5),
        ]
        codec = f"{stream.codec}-BP" if stream.codec == "H.264" else stream.codec
        described = (
            f"trackType=standard,contentType=video,codecType={codec},"
            f"resolution={stream.width}x{stream.height},framerate={stream.fps:.1f} fps,bitrate={stream.kbps} kbps"
        )
        source = fields(SrcGUID="", SrcChannel=channel.number, StreamHint="video", SrcDriver="RTSP", SrcType="")
        source += fields(SrcUrl=f"rtsp://{self._device.options.host}/Streaming/channels/{track}", SrcLogin="")
        return el(
            "Track",
            [
                # Enable is false on tracks that do record (hikvision-isapi 8.1).
                *fields(id=track, Channel=track, Enable=False, Description=described),
                el("TrackGUID", f"{{00000000-0000-0000-0000-{track:012d}}}"),
                *fields(Size=0, Duration="P0DT0H", DefaultRecordingMode="CMR", LoopEnable=True),
                el("SrcDescriptor", source),
                el("TrackSchedule", [el("ScheduleBlockList", [block])]),
                el("CustomExtensionList", [el("CustomExtension", extensions)]),
            ],
        )

    def manual_start(self, request: Request, argument: str) -> Response:
        """Record by hand from now on."""
        return self._manual(request, argument, self._device.manual.add)

    def manual_stop(self, request: Request, argument: str) -> Response:
        """Record by hand no longer."""
        return self._manual(request, argument, self._device.manual.discard)

    def _manual(self, request: Request, argument: str, change: Callable[[int], None]) -> Response:
        if argument not in {str(channel.number * 100 + 1) for channel in self._recording()}:
            return unsupported(self._device, request)
        change(int(argument))
        self._device.counters.writes += 1
        return done(self._device, request)

    def _recording(self) -> list[SimChannel]:
        plans = self._device.footage.plans
        return [c for c in self._device.listed() if c.number in plans and plans[c.number].mode != "off"]

    def tracks(self, request: Request, _argument: str) -> Response:
        """Answer the tracks of channels that record."""
        return self._track_list() if self._recording() else unsupported(self._device, request)

    def _track_list(self) -> Response:
        indices = (1, 2) if self._device.faults.search.sub_tracks else (1,)
        recording = self._recording()

        def make() -> Node:
            nodes = [self._track(channel, index) for channel in recording for index in indices]
            return listing("TrackList", nodes, sized=False)

        return self._cache.xml("tracks", make, indices, [channel.number for channel in recording])

    def track(self, request: Request, argument: str) -> Response:
        """Answer one track."""
        for channel in self._recording():
            if argument == str(channel.number * 100 + 1):
                return xml(self._device, self._track(channel))
        return unsupported(self._device, request)
