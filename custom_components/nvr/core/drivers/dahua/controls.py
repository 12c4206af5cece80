"""What can be switched and set: rows of configuration tables, light and siren (dahua-cgi 13).

A table holds a row for each channel and comes by one request; a write names its keys and leaves the others alone.
"""

from collections.abc import Iterator, Sequence
from typing import Final

from ...controls import Control, ControlId, ControlKind, ControlPage, ControlShape, ControlValue
from ...errors import NvrError, NvrNotFoundError, NvrResponseError, NvrUnsupportedError
from ...transport.gate import Priority
from .context import Context
from .refusals import DahuaRefusalError, is_failing, is_lacking
from .source import Source
from .tables_controls import ITEMS, PORTS, PROFILE, TABLES, Place, Table
from .wire import Node, child, decode, entries, flag, integer, nest, parse_lines, text
from .wire_settings import parse_coaxial, set_query

_COAXIAL: Final = "coaxial"
_COAXIAL_PAGE: Final = "coaxialControlIO.cgi"
_COAXIAL_TYPES: Final = {ControlKind.WHITE_LIGHT: ("WhiteLight", 1), ControlKind.SIREN: ("Speaker", 2)}
# Relays: 0 lets alarms decide, 1 draws, 2 holds it off whatever happens. Off is given back to the alarms.
_DRAWN, _BY_ALARM = "1", "0"
_MODES: Final = "VideoInMode"


