"""What can be switched and set: whole documents, read, changed in one place and written back (hikvision-isapi 12)."""

from collections.abc import Sequence
from typing import Final
from xml.etree.ElementTree import Element

from ...controls import Control, ControlId, ControlKind, ControlPage, ControlShape, ControlValue
from ...errors import NvrNotFoundError, NvrResponseError, NvrUnsupportedError
from ...models import Channel, ChannelKind, RecorderKind, StreamRole
from ...transport.gate import Priority
from ...transport.xml import parse, whole
from .context import Context
from .refusals import HikvisionRefusalError
from .tables_controls import DOCUMENTS, Document, Field
from .wire_document import changed
from .wire_settings import Told, output_body, parse_audio_alarm, parse_output, told

_OUTPUT: Final = "output_"
_AUDIO: Final = "audio_alarm"
_AUDIO_PATH: Final = "/ISAPI/Event/triggers/notifications/AudioAlarm"
_COLOR: Final = "color"
_RECORDING: Final = "manual_recording"
_RECORDING_PATH: Final = "/ISAPI/ContentMgmt/record/control/manual/{}/tracks/{}"
_RECORDINGS: Final = {ControlKind.MANUAL_RECORDING_START: "start", ControlKind.MANUAL_RECORDING_STOP: "stop"}
_IMAGE: Final = "/ISAPI/Image/channels/"


