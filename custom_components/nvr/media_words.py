"""What the media browser shows in words, in the language of the Home Assistant; the texts are in the translations."""

from collections.abc import Mapping
from dataclasses import dataclass
import datetime as dt
from typing import Final

from homeassistant.core import HomeAssistant
from homeassistant.helpers.translation import async_get_translations

from .const import DOMAIN
from .core.models import EventKind, RecordingKind

_PREFIX: Final = f"component.{DOMAIN}.common."
_EVENTS: Final = f"component.{DOMAIN}.selector.detection.options."


@dataclass(frozen=True, slots=True)
class Words:
    """The texts of one language; dates and times are those of the recorder's own clock."""

    texts: Mapping[str, str]

    def text(self, key: str, **values: str) -> str:
        """Return a text with its placeholders filled; the key itself when there is none."""
        return self.texts.get(f"{_PREFIX}{key}", key).format(**values)

    def date(self, day: dt.date) -> str:
        """Write a date with its weekday, as short as the tiles of the media browser are narrow."""
        return self._on("media_date", day)

    def day(self, day: dt.date, today: dt.date) -> str:
        """Write a date, and say when it is today or yesterday."""
        if day == today:
            return self._on("media_today", day)
        if day == today - dt.timedelta(days=1):
            return self._on("media_yesterday", day)
        return self._on("media_date", day)

    def month(self, year: int, month: int) -> str:
        """Write a month."""
        return self.text("media_month", month=self.text(f"month_{month}"), year=str(year))

    def earlier(self, year: int, month: int) -> str:
        """Say that earlier days, those of a month, are behind this."""
        return self.text("media_earlier", month=self.text(f"month_short_{month}"), year=str(year))

    def _on(self, key: str, day: dt.date) -> str:
        """Return a text with a date in it."""
        weekday, month = self.text(f"weekday_{day.weekday()}"), self.text(f"month_short_{day.month}")
        return self.text(key, weekday=weekday, day=str(day.day), month=month, year=str(day.year))

    def kind(self, kind: RecordingKind) -> str:
        """Say why something was recorded."""
        return self.text(f"kind_{kind.value}")

    def event(self, kind: EventKind) -> str:
        """Say what happened."""
        return self.texts.get(f"{_EVENTS}{kind.value}", kind.value)

    def duration(self, duration: dt.timedelta) -> str:
        """Write how long something lasts, by its two largest units."""
        seconds = round(duration.total_seconds())
        hours, minutes, seconds = seconds // 3600, seconds // 60 % 60, seconds % 60
        if hours:
            return f"{hours} h {minutes} min"
        return f"{minutes} min {seconds} s" if minutes else f"{seconds} s"


def clock_range(start: dt.datetime, end: dt.datetime) -> str:
    """Write two times of day; an end at midnight is 24:00, and one on another day shows its date."""
    last = f"{end:%H:%M}"
    if end.date() == start.date() + dt.timedelta(days=1) and not any((end.hour, end.minute, end.second)):
        last = "24:00"
    elif end.date() != start.date():
        last = f"{end:%Y-%m-%d %H:%M}"
    return f"{start:%H:%M} – {last}"  # noqa: RUF001 - an en dash is what stands between times


def offset_name(offset: dt.timedelta) -> str:
    """Write an offset from UTC, to tell apart the two hours that one clock shows."""
    minutes = int(offset.total_seconds() // 60)
    sign = "-" if minutes < 0 else "+"
    hours, minutes = divmod(abs(minutes), 60)
    return f"UTC{sign}{hours}" + (f":{minutes:02d}" if minutes else "")


async def load_words(hass: HomeAssistant) -> Words:
    """Return the texts of the language Home Assistant is set to, English where one is missing."""
    texts: dict[str, str] = {}
    for category in ("common", "selector"):
        texts |= await async_get_translations(hass, hass.config.language, category, {DOMAIN})
    return Words(texts)