class Controls:
    """Settings of the channels and relays of the recorder."""

    def __init__(self, context: Context) -> None:
        """Hold the context."""
        self._context = context
        self._source = Source(context)

    def pages(self) -> Sequence[ControlPage]:
        """Return the tables, which speak of all channels, and light and siren of each that is there."""
        lights = [
            ControlPage(_COAXIAL, channel.number) for channel in self._context.channels if channel.online is not False
        ]
        return [*(ControlPage(name) for name in TABLES), *lights]

    def certain(self) -> Sequence[Control]:
        """Return nothing: a table speaks of all channels at once, and is soon asked for."""
        return ()

    async def read(self, page: ControlPage) -> Sequence[Control]:
        """Return what the page holds now."""
        if page.name == _COAXIAL and page.channel is not None:
            return await self._lights(page, page.channel)
        return list(self._told(page, await self._table(page.name), await self._profiles(page)))

    async def write(self, control: Control, value: ControlValue) -> Sequence[Control]:
        """Change one key, with those that belong to it as they are now."""
        page = control.page
        if page.name == _COAXIAL and page.channel is not None:
            await self._light(control, page.channel, on=bool(value))
            return await self.read(page)
        place = next((item for item in _of(page).places if item.kind is control.id.kind), None)
        row = self._row(control, await self._table(page.name), await self._profiles(page))
        if place is None or row is None:
            message = "the recorder has no such setting any more"
            raise NvrNotFoundError(message)
        path, node = row
        values = {f"{path}.{place.key}": _spelled(place, value)}
        values |= {f"{path}.{key}": text(node, key) for key in place.beside if text(node, key)}
        await self._set(values)
        return await self.read(page)

    async def _set(self, values: dict[str, str]) -> None:
        client = self._context.client
        try:
            await client.get("configManager.cgi", set_query(values), priority=Priority.PERSON)
        except DahuaRefusalError as error:
            if is_failing(error):
                raise
            # Recorders show settings of their cameras that only the camera itself lets be changed (13).
            message = "the recorder shows this setting and does not let it be changed"
            raise NvrUnsupportedError(message) from error

    async def _table(self, name: str) -> Node:
        if name not in TABLES:
            message = "the recorder has no such page"
            raise NvrNotFoundError(message)
        try:
            found = await self._source.table(name)
        except DahuaRefusalError as error:
            if not is_lacking(error):
                raise
            found = None
        if found is None:
            message = "the recorder has no such table"
            raise NvrUnsupportedError(message)
        return found

    async def _profiles(self, page: ControlPage) -> Node:
        """Return which profile is in force, where the table has several; the first where that is not told."""
        return await self._source.table(_MODES) if _of(page).form == PROFILE else None

    def _told(self, page: ControlPage, table: Node, modes: Node) -> Iterator[Control]:
        form = _of(page).form
        if form == PORTS:
            for place, item in entries(table):
                drawn = text(item, "Mode") == _DRAWN
                yield Control(ControlId(ControlKind.ALARM_OUTPUT, None, place + 1), page, ControlShape.SWITCH, drawn)
            return
        for channel in self._context.channels:
            row = child(table, channel.number - 1)
            if form == ITEMS:
                for place, item in entries(row):
                    for key in _of(page).places:
                        if (found := _control(page, key, item, channel.number, place + 1)) is not None:
                            yield found
                continue
            node = row if form != PROFILE else child(row, _in_force(modes, channel.number))
            for key in _of(page).places:
                if (found := _control(page, key, node, channel.number, None)) is not None:
                    yield found

    @staticmethod
    def _row(control: Control, table: Node, modes: Node) -> tuple[str, Node] | None:
        """Return the path of a row, as it is written, and what it holds."""
        name, form = control.page.name, _of(control.page).form
        steps: tuple[int, ...]
        if form == PORTS:
            steps = ((control.id.index or 0) - 1,)
        else:
            channel = control.id.channel or 0
            steps = (channel - 1,)
            if form == ITEMS:
                steps = (channel - 1, (control.id.index or 0) - 1)
            elif form == PROFILE:
                steps = (channel - 1, _in_force(modes, channel))
        node = child(table, *steps)
        return None if node is None else (f"{name}{''.join(f'[{step}]' for step in steps)}", node)

    async def _lights(self, page: ControlPage, channel: int) -> list[Control]:
        try:
            body = await self._context.client.get(_COAXIAL_PAGE, f"action=getStatus&channel={channel}")
        except NvrError as error:
            if not is_lacking(error):
                raise
            message = "the camera has neither light nor siren"
            raise NvrUnsupportedError(message) from error
        states = parse_coaxial(nest(parse_lines(decode(body))))
        return [
            Control(ControlId(kind, channel), page, ControlShape.SWITCH, states[name])
            for kind, (name, _) in _COAXIAL_TYPES.items()
            if name in states
        ]

    async def _light(self, control: Control, channel: int, *, on: bool) -> None:
        _, number = _COAXIAL_TYPES[control.id.kind]
        query = f"action=control&channel={channel}&info[0].Type={number}&info[0].IO={1 if on else 2}"
        await self._context.client.get(_COAXIAL_PAGE, query, priority=Priority.PERSON)


def _of(page: ControlPage) -> Table:
    return TABLES[page.name]


def _in_force(modes: Node, channel: int) -> int:
    return integer(modes, channel - 1, "Config", 0) or 0


def _control(page: ControlPage, place: Place, node: Node, channel: int, index: int | None) -> Control | None:
    """Return one setting of a row, None where the row lacks it."""
    word = text(node, place.key)
    if not word:
        return None
    which, name = ControlId(place.kind, channel, index), text(node, "Name")
    if place.shape is ControlShape.CHOICE:
        return Control(which, page, place.shape, place.words.get(word), choices=tuple(place.words.values()))
    if place.shape is ControlShape.NUMBER:
        return Control(which, page, place.shape, integer(node, place.key))
    return Control(which, page, place.shape, flag(node, place.key), name=name)


def _spelled(place: Place, value: ControlValue) -> str:
    if place.kind is ControlKind.ALARM_OUTPUT:
        return _DRAWN if value else _BY_ALARM
    if place.shape is ControlShape.SWITCH:
        return "true" if value else "false"
    if place.shape is ControlShape.NUMBER:
        return str(value)
    wire = next((word for word, ours in place.words.items() if ours == value), None)
    if wire is None:
        message = "the setting takes no such word"
        raise NvrResponseError(message)
    return wire
