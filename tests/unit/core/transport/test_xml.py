"""Guarded XML: what is hostile goes first and fast, what firmware breaks is repaired."""

import time
import tracemalloc
from xml.etree import ElementTree as ET

from hypothesis import given, strategies as st
import pytest

from custom_components.nvr.core.errors import NvrResponseError
from custom_components.nvr.core.transport.xml import (
    boolean,
    children,
    descendants,
    fields,
    find,
    findall,
    integer,
    local,
    parse,
    text,
)

LAUGHS = (
    b'<!DOCTYPE l [<!ENTITY a "ha"><!ENTITY b "' + b"&a;" * 1000 + b'"><!ENTITY c "' + b"&b;" * 1000 + b'">]><l>&c;</l>'
)
DEEP = b"<a>" * 200_000 + b"</a>" * 200_000
HALF = b"<a>" * 50_000 + b"</a>" * 50_000
HOSTILE = {
    "billion laughs": LAUGHS,
    "quadratic": b'<!DOCTYPE q [<!ENTITY a "' + b"x" * 100_000 + b'">]><q>' + b"&a;" * 1000 + b"</q>",
    "external": b'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><x>&e;</x>',
    "doctype late": b"<x>" + b"y" * 300_000 + b"<!DOCTYPE x></x>",
    "doctype in lower case": b"<!doctype html><html></html>",
    "entity in a comment": b"<x><!-- <!ENTITY a 'b'> --></x>",
    "doctype put together by a repair": b"<!DOC\x00TYPE x [<!ENT\x00ITY a 'b'>]><x>&a;</x>",
    "utf-16": '<?xml version="1.0" encoding="utf-16"?><x/>'.encode("utf-16"),
    "utf-16 without mark": "<x/>".encode("utf-16-le"),
    "utf-32": "<x/>".encode("utf-32-be"),
    "deep": DEEP,
    "deep behind a comment": b"<x><!-- " + b"</" * 100_000 + b" -->" + HALF + b"</x>",
    "deep behind an instruction": b"<x><?p " + b"</" * 100_000 + b" ?>" + HALF + b"</x>",
    "deep behind text that looks closed": b"<x>" + b"/>" * 100_000 + HALF + b"</x>",
    "deep behind a long attribute": b'<x><y z="' + b">" * 200_000 + b'"/>' + HALF + b"</x>",
    "deep behind CDATA": b"<x><![CDATA[" + b"</" * 100_000 + b"<!-- ]]>" + HALF + b"--></x>",
    "deep put together by a repair": b"<x>&" + HALF.replace(b"</", b"<\x01/") + b"</x>",
    "many comments never closed": b"<x>" + b"<!--" * 200_000,
    "many comments": b"<x>" + b"<!---->" * 100_000 + b"</x>",
    "deep and never closed": b"<a>" * 500_000,
    "too long": b"<x>" + b"y" * (9 * 1024 * 1024) + b"</x>",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_is_refused_within_5_ms_and_5_mib(name: str) -> None:
    data = HOSTILE[name]
    best = 1.0
    for _ in range(5):
        start = time.process_time()
        with pytest.raises(NvrResponseError):
            parse(data)
        best = min(best, time.process_time() - start)
    tracemalloc.start()
    with pytest.raises(NvrResponseError):
        parse(data)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    # A refusal may hold the input once more, not a multiple of it.
    assert peak <= 5 * 1024 * 1024
    assert best <= 0.005


@pytest.mark.parametrize("depth", [1, 127, 128])
@pytest.mark.parametrize("extra", [b"", b"<!-- x -->", b"<b/>" * 300])
def test_depth_up_to_the_limit_is_fine(depth: int, extra: bytes) -> None:
    parse(b"<a>" * depth + b"</a>" * depth)
    if depth < 128:
        parse(b"<a>" * depth + extra + b"</a>" * depth)


@pytest.mark.parametrize("extra", [b"", b"<!-- x -->"])
def test_depth_beyond_the_limit_is_refused(extra: bytes) -> None:
    with pytest.raises(NvrResponseError, match="deep"):
        parse(b"<a>" * 128 + extra + b"<b></b>" + b"</a>" * 128)


@given(
    st.recursive(
        st.just(""),
        lambda inner: st.lists(inner, max_size=4).map(lambda kids: "".join(f"<n>{kid}</n>" for kid in kids)),
        max_leaves=60,
    )
)
def test_depth_limit_is_exact_for_any_tree(inner: str) -> None:
    document = f"<r>{inner}</r>".encode()

    def depth(element: ET.Element) -> int:
        return 1 + max((depth(child) for child in element), default=0)

    real = depth(ET.fromstring(document))
    parse(document, depth=real)
    with pytest.raises(NvrResponseError):
        parse(document, depth=real - 1)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ("<n>Türe</n>".encode(), "Türe"),
        (b"\xef\xbb\xbf\r\n <?xml version='1.0'?><n>x</n>", "x"),
        ("<n>门口</n>".encode("gb18030"), "门口"),
        ("<?xml version='1.0' encoding='GB2312'?><n>门口</n>".encode("gb18030"), "门口"),
        ("<?xml version='1.0' encoding='iso-8859-1'?><n>Tür</n>".encode("latin-1"), "Tür"),
        ("<?xml version='1.0' encoding='utf-7'?><n>门口</n>".encode("gb18030"), "门口"),
        (b"<n>\xff\xff T</n>", "\xff\xff T"),
        (b"<n>a\x01b\x1f\x00</n>", "ab"),
        (b"<n>Tom & Jerry &amp; &#65; &foo; &</n>", "Tom & Jerry & A &foo; &"),
        (b"<n>x</n>\x00\x00", "x"),
        (b"<n>x</n> \n", "x"),
        (b"<!-- a --><n><!-- </n> -->x<![CDATA[ <!-- y ]]><?p </n> ?>z</n>", "x <!-- y z"),
        (b"<n>" + b"<b/>" * 300 + b"<!-- c --></n>", ""),
        (b"<?xml version='1.0' encoding='UTF-16'?><n>x</n>", "x"),
    ],
)
def test_repairs(data: bytes, expected: str) -> None:
    assert text(parse(data)) == expected


