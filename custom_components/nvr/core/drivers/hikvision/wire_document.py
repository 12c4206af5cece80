"""Documents that are read, changed in one place and written back whole, as the recorder spells them. Pure.

Firmware resets what a written document leaves out, and some of it refuses another casing or namespace
(hikvision-isapi 2.2): whatever was read goes back, known to us or not.
"""

from xml.etree.ElementTree import Element
from xml.sax.saxutils import escape, quoteattr

from ...errors import NvrResponseError
from ...transport.xml import find, local, parse

_DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>\n'


def _uri(tag: str) -> str:
    return tag[1:].partition("}")[0] if tag.startswith("{") else ""


def _write(element: Element, above: str, out: list[str]) -> None:
    uri, name = _uri(element.tag), local(element.tag)
    # The guard lets foreign attributes through; those with a namespace of their own mean nothing to a recorder.
    attributes = "".join(f" {key}={quoteattr(value)}" for key, value in element.attrib.items() if key[:1] != "{")
    space = f" xmlns={quoteattr(uri)}" if uri != above else ""
    text = escape((element.text or "").strip())
    if not len(element) and not text:
        out.append(f"<{name}{attributes}{space}/>")
        return
    out.append(f"<{name}{attributes}{space}>{text}")
    for child in element:
        _write(child, uri, out)
    out.append(f"</{name}>")


def render(root: Element) -> bytes:
    """Return the document: every element that was read, in its order, casing and namespace."""
    out: list[str] = [_DECLARATION]
    _write(root, "", out)
    return "".join(out).encode()


def changed(body: bytes, path: str, value: str) -> bytes:
    """Return a document with another text at a path of local names; raises NvrResponseError where there is none."""
    root = parse(body)
    target = find(root, path)
    if target is None:
        message = "the recorder's document lacks what was to be changed"
        raise NvrResponseError(message)
    target.text = value
    return render(root)
