"""What the silence of each detection is owed to: not subscribed, nothing sent, or sent and dropped, and why. Pure."""

from collections import Counter
from collections.abc import Collection, Mapping
from enum import StrEnum
from typing import Any, Final

from .core.event_tally import HANDED_ON, EventTally, Fate, Unsubscribed
from .core.models import EventKind

# Held back until the recorder had proved who it is, and that did not happen.
UNPROVEN: Final = "unproven"


class Verdict(StrEnum):
    """What can be said of one kind on one channel."""

    TOLD = "told"
    NOT_SUBSCRIBED = "not_subscribed"
    NOTHING_SENT = "nothing_sent"
    DROPPED = "sent_but_dropped"


type Place = tuple[int, EventKind]


def event_report(
    announced: Mapping[int, Collection[EventKind]],
    tally: EventTally,
    unsubscribed: Unsubscribed,
    dropped: Mapping[tuple[int, EventKind, str], int],
) -> list[dict[str, Any]]:
    """Return a row for each kind of each channel (0: the recorder itself) that may come or came.

    `dropped` is what was handed on by the driver and went no further, by its reason.
    """
    came = dict[Place, dict[str, dict[str, Any]]]()
    lost = Counter[Place]()
    fates = dict[Place, Counter[str]]()
    for (channel, kind, code), row in tally:
        place = (channel or 0, kind)
        last = None if row.last is None else row.last.isoformat(timespec="seconds")
        came.setdefault(place, {})[code] = {fate.value: count for fate, count in row.fates.items()} | {"last": last}
        fates.setdefault(place, Counter()).update(row.fates)
    for (channel, kind, why), count in dropped.items():
        lost[channel, kind] += count
        fates.setdefault((channel, kind), Counter())[why] += count
    silent = {(channel or 0, kind): why for (channel, kind), why in unsubscribed.items()}
    places = {(number, kind) for number, kinds in announced.items() for kind in kinds} | fates.keys() | silent.keys()
    return [
        {"channel": place[0], "kind": place[1].value, **_judged(fates.get(place), lost[place], silent.get(place))}
        | ({"codes": came[place]} if place in came else {})
        for place in sorted(places)
    ]


def _judged(fates: Counter[str] | None, lost: int, silent: str | None) -> dict[str, Any]:
    """Return the verdict, and why where something did not arrive."""
    if not fates:
        if silent is None:
            return {"verdict": Verdict.NOTHING_SENT}
        return {"verdict": Verdict.NOT_SUBSCRIBED, "why": silent}
    why = sorted(fate for fate, count in fates.items() if count and fate not in {Fate.TOLD, Fate.REPEAT})
    # What comes late moves no entity; what the driver handed on may still have been left out here.
    arrived = fates[Fate.TOLD] > 0 and sum(fates[fate] for fate in HANDED_ON) > lost
    found: dict[str, Any] = {"verdict": Verdict.TOLD if arrived else Verdict.DROPPED}
    return {**found, "why": why} if why else found
