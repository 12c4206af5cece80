"""Writes XML the way a firmware does: its namespace, its typos, its raw ampersands (hikvision-isapi 2.2)."""

from collections.abc import Iterable
from dataclasses import dataclass, field
import re

NAMESPACES = {
    "hikvision": "http://www.hikvision.com/ver20/XMLSchema",
    "isapi": "http://www.isapi.org/ver20/XMLSchema",
    "isapi.com": "http://www.isapi.com/ver20/XMLSchema",
    "std-cgi": "http://www.std-cgi.com/ver20/XMLSchema",
    "psia": "urn:psialliance-org",
    "none": "",
}
EXTENSIONS_NAMESPACE = "urn:selfextension:psiaext-ver10-xsd"
_NUMBER = re.compile(r"-?\d+(\.\d+)?\Z")

type Text = str | int | float | bool | None


@dataclass(slots=True)
class Node:
    """One element; with `children` it has no text."""

    tag: str
    text: str = ""
    children: list[Node] = field(default_factory=list)
    attributes: dict[str, str] = field(default_factory=dict)
    name: bool = False
    item: bool = False


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a firmware spells its documents."""

    namespace: str = "isapi"
    version: str = "2.0"
    nested_namespace: bool = False
    encoding: str = "utf-8"
    raw_ampersand: bool = False
    newline_numbers: bool = False
    lying_size: int = 0
    opt_attributes: bool = True
    declaration: bool = True
    byte_order_mark: bool = False

    @property
    def uri(self) -> str:
        """The namespace's URI; empty for none."""
        return NAMESPACES[self.namespace]


def spell(value: Text) -> str:
    """Return a value as the wire has it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def el(tag: str, content: Text | Iterable[Node | None] = None, **attributes: Text) -> Node:
    """Make an element from a text or from children; None children are left out."""
    node = Node(tag, attributes={key: spell(value) for key, value in attributes.items() if value is not None})
    if content is None or isinstance(content, str | int | float | bool):
        node.text = spell(content)
    else:
        node.children = [child for child in content if child is not None]
    return node


def fields(**values: Text) -> list[Node]:
    """Make one element per keyword, in order; None is left out."""
    return [el(tag, value) for tag, value in values.items() if value is not None]


def named(tag: str, value: str) -> Node:
    """Make an element that holds a name people chose, where a raw ampersand may show."""
    return Node(tag, value, name=True)


def listing(tag: str, items: Iterable[Node], *, sized: bool = True) -> Node:
    """Make a list element whose `size` may lie; its items may repeat the namespace."""
    node = Node(tag, children=list(items))
    for item in node.children:
        item.item = True
    if sized:
        node.attributes["size"] = str(len(node.children))
    return node


def escape(text: str) -> str:
    """Escape a text for element content."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def document(root: Node, dialect: Dialect) -> bytes:
    """Render a whole document, one element a line."""
    lines: list[str] = ['<?xml version="1.0" encoding="UTF-8" ?>'] if dialect.declaration else []
    _render(root, dialect, lines, root=True)
    body = ("\n".join(lines) + "\n").encode(dialect.encoding, "replace")
    return b"\xef\xbb\xbf" + body if dialect.byte_order_mark else body


def fragment(root: Node, dialect: Dialect) -> bytes:
    """Render a root element without a declaration, as event parts are."""
    lines: list[str] = []
    _render(root, dialect, lines, root=True)
    return ("\n".join(lines) + "\n").encode(dialect.encoding, "replace")


def _attributes(node: Node, dialect: Dialect, *, root: bool) -> str:
    attributes: dict[str, str] = {}
    if (root or (node.item and dialect.nested_namespace)) and "xmlns" not in node.attributes:
        attributes["version"] = dialect.version
        if dialect.uri:
            attributes["xmlns"] = dialect.uri
    for key, value in node.attributes.items():
        if key == "opt" and not dialect.opt_attributes:
            continue
        attributes[key] = str(int(value) + dialect.lying_size) if key == "size" else value
    return "".join(f' {key}="{escape(value)}"' for key, value in attributes.items())


def _render(node: Node, dialect: Dialect, lines: list[str], *, root: bool = False) -> None:
    opening = f"<{node.tag}{_attributes(node, dialect, root=root)}>"
    if node.children:
        lines.append(opening)
        for child in node.children:
            _render(child, dialect, lines)
        lines.append(f"</{node.tag}>")
        return
    text = node.text
    if dialect.newline_numbers and _NUMBER.match(text):
        text = "\n" + text
    text = text if node.name and dialect.raw_ampersand else escape(text)
    lines.append(f"{opening}{text}</{node.tag}>")
