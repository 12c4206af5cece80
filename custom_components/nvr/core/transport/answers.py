"""How a recorder answered each question, in counts: the probe of a report. No address, login or name; pure."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
import re
from typing import Final
from urllib.parse import parse_qsl

from ..errors import NvrError
from .redact import excerpt

_MOST: Final = 200
_MOST_LABEL: Final = 120
_MOST_SEGMENTS: Final = 8
OTHERS: Final = "(others)"
# What says which question it is; all else of a query are times, numbers and tokens.
_TELLING: Final = frozenset({"action", "name", "code", "cmd", "method"})
_WORD: Final = re.compile(r"[\w.,\[\]-]{1,40}")
_REFUSED: Final = 400
_EXCERPT: Final = 160


@dataclass(slots=True)
class AnswerRow:
    """What came to one question: how often with which status or failure, and of the last answer its kind and size.

    `refusal` is the beginning of the last refusal, redacted.
    """

    outcomes: dict[str, int] = field(default_factory=dict)
    content_type: str | None = None
    size: int | None = None
    refusal: str | None = None


def label_of(method: str, target: str) -> str:
    """Return a request target without what changes from one request to the next, or tells of a person."""
    path, _, query = target.partition("?")
    segments = path.split("/")
    if len(segments) > _MOST_SEGMENTS:
        segments = [*segments[:_MOST_SEGMENTS], "…"]
    told = [
        f"{name}={value}"
        for name, value in parse_qsl(query, keep_blank_values=True)
        if name.lower() in _TELLING and _WORD.fullmatch(value)
    ]
    return f"{method} {'/'.join(segments)}{'?' * bool(told)}{'&'.join(told)}"[:_MOST_LABEL]


class AnswerBook:
    """The answers since the start; questions without number are counted together."""

    def __init__(self) -> None:
        """Begin empty."""
        self._rows: dict[str, AnswerRow] = {}

    def note(self, method: str, target: str, outcome: str | int, content_type: str = "", body: bytes = b"") -> None:
        """Count one: `outcome` is a status, or the name of what came instead of an answer."""
        label = label_of(method, target)
        if label not in self._rows and len(self._rows) >= _MOST:
            label = OTHERS
        row = self._rows.setdefault(label, AnswerRow())
        row.outcomes[str(outcome)] = row.outcomes.get(str(outcome), 0) + 1
        if isinstance(outcome, int):
            row.content_type, row.size = content_type[:60] or None, len(body)
            if outcome >= _REFUSED:
                row.refusal = excerpt(body, _EXCERPT) or None

    @contextmanager
    def failing(self, method: str, target: str) -> Iterator[None]:
        """Note what is raised within instead of an answer; errors go on."""
        try:
            yield
        except NvrError as error:
            self.note(method, target, type(error).__name__)
            raise

    def dump(self) -> dict[str, dict[str, object]]:
        """Return all rows as plain JSON, by question."""
        return {
            label: {
                name: value
                for name in ("outcomes", "content_type", "size", "refusal")
                if (value := getattr(row, name)) is not None
            }
            for label, row in sorted(self._rows.items())
        }
