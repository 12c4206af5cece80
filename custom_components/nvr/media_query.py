"""What somebody types into the media browser's search box: a day, a time, why it was recorded, a camera's name; pure.

Words of English and Spanish are understood whatever language is set, with or without accents, in any order. What is no
day, time or kind has to be found in the name of the camera or of its recorder.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
import re
from typing import Final
import unicodedata

from .core.models import EventKind, RecordingKind

_MAX_TEXT: Final = 200

_KINDS: Final = {
    RecordingKind.CONTINUOUS: ("continuous", "continua", "continuo"),
    RecordingKind.MOTION: ("motion", "movement", "movimiento"),
    RecordingKind.ALARM: ("alarm", "alarms", "alarma", "alarmas"),
    RecordingKind.SMART: ("smart", "detection", "detections", "inteligente", "deteccion", "detecciones"),
    RecordingKind.MANUAL: ("manual",),
}
# What happened, for recorders that keep a list of it.
_EVENTS: Final = {
    EventKind.PERSON: ("person", "persons", "people", "human", "humans", "persona", "personas"),
    EventKind.VEHICLE: ("vehicle", "vehicles", "car", "cars", "vehiculo", "vehiculos", "coche", "coches", "carro"),
    EventKind.ANIMAL: ("animal", "animals", "animales"),
    EventKind.FACE: ("face", "faces", "cara", "caras", "rostro", "rostros"),
    EventKind.PLATE: ("plate", "plates", "matricula", "matriculas", "placa", "placas"),
    EventKind.LINE_CROSSING: ("crossing", "crossings", "tripwire", "cruce", "cruces"),
    EventKind.INTRUSION: ("intrusion", "intrusions", "intrusiones"),
    EventKind.LOITERING: ("loitering", "merodeo"),
    EventKind.TAMPER: ("tamper", "tampering", "sabotaje"),
    EventKind.VIDEO_LOSS: ("loss", "perdida"),
    EventKind.AUDIO: ("audio", "sound", "sonido"),
    EventKind.FIRE: ("fire", "fuego", "incendio"),
    EventKind.SMOKE: ("smoke", "humo"),
}
_EVENT_OF: Final = {word: kind for kind, words in _EVENTS.items() for word in words}
_KIND_OF: Final = {word: kind for kind, words in _KINDS.items() for word in words}
_DAYS_AGO: Final = {"today": 0, "hoy": 0, "yesterday": 1, "ayer": 1, "anteayer": 2, "antier": 2}
_WEEKDAYS: Final = {
    name: number
    for names in (
        ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"),
        ("lunes", "martes", "miercoles", "jueves", "viernes", "sabado", "domingo"),
    )
    for number, name in enumerate(names)
}
_MONTHS: Final = {
    name: number
    for names in (
        "january february march april may june july august september october november december",
        "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre",
        "jan feb mar apr may jun jul aug sep oct nov dec",
    )
    for number, name in enumerate(names.split(" "), 1)
}
_FILLERS: Final = frozenset(
    {
        *(
            "at",
            "by",
            "from",
            "in",
            "of",
            "on",
            "the",
            "to",
            "until",
            "with",
            "and",
            "camera",
            "recording",
            "recordings",
        ),
        *("a", "al", "con", "de", "del", "desde", "el", "en", "hasta", "la", "las", "los", "por", "y", "camara"),
    }
)
_MONTH_WORD: Final = "|".join(sorted(_MONTHS, key=len, reverse=True))
_CLOCK: Final = r"(?:[01]?\d|2[0-4])(?:(?::[0-5]\d)?\s?[ap]m\b|:[0-5]\d)"


@dataclass(frozen=True, slots=True)
class MediaQuery:
    """What was asked for; `until` is after `since`, and 24:00 is `time.max`."""

    words: tuple[str, ...] = ()
    kinds: frozenset[RecordingKind] = frozenset()
    events: frozenset[EventKind] = frozenset()
    day: date | None = None
    since: time | None = None
    until: time | None = None

    def with_events(self, *names: str) -> MediaQuery:
        """Return what is asked of a camera whose recorder lists what happened: those words are no names then.

        A word that stands in one of the camera's own names means the camera all the same.
        """
        plain = [plain_text(name) for name in names]
        meant = [word for word in self.words if word in _EVENT_OF and not any(word in name for name in plain)]
        events = {_EVENT_OF[word] for word in meant}
        if RecordingKind.MOTION in self.kinds:
            events.add(EventKind.MOTION)
        words = tuple(word for word in self.words if word not in meant)
        return replace(self, words=words, events=frozenset(events))

    def fits(self, *names: str) -> bool:
        """Tell whether every word left over is in one of the names."""
        plain = [plain_text(name) for name in names]
        return all(any(word in name for name in plain) for word in self.words)


def plain_text(text: str) -> str:
    """Return the text without case and accents."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return "".join(letter for letter in decomposed if not unicodedata.combining(letter))


