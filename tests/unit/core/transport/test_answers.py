"""How a recorder answered each question: what a report says of it, and what it must not."""

import pytest

from custom_components.nvr.core.transport.answers import OTHERS, AnswerBook, label_of


@pytest.mark.parametrize(
    ("target", "label"),
    [
        ("/ISAPI/System/deviceInfo", "GET /ISAPI/System/deviceInfo"),
        ("/ISAPI/Streaming/channels/101/picture?videoResolutionWidth=640", "GET /ISAPI/Streaming/channels/101/picture"),
        (
            "/cgi-bin/configManager.cgi?action=getConfig&name=Encode",
            "GET /cgi-bin/configManager.cgi?action=getConfig&name=Encode",
        ),
        ("/cgi-bin/loadfile.cgi?action=startLoad&startTime=2026-01-01%2010:00:00&token=abc", None),
        ("/cgi-bin/ptz.cgi?action=start&name=Front%20door%20cam", "GET /cgi-bin/ptz.cgi?action=start"),
        ("/cgi-bin/RPC_Loadfile/mnt/dvr/2026-10-25/3/dav/02/1/0/511/02.00.00.dav", None),
    ],
)
def test_labels_tell_the_question_and_nothing_else(target: str, label: str | None) -> None:
    found = label_of("GET", target)
    assert found == (label or found)
    assert not any(secret in found for secret in ("token", "startTime", "02.00.00", "Front"))


def test_answers_are_counted_by_question_and_outcome() -> None:
    book = AnswerBook()
    book.note("GET", "/a?x=1", 200, "text/plain; charset=utf-8", b"1234")
    book.note("GET", "/a?x=2", 200, "application/xml", b"12")
    book.note("GET", "/a", "NvrTimeoutError")
    book.note("PUT", "/b", 403, "", b"<serialNumber>ABC123456789DEF</serialNumber><sub>lowPrivilege</sub>")
    book.note("GET", "/c", 204)
    assert book.dump() == {
        "GET /a": {"outcomes": {"200": 2, "NvrTimeoutError": 1}, "content_type": "application/xml", "size": 2},
        "GET /c": {"outcomes": {"204": 1}, "size": 0},
        "PUT /b": {
            "outcomes": {"403": 1},
            "size": 67,
            "refusal": "<serialNumber>***</serialNumber><sub>lowPrivilege</sub>",
        },
    }


def test_questions_without_number_take_no_memory() -> None:
    book = AnswerBook()
    for number in range(500):
        book.note("GET", f"/{number}", 200)
    assert len(book.dump()) == 201
    assert book.dump()[OTHERS]["outcomes"] == {"200": 300}
