"""The media browser's search over channels: what was typed, against names, days, times and kinds."""

import asyncio
from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from operator import itemgetter
from typing import Final

from homeassistant.components.media_source import BrowseMediaSource
from homeassistant.exceptions import HomeAssistantError
from homeassistant.util import dt as dt_util

from .core.clock import DeviceClock
from .core.errors import NvrError
from .core.models import TimeSpan
from .errors import translate
from .footage import RefusedError, clock_of, read_events, read_segments, recorded_spans
from .media_ids import DayId, RecorderId
from .media_query import MediaQuery, parse_query
from .media_tree import ChannelBranch, node
from .media_words import Words
from .time_parsing import TimeParsingError, earliest, latest, require_possible

MAX_RESULTS: Final = 200
_LOOK_BACK: Final = timedelta(hours=24)


async def search_media(
    branches: Sequence[ChannelBranch], text: str, words: Words, day: date | None = None
) -> list[BrowseMediaSource]:
    """Return what fits, channel by channel; a recorder that could not be searched is among it, with the reason.

    `day` is the day that is open while it is searched.
    """
    fitting = [(branch, query) for branch in branches if (query := _query(branch, text, day)).fits(*_names(branch))]
    answers = await asyncio.gather(*(_search_one(branch, query) for branch, query in fitting))
    results: list[BrowseMediaSource] = []
    failures: dict[str, tuple[ChannelBranch, NvrError | RefusedError]] = {}
    for (branch, _), answer in zip(fitting, answers, strict=True):
        if isinstance(answer, list):
            results += answer
        else:
            failures.setdefault(branch.id.entry_id, (branch, answer))
    told = [_failure_node(branch, reason, words) for branch, reason in failures.values()]
    return [*told, *results[: MAX_RESULTS - len(told)]]


def _names(branch: ChannelBranch) -> tuple[str, str]:
    return branch.channel.name, branch.hub.entry.title


def _query(branch: ChannelBranch, text: str, day: date | None) -> MediaQuery:
    clock = branch.hub.clock
    query = parse_query(text, clock.to_wall(dt_util.utcnow()) if clock is not None else dt_util.now(), day)
    return query if branch.hub.detections is None else query.with_events(*_names(branch))


def _failure_node(branch: ChannelBranch, reason: NvrError | RefusedError, words: Words) -> BrowseMediaSource:
    name = branch.hub.entry.title
    told = translate(reason, name) if isinstance(reason, NvrError) else reason.translate(HomeAssistantError)
    return node(RecorderId(branch.id.entry_id), words.text("media_not_searched", name=name, reason=str(told)))


async def _search_one(branch: ChannelBranch, query: MediaQuery) -> list[BrowseMediaSource] | NvrError | RefusedError:
    try:
        return await _found(branch, query)
    except (NvrError, RefusedError) as err:
        return err
    except TimeParsingError as err:
        return RefusedError(err.key, **err.placeholders)


async def _found(branch: ChannelBranch, query: MediaQuery) -> list[BrowseMediaSource]:
    prefix = f"{branch.channel.name}: "
    if query.day is None and not query.kinds and not query.events:
        return [node(branch.id, branch.channel.name)]
    window = window_of(query, clock_of(branch.hub))
    if query.day is not None:
        prefix += f"{branch.words.date(query.day)} · "
    if query.kinds or query.events:
        return await _of_kinds(branch, query, window, prefix)
    segments = await read_segments(branch.hub, branch.id.channel, window)
    covered = recorded_spans(segments, window)
    if not covered or query.day is None:
        return []
    if query.since is None:
        return [node(DayId(branch.id, query.day), f"{branch.channel.name}: {branch.words.date(query.day)}")]
    return [branch.part(window, prefix=prefix)]


async def _of_kinds(branch: ChannelBranch, query: MediaQuery, window: TimeSpan, prefix: str) -> list[BrowseMediaSource]:
    """Return what was recorded for one of the reasons, and what happened, by the time it began."""
    found: list[tuple[datetime, BrowseMediaSource]] = []
    if query.kinds:
        segments = await read_segments(branch.hub, branch.id.channel, window)
        found += [
            (segment.span.start, branch.segment(segment, within=window, prefix=prefix))
            for segment in segments
            if segment.kind in query.kinds
        ]
    index = branch.hub.detections
    if index is not None and (kinds := query.events & index.kinds):
        events = await read_events(branch.hub, branch.id.channel, window, kinds, limit=MAX_RESULTS)
        found += [(event.span.start, branch.event(event, prefix=prefix)) for event in events]
    return [made for _, made in sorted(found, key=itemgetter(0))]


def window_of(query: MediaQuery, clock: DeviceClock) -> TimeSpan:
    """Return where to look: the asked part of that day of the recorder's calendar, without a day the last 24 hours.

    Where its clock changes, both readings of a time are in it, so that no footage is missed. Raises TimeParsingError.
    """
    if query.day is None:
        now = dt_util.utcnow()
        return TimeSpan(now - _LOOK_BACK, now)
    require_possible(query.day)
    day = clock.day(query.day)
    if query.since is None or query.until is None:
        return day
    start = earliest(datetime.combine(query.day, query.since), clock.zone) - clock.skew
    if query.until == time.max:
        end = day.end
    else:
        end = latest(datetime.combine(query.day, query.until), clock.zone) - clock.skew
    return TimeSpan(start, end).clip(day) or day