def parse_query(text: str, now: datetime, day: date | None = None) -> MediaQuery:
    """Read what was typed; `now` is the recorder's wall clock, `day` what is meant when no day is typed.

    Never fails: what is not understood is a name.
    """
    rest, query = plain_text(text[:_MAX_TEXT]), MediaQuery()
    for pattern, read in _PATTERNS:
        if (found := pattern.search(rest)) and (better := read(query, found, now)) is not None:
            query, rest = better, f"{rest[: found.start()]} {rest[found.end() :]}"
    names = []
    for word in re.findall(r"[^\s,;]+", rest):
        if word in _KIND_OF:
            query = replace(query, kinds=query.kinds | {_KIND_OF[word]})
        elif query.day is None and word in _DAYS_AGO:
            query = replace(query, day=now.date() - timedelta(days=_DAYS_AGO[word]))
        elif query.day is None and word in _WEEKDAYS:
            query = replace(query, day=now.date() - timedelta(days=(now.weekday() - _WEEKDAYS[word]) % 7))
        elif word not in _FILLERS:
            names.append(word)
    return replace(query, words=tuple(names), day=query.day or day or _day_of_time(query.since, now))


def _day_of_time(since: time | None, now: datetime) -> date | None:
    """Return the last day on which that time has already been."""
    if since is None:
        return None
    return now.date() if since <= now.time().replace(tzinfo=None) else now.date() - timedelta(days=1)


def _iso_date(query: MediaQuery, found: re.Match[str], _now: datetime) -> MediaQuery | None:
    return _with_day(query, int(found[1]), int(found[2]), int(found[3]))


def _day_first(query: MediaQuery, found: re.Match[str], _now: datetime) -> MediaQuery | None:
    return _with_day(query, int(found[3]), int(found[2]), int(found[1]))


def _day_month(query: MediaQuery, found: re.Match[str], now: datetime) -> MediaQuery | None:
    return _with_month_name(query, found["day"], found["month"], found["year"], now)


def _with_month_name(query: MediaQuery, day: str, month: str, year: str | None, now: datetime) -> MediaQuery | None:
    dated = _with_day(query, int(year or now.year), _MONTHS[month], int(day))
    if dated is not None and dated.day is not None and year is None and dated.day > now.date():
        return _with_day(query, now.year - 1, _MONTHS[month], int(day))
    return dated


def _with_day(query: MediaQuery, year: int, month: int, day: int) -> MediaQuery | None:
    if query.day is not None:
        return None
    try:
        return replace(query, day=date(year, month, day))
    except ValueError:
        return None


def _time_range(query: MediaQuery, found: re.Match[str], _now: datetime) -> MediaQuery | None:
    since, until = _clock_time(found[1]), _clock_time(found[2])
    if since is None or until is None or since >= until:
        return None
    return replace(query, since=since, until=until)


def _one_time(query: MediaQuery, found: re.Match[str], _now: datetime) -> MediaQuery | None:
    since = _clock_time(found[0])
    if query.since is not None or since is None or since == time.max:
        return None
    until = time.max if since.hour == 23 else since.replace(hour=since.hour + 1)
    return replace(query, since=since, until=until)


def _clock_time(text: str) -> time | None:
    hour, minute, *_ = (*map(int, re.findall(r"\d+", text)), 0)
    if text.endswith("m"):
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + (12 if text.endswith("pm") else 0)
    if (hour, minute) == (24, 0):
        return time.max
    return time(hour, minute) if hour < 24 else None


type _Reader = Callable[[MediaQuery, re.Match[str], datetime], MediaQuery | None]

_PATTERNS: Final[tuple[tuple[re.Pattern[str], _Reader], ...]] = (
    (re.compile(r"\b(\d{4})-(\d{1,2})-(\d{1,2})\b"), _iso_date),
    (re.compile(r"\b(\d{1,2})[./](\d{1,2})[./](\d{4})\b"), _day_first),
    (
        re.compile(
            rf"\b(?P<day>\d{{1,2}})\s(?:de\s|of\s)?(?P<month>{_MONTH_WORD})\b(?:,?\s(?:de\s)?(?P<year>\d{{4}})\b)?"
        ),
        _day_month,
    ),
    (re.compile(rf"\b(?P<month>{_MONTH_WORD})\s(?P<day>\d{{1,2}})\b(?!:)(?:,?\s(?P<year>\d{{4}})\b)?"), _day_month),
    (re.compile(rf"\b({_CLOCK})\s?(?:-|\u2013|to|until|a|hasta)\s?({_CLOCK})"), _time_range),
    (re.compile(rf"\b{_CLOCK}"), _one_time),
)
