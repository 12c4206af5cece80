"""Who may do what on one recorder, beside Home Assistant's own permissions: a table and a pure decision.

The table is part of the entry's options: it is about one recorder, goes with it, is in the backup, and Home Assistant
tells when it changes. It holds ids of users and no names:

    {"default": RIGHTS, "users": {"<user id>": RIGHTS}}     RIGHTS: {"live": "all", "playback": [1, 3], ...}

A right is given for all channels, also those to come, or for some. Without a table everything is allowed here. What a
table does not name is not allowed, and a table that cannot be read allows nothing.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, Final

ALL: Final = "all"


class Action(StrEnum):
    """What somebody wants to do."""

    LIVE = "live"
    PLAYBACK = "playback"
    EXPORT = "export"
    PTZ = "ptz"
    SETTINGS = "settings"
    TALK = "talk"


@dataclass(frozen=True, slots=True)
class Rights:
    """The channels on which each action is allowed; None means all of them, a missing action none."""

    channels: Mapping[Action, frozenset[int] | None] = field(default_factory=dict)

    def allow(self, action: Action, channel: int) -> bool:
        """Tell whether the action is allowed on the channel."""
        if action not in self.channels:
            return False
        some = self.channels[action]
        return some is None or channel in some

    def to_json(self) -> dict[str, Any]:
        """Return what the options keep."""
        return {action.value: ALL if some is None else sorted(some) for action, some in self.channels.items()}


EVERYTHING: Final = Rights(dict.fromkeys(Action))
NOTHING: Final = Rights()


@dataclass(frozen=True, slots=True)
class AccessRules:
    """One recorder's table: what those may do who are not administrators, and the exceptions for single users."""

    default: Rights = EVERYTHING
    users: Mapping[str, Rights] = field(default_factory=dict)

    def allow(self, user_id: str, action: Action, channel: int) -> bool:
        """Tell whether the user may do this on the channel; an exception of his replaces the default wholly."""
        return self.users.get(user_id, self.default).allow(action, channel)

    def with_default(self, rights: Rights) -> AccessRules:
        """Return the table with another default."""
        return replace(self, default=rights)

    def with_user(self, user_id: str, rights: Rights | None) -> AccessRules:
        """Return the table with another exception for a user; None takes his exception away."""
        users = {other: kept for other, kept in self.users.items() if other != user_id}
        return replace(self, users=users if rights is None else {**users, user_id: rights})

    def only_users(self, user_ids: Collection[str]) -> AccessRules:
        """Return the table without the exceptions of other users than these."""
        return replace(self, users={user_id: kept for user_id, kept in self.users.items() if user_id in user_ids})

    def to_json(self) -> dict[str, Any]:
        """Return what the options keep."""
        users = {user_id: rights.to_json() for user_id, rights in self.users.items()}
        return {"default": self.default.to_json(), "users": users}


def read_rules(raw: object) -> AccessRules:
    """Read what the options keep; None is an entry without a table."""
    match raw:
        case None:
            return AccessRules()
        case {"default": default, "users": Mapping() as users}:
            return AccessRules(_rights(default), {str(user_id): _rights(rights) for user_id, rights in users.items()})
    return AccessRules(NOTHING)


def _rights(raw: object) -> Rights:
    if not isinstance(raw, Mapping):
        return NOTHING
    return Rights({action: _channels(raw[action.value]) for action in Action if action.value in raw})


def _channels(raw: object) -> frozenset[int] | None:
    if raw == ALL:
        return None
    return frozenset(number for number in raw if isinstance(number, int)) if isinstance(raw, list) else frozenset()
