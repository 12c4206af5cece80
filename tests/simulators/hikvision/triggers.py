"""Event/triggers of the simulated recorder: what it detects, and whether it tells anyone (hikvision-isapi 11.5)."""

from xml.etree import ElementTree as ET

from ..webserver import Request, Response
from .device import Device, SimChannel
from .router import Code, PageCache, Router, done, failure, unsupported, xml
from .settings import local, to_node
from .xmlout import NAMESPACES, Node, el, fields, listing

_DEVICE_EVENTS = ("diskfull", "diskerror", "nicbroken", "ipconflict", "illaccess", "recordingfailure")
_ID_STEMS = {"tamperdetection": "tamper", "shelteralarm": "tamper"}
_UNLINKED = frozenset({"scenechangedetection", "diskfull"})


class Triggers:
    """The list of triggers; an event leaves the unit only when its trigger has the method `center`."""

    def __init__(self, device: Device) -> None:
        self._device = device
        self._cache = PageCache(device)
        self._written: dict[str, Node] = {}
        self.unlinked: set[tuple[str, int]] = set()

    def register(self, router: Router) -> None:
        """Add the paths."""
        router.add("GET", "/ISAPI/Event/triggers", self.page, right="parameters", cost="triggers")
        router.add("GET", "/ISAPI/Event/triggers/*", self.one, right="parameters")
        router.add("PUT", "/ISAPI/Event/triggers/*", self.write, right="parameters")
        router.add("GET", "/ISAPI/Event/channels/capabilities", self.channel_events, right="parameters")

    def linked(self, kind: str, channel: int) -> bool:
        """Whether an event of this type on this channel is pushed."""
        kind = "VMD" if kind.lower() == "vmd" else kind
        written = self._written.get(self._id(kind, channel).lower())
        if written is not None:
            return any(item.tag == "notificationMethod" and item.text == "center" for item in _walk(written))
        return (kind, channel) not in self.unlinked and kind not in _UNLINKED

    def kinds(self, channel: SimChannel) -> tuple[str, ...]:
        """Return the event types a channel can send."""
        kinds = self._device.firmware.analytics
        if channel.protocol == "ONVIF":
            return tuple(kind for kind in kinds if kind in {"VMD", "videoloss"})
        return kinds

    @staticmethod
    def _id(kind: str, channel: int) -> str:
        if channel == 0:
            return kind
        return f"{_ID_STEMS.get(kind, kind)}-{channel}"

    def _trigger(self, kind: str, channel: int) -> Node:
        identity = self._id(kind, channel)
        if (written := self._written.get(identity.lower())) is not None:
            return written
        device = self._device
        parts = fields(id=identity, eventType=kind)
        if device.is_camera:
            parts += fields(eventDescription=f"{kind} Event trigger Information")
        if kind == "IO":
            parts += fields(inputIOPortID=channel)
        elif channel:
            proxied = not device.is_camera and not device.channels[channel].analog
            if not proxied:
                parts += fields(videoInputChannelID=channel)
            if proxied or device.is_camera:
                parts += fields(dynVideoInputChannelID=channel)
        parts.append(self._notifications(kind, channel))
        return el("EventTrigger", parts)

    def _notifications(self, kind: str, channel: int) -> Node:
        again = "beginning" if self._device.is_camera else None
        methods = []
        if channel and kind not in {"IO", "videoloss"}:
            record = fields(id=f"record-{channel}", notificationMethod="record", notificationRecurrence=again)
            methods.append(el("EventTriggerNotification", [*record, el("videoInputID", channel)]))
        if self.linked(kind, channel):
            center = fields(id="center", notificationMethod="center", notificationRecurrence=again)
            methods.append(el("EventTriggerNotification", center))
        return listing("EventTriggerNotificationList", methods, sized=False)

    def _all(self) -> list[Node]:
        device = self._device
        found = [self._trigger("IO", n) for n in range(1, device.firmware.io_inputs + 1)]
        for channel in device.listed():
            # The bulk list leaves scene change out although the unit has it (hikvision-isapi 11.5).
            kinds = (kind for kind in self.kinds(channel) if kind != "scenechangedetection")
            found += [self._trigger(kind, channel.number) for kind in kinds]
        return found + [self._trigger(kind, 0) for kind in _DEVICE_EVENTS]

    def page(self, _request: Request, _argument: str) -> Response:
        """Answer the whole list, wrapped the old way where the firmware does."""
        return self.whole()

    def whole(self) -> Response:
        """Return the whole list; the first call renders it."""
        return self._cache.xml("triggers", self._document, self._written, sorted(self.unlinked))

    def _document(self) -> Node:
        triggers = listing("EventTriggerList", self._all(), sized=False)
        namespace = self._device.firmware.triggers_namespace
        if namespace is not None:
            for item in triggers.children:
                item.attributes = {"version": "2.0", "xmlns": NAMESPACES[namespace]}
        if self._device.firmware.wrapped_triggers:
            triggers.item = True
            return el("EventNotification", [triggers])
        return triggers

    def _find(self, identity: str) -> Node | None:
        for item in self._all():
            if item.children and item.children[0].text.lower() == identity.lower():
                return item
        stem, _, number = identity.rpartition("-")
        channel = self._device.channels.get(int(number)) if number.isdecimal() else None
        if stem == "scenechangedetection" and channel is not None and stem in self.kinds(channel):
            return self._trigger(stem, channel.number)
        return None

    def one(self, request: Request, argument: str) -> Response:
        """Answer one trigger."""
        found = self._find(argument)
        return unsupported(self._device, request) if found is None else xml(self._device, found)

    def write(self, request: Request, argument: str) -> Response:
        """Take a trigger whose identity is unchanged."""
        found = self._find(argument)
        if found is None:
            return unsupported(self._device, request)
        try:
            root = ET.fromstring(request.body)
        except ET.ParseError:
            return failure(self._device, request, 400, Code.BAD_FORMAT, "badXmlFormat")
        node = to_node(root)
        kept = {child.tag for child in found.children} - {child.tag for child in node.children}
        if local(root.tag) != "EventTrigger" or kept:
            return failure(self._device, request, 400, Code.BAD_CONTENT, "badXmlContent")
        self._device.counters.writes += 1
        self._written[argument.lower()] = node
        return done(self._device, request)

    def channel_events(self, request: Request, _argument: str) -> Response:
        """Answer the event types of each lens; only cameras with several have this, unless told otherwise."""
        forced = self._device.faults.documents.channel_events
        if not (self._device.firmware.lenses > 1 if forced is None else forced):
            return unsupported(self._device, request)
        nodes = [
            el("ChannelEventCap", [el("channelID", number), el("eventType", opt=",".join(self.kinds(channel)))])
            for number, channel in sorted(self._device.channels.items())
        ]
        return xml(self._device, listing("ChannelEventCapList", nodes, sized=False))


def _walk(node: Node) -> list[Node]:
    return [node, *(item for child in node.children for item in _walk(child))]
