"""The table of rights: what it decides, how it is kept, and that what cannot be read allows nothing."""

from typing import Any

import pytest

from custom_components.nvr.access_rules import EVERYTHING, NOTHING, AccessRules, Action, Rights, read_rules

LIVE_ONLY = Rights({Action.LIVE: None})
SECOND = Rights({Action.LIVE: frozenset({2}), Action.PLAYBACK: frozenset({2, 3})})


@pytest.mark.parametrize(
    ("rights", "channel", "allowed"),
    [
        (EVERYTHING, 1, set(Action)),
        (NOTHING, 1, set()),
        (LIVE_ONLY, 99, {Action.LIVE}),
        (SECOND, 1, set()),
        (SECOND, 2, {Action.LIVE, Action.PLAYBACK}),
        (SECOND, 3, {Action.PLAYBACK}),
    ],
)
def test_right_is_for_all_channels_for_some_or_for_none(rights: Rights, channel: int, allowed: set[Action]) -> None:
    assert {action for action in Action if rights.allow(action, channel)} == allowed


def test_exception_of_a_user_replaces_the_default_wholly() -> None:
    rules = AccessRules(LIVE_ONLY, {"anna": SECOND})
    assert rules.allow("bert", Action.LIVE, 1)
    assert not rules.allow("bert", Action.PLAYBACK, 2)
    assert not rules.allow("anna", Action.LIVE, 1)
    assert rules.allow("anna", Action.PLAYBACK, 2)


def test_table_is_changed_by_making_another() -> None:
    rules = AccessRules().with_default(LIVE_ONLY).with_user("anna", SECOND).with_user("bert", NOTHING)
    assert rules == AccessRules(LIVE_ONLY, {"anna": SECOND, "bert": NOTHING})
    assert rules.with_user("anna", None) == rules.only_users({"bert", "someone"})
    assert rules.with_user("anna", None).allow("anna", Action.LIVE, 1)
    assert AccessRules() == AccessRules(EVERYTHING)


@pytest.mark.parametrize("rules", [AccessRules(), AccessRules(SECOND, {"anna": LIVE_ONLY, "bert": NOTHING})])
def test_table_survives_being_kept(rules: AccessRules) -> None:
    assert read_rules(rules.to_json()) == rules
    assert read_rules(None) == AccessRules()


@pytest.mark.parametrize(
    "raw",
    [
        *("everything", 1, [], {}, {"default": {"live": "all"}}, {"users": {}}),
        {"default": {"live": "all"}, "users": []},
        {"default": "all", "users": {}},
        {"default": {"live": "some", "playback": {"1": True}, "ptz": ["1", None], "dance": "all"}, "users": {}},
        {"default": {"live": "all"}, "users": {"anna": "all"}},
    ],
)
def test_table_that_cannot_be_read_allows_nothing(raw: Any) -> None:
    rules = read_rules(raw)
    assert not any(rules.allow("anna", action, channel) for action in Action for channel in (1, 2))
