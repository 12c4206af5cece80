"""Documents that can be written: read, change, write back whole (hikvision-isapi 2.2 and 19, item 19)."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from xml.etree import ElementTree as ET

from ..webserver import Request, Response
from .device import Device
from .router import Code, Router, done, failure, unsupported, xml
from .xmlout import NAMESPACES, Node, el

type Factory = Callable[[str], Node | None]
type Applied = Callable[[str, ET.Element], None]


def local(tag: str) -> str:
    """Return a tag without its namespace."""
    return tag.rpartition("}")[2]


def child_text(element: ET.Element, name: str) -> str | None:
    """Return the stripped text of the first element of that local name at any depth."""
    for item in element.iter():
        if local(item.tag) == name:
            return (item.text or "").strip()
    return None


def _paths(node: Node, prefix: str = "") -> Iterator[str]:
    path = f"{prefix}/{node.tag}"
    yield path
    for child in node.children:
        yield from _paths(child, path)


def _written_paths(element: ET.Element, prefix: str = "") -> Iterator[str]:
    path = f"{prefix}/{local(element.tag)}"
    yield path
    for child in element:
        yield from _written_paths(child, path)


def to_node(element: ET.Element) -> Node:
    """Turn a parsed document into one the simulator can answer again."""
    node = Node(local(element.tag), (element.text or "").strip())
    node.attributes = {k: v for k, v in element.attrib.items() if not k.startswith("{") and k != "version"}
    node.children = [to_node(child) for child in element]
    return node


@dataclass(slots=True)
class Setting:
    """One path template: what it holds at first and what a write changes. `loose` lists may lose elements."""

    factory: Factory
    applied: Applied | None = None
    reboot: bool = False
    loose: tuple[str, ...] = ()
    refused: int = 403
    conflicts: Callable[[str, ET.Element], bool] | None = None


class SettingsStore:
    """Keeps written state and refuses partial documents."""

    def __init__(self, device: Device) -> None:
        self._device = device
        self._written: dict[str, Node] = {}
        self._settings: dict[str, Setting] = {}

    def add(self, router: Router, template: str, setting: Setting, *, methods: str = "GET|PUT") -> None:
        """Serve one template for reading and writing."""

        def page(request: Request, argument: str) -> Response:
            if request.method == "PUT":
                return self._write(setting, request, argument)
            node = self.current(setting, request.path, argument)
            return unsupported(self._device, request, setting.refused) if node is None else self._answer(node)

        router.add(methods, template, page, right="parameters")

    def _answer(self, node: Node) -> Response:
        return xml(self._device, node)

    def current(self, setting: Setting, path: str, argument: str) -> Node | None:
        """Return what a path holds now; None when this unit has not got it."""
        original = setting.factory(argument)
        if original is None or setting.applied is not None:
            return original
        return self._written.get(path.lower(), original)

    def forget(self, begin: str = "") -> None:
        """Restore what the unit had at first, at all paths that begin so (lower case)."""
        for path in [path for path in self._written if path.startswith(begin)]:
            del self._written[path]

    def _write(self, setting: Setting, request: Request, argument: str) -> Response:
        device = self._device
        current = self.current(setting, request.path, argument)
        if current is None:
            return unsupported(device, request, setting.refused)
        try:
            root = ET.fromstring(request.body)
        except ET.ParseError:
            return failure(device, request, 400, Code.BAD_FORMAT, "badXmlFormat")
        uri = root.tag[1:].partition("}")[0] if root.tag.startswith("{") else ""
        if local(root.tag) != current.tag or uri not in set(NAMESPACES.values()):
            return failure(device, request, 400, Code.BAD_CONTENT, "badXmlContent")
        missing = set(_paths(current)) - set(_written_paths(root))
        if any(not any(tag in path for tag in setting.loose) for path in missing):
            return failure(device, request, 400, Code.BAD_CONTENT, "badXmlContent")
        if setting.conflicts is not None and setting.conflicts(argument, root):
            return failure(device, request, 403, Code.INVALID_OPERATION, "mutexFunction")
        device.counters.writes += 1
        if setting.applied is not None:
            setting.applied(argument, root)
        else:
            self._written[request.path.lower()] = self._clamped(to_node(root))
        return done(device, request, reboot=setting.reboot)

    def _clamped(self, node: Node) -> Node:
        """Bring levels back into 0-100 without a word, as firmware does."""
        if node.tag.endswith("Level") and node.text.lstrip("-").isdecimal():
            node.text = str(min(100, max(0, int(node.text))))
        for child in node.children:
            self._clamped(child)
        return node


def switch(tag: str, *, enabled: bool, extra: list[Node] | None = None) -> Node:
    """Build a detection's configuration document."""
    return el(tag, [el("enabled", enabled), *(extra or [])])