class Controls:
    """Settings of the channels and relays of the recorder; nothing is remembered but ranges."""

    def __init__(self, context: Context) -> None:
        """Hold the context."""
        self._context = context
        self._ranges: dict[int, Element | None] = {}

    def pages(self) -> Sequence[ControlPage]:
        """Return the relays and, of each channel that is there, the documents its triggers speak for."""
        outputs = range(1, self._context.capabilities.alarm_outputs + 1)
        found = [ControlPage(f"{_OUTPUT}{number}") for number in outputs]
        if self._recordings():
            found.append(ControlPage(_RECORDING))
        if self._is_camera:
            found += [ControlPage(_AUDIO, channel.number) for channel in self._context.channels[:1]]
        for channel in self._context.channels:
            if channel.online is not False:
                found += [
                    ControlPage(name, channel.number)
                    for name, document in DOCUMENTS.items()
                    if self._offered(document, channel)
                ]
        return found

    def certain(self) -> Sequence[Control]:
        """Return the detections: who lists a channel's triggers of a kind has the kind's document as well.

        Likewise, who lists the track of a channel records on it when told to.
        """
        return self._recordings() + [
            Control(ControlId(place.kind, channel.number), ControlPage(name, channel.number), place.shape)
            for channel in self._context.channels
            for name, document in DOCUMENTS.items()
            if document.event is not None and document.event in channel.detections
            for place in document.fields
        ]

    def _recordings(self) -> list[Control]:
        """Return what begins and ends a recording by hand; nothing tells whether one is going on (8.5)."""
        return [
            Control(ControlId(kind, channel.number), ControlPage(_RECORDING), ControlShape.PUSH)
            for channel in self._context.channels
            if (channel.number, StreamRole.MAIN) in self._context.tracks
            for kind in _RECORDINGS
        ]

    def _offered(self, document: Document, channel: Channel) -> bool:
        if document.camera and not self._is_camera:
            return False
        return document.event is None or document.event in channel.detections

    async def read(self, page: ControlPage) -> Sequence[Control]:
        """Return what the page holds now; a document that this unit does not like to be asked for is one it lacks."""
        if page.name == _RECORDING:
            return self._recordings()
        if page.channel is None:
            return [await self._output(page)]
        if page.name == _AUDIO:
            return [await self._audio(page)]
        document = _document(page)
        path = self._path(document, page.channel)
        try:
            body = await self._context.client.get(path)
        except HikvisionRefusalError as error:
            if error.is_bad_request:
                message = "the recorder has no such setting"
                raise NvrUnsupportedError(message) from error
            raise
        found = self._told(page, document, body, await self._range(path, page.channel))
        if page.name == _COLOR and self._is_camera:
            # A recorder was never seen to reset what is its cameras' own.
            found.append(Control(ControlId(ControlKind.IMAGE_RESET, page.channel), page, ControlShape.PUSH))
        return found

    async def write(self, control: Control, value: ControlValue) -> Sequence[Control]:
        """Change one thing; what conflicts with it is refused by the recorder and not switched off for it."""
        page, client = control.page, self._context.client
        if page.name == _RECORDING:
            await self._record(control)
            return await self.read(page)
        if page.channel is None:
            number = page.name.removeprefix(_OUTPUT)
            body = output_body(on=bool(value))
            await client.put(f"/ISAPI/System/IO/outputs/{number}/trigger", body, again=True)
            return await self.read(page)
        if control.shape is ControlShape.PUSH:
            await self._push(control, page.channel)
            return await self.read(page)
        document = _document(page)
        place = next((field for field in document.fields if field.kind is control.id.kind), None)
        if place is None:
            message = "the document holds no such setting"
            raise NvrNotFoundError(message)
        path = self._path(document, page.channel)
        before = await client.get(path, priority=Priority.PERSON)
        await client.put(path, changed(before, place.path, _spelled(place, value, before)), again=True)
        # What was written may be clamped without a word: only reading tells (hikvision-isapi 18).
        return await self.read(page)

    @property
    def _is_camera(self) -> bool:
        return self._context.kind is RecorderKind.CAMERA

    async def _audio(self, page: ControlPage) -> Control:
        """Return the push that sounds the alarm once; its index is that of the sound that is set (12.4)."""
        number = parse_audio_alarm(await self._context.client.get(f"{_AUDIO_PATH}?format=json"))
        return Control(ControlId(ControlKind.AUDIO_ALARM, page.channel), page, ControlShape.PUSH, name=str(number))

    async def _push(self, control: Control, channel: int) -> None:
        """Do what leaves no state behind; an alarm that still sounds is busy, and is not told twice."""
        client = self._context.client
        if control.id.kind is ControlKind.AUDIO_ALARM:
            path = f"{_AUDIO_PATH}/{control.name}/test?format=json"
            await client.put(path, b"{}", content_type="application/json")
        else:
            await client.put(f"{_IMAGE}{channel}/reset", again=True)

    async def _record(self, control: Control) -> None:
        """Begin or end a recording by hand; PUT or POST, as firmware has it, and to be told twice does no harm."""
        track = self._context.track(control.id.channel or 0, StreamRole.MAIN)
        path = _RECORDING_PATH.format(_RECORDINGS[control.id.kind], track)
        try:
            await self._context.client.put(path, again=True)
        except NvrUnsupportedError, NvrNotFoundError:
            await self._context.client.post(path, b"")

    async def _output(self, page: ControlPage) -> Control:
        number = int(page.name.removeprefix(_OUTPUT))
        body = await self._context.client.get(f"/ISAPI/System/IO/outputs/{number}/status")
        which = ControlId(ControlKind.ALARM_OUTPUT, None, number)
        return Control(which, page, ControlShape.SWITCH, parse_output(body))

    def _path(self, document: Document, number: int) -> str:
        channel = self._context.channel(number)
        proxied = channel.kind is ChannelKind.IP
        place = "ContentMgmt/InputProxy/channels/{n}/video" if proxied else "System/Video/inputs/channels/{n}"
        return document.path.replace("{base}", f"/ISAPI/{place}").replace("{n}", str(number))

    async def _range(self, path: str, number: int) -> Element | None:
        """Return the document of ranges of a channel's image, asked for once."""
        if not path.startswith(_IMAGE):
            return None
        if number not in self._ranges:
            body = await self._context.client.optional(f"{_IMAGE}{number}/capabilities")
            self._ranges[number] = None if body is None else parse(body)
        return self._ranges[number]

    @staticmethod
    def _told(page: ControlPage, document: Document, body: bytes, ranges: Element | None) -> list[Control]:
        root = parse(body)
        items = ((place, told(root, place.path, ranges)) for place in document.fields)
        return [_control(page, place, item) for place, item in items if item is not None]


def _document(page: ControlPage) -> Document:
    if page.name not in DOCUMENTS:
        message = "the recorder has no such page"
        raise NvrNotFoundError(message)
    return DOCUMENTS[page.name]


def _control(page: ControlPage, place: Field, item: Told) -> Control:
    which = ControlId(place.kind, page.channel)
    if place.shape is ControlShape.CHOICE:
        offered = [word for word in item.words or place.words if word in place.words]
        value = place.words.get(item.value)
        return Control(which, page, place.shape, value, choices=tuple(place.words[word] for word in offered))
    if place.shape is ControlShape.NUMBER:
        number = whole(item.value)
        low, high = item.low if item.low is not None else 0, item.high if item.high is not None else 100
        return Control(which, page, place.shape, number, low, high)
    return Control(which, page, place.shape, {"true": True, "false": False}.get(item.value.lower()))


def _spelled(place: Field, value: ControlValue, before: bytes) -> str:
    """Return the wire's word for a value; the range is the recorder's to keep."""
    if place.shape is ControlShape.SWITCH:
        return "true" if value else "false"
    if place.shape is ControlShape.NUMBER:
        return str(value)
    wire = next((word for word, ours in place.words.items() if ours == value), None)
    if wire is None or not before:
        message = "the setting takes no such word"
        raise NvrResponseError(message)
    return wire