@pytest.mark.parametrize(
    "data", [b"", b"   ", b"hello", b"<a>", b"<a></b>", b"<html><body><br></html>", b'{"a":1}', b"<a/><b/>"]
)
def test_broken_is_an_error_with_an_excerpt(data: bytes) -> None:
    with pytest.raises(NvrResponseError) as caught:
        parse(data)
    assert caught.value.excerpt == data.decode().strip()


def test_excerpt_of_a_broken_answer_is_redacted() -> None:
    with pytest.raises(NvrResponseError) as caught:
        parse(b"<DeviceInfo><serialNumber>DS123</serialNumber><password>hunter2</password>")
    assert "hunter2" not in caught.value.excerpt
    assert "DS123" not in caught.value.excerpt


@given(st.binary(max_size=200))
def test_parse_returns_or_refuses(data: bytes) -> None:
    try:
        parse(data)
    except NvrResponseError:
        return


TREE = parse(
    b"""<L xmlns="urn:a" size="9"><x:Item xmlns:x="urn:b"><id> 7
</id><on>true</on><list><e>1</e><e>2</e></list></x:Item><Item><id>seven</id><on>0</on><size>3.0</size><e/></Item></L>"""
)


def test_lookup_by_local_name() -> None:
    assert local("{urn:a}L") == local("L") == "L"
    assert [text(item, "id") for item in children(TREE, "Item")] == ["7", "seven"]
    assert [text(item) for item in findall(TREE, "Item/list/e")] == ["1", "2"]
    assert find(TREE, "Item/nothing") is None
    assert [item.tag for item in descendants(TREE, "L")] == ["{urn:a}L"]
    assert len(list(descendants(TREE, "e"))) == 3
    first, second = children(TREE, "Item")
    assert fields(first) == {"id": "7", "on": "true", "list": ""}
    assert fields(parse(b"<a><b>1</b><b>2</b></a>")) == {"b": "1"}
    assert text(second, "e", "none") == "none"
    assert text(second, "missing") == ""
    assert integer(first, "id") == 7
    assert integer(second, "size") == 3
    assert integer(second, "id", 5) == 5
    assert integer(second, "missing") is None
    assert integer(parse(b"<a>inf</a>"), default=1) == 1
    assert boolean(first, "on") is True
    assert boolean(second, "on", default=True) is False
    assert boolean(second, "id") is None
    assert boolean(second, "missing", default=True) is True
