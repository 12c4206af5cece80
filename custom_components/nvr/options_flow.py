"""What a user may choose about a recorder that is set up: how it works, who may do what, how long the audit is kept.

Only the first needs the recorder to be set up anew. Rights count at once, also for what plays.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from homeassistant.auth.models import User
from homeassistant.config_entries import ConfigFlowResult, OptionsFlowWithReload
from homeassistant.data_entry_flow import section
from homeassistant.helpers.selector import (
    BooleanSelector,
    NumberSelector,
    NumberSelectorConfig,
    NumberSelectorMode,
    SelectOptionDict,
    SelectSelector,
    SelectSelectorConfig,
    SelectSelectorMode,
)
import probatio

from .access import asking_user, facts_of
from .access_rules import ALL, AccessRules, Action, Rights, read_rules
from .audit_rows import AuditKind
from .const import (
    ATTR_USER_ID,
    CONF_ACCESS,
    CONF_ASSIST,
    CONF_AUDIT_DAYS,
    CONF_CAMERA_PROFILE,
    CONF_CLIP_DAYS,
    CONF_CLIP_SIZE,
    CONF_GRACE_TIME,
    CONF_HOLD_TIME,
    CONF_IGNORED_CHANNELS,
    CONF_IGNORED_DETECTIONS,
    CONF_PLAYBACK_SLOTS,
    CONF_RTSP_PORT,
    CONF_RTSP_TRANSPORT,
    CONF_TRANSCODE,
    CONF_TWO_WAY_AUDIO,
    DEFAULT_AUDIT_DAYS,
    DEFAULT_GRACE_TIME,
    CameraProfile,
)
from .core.models import EventKind, RtspTransport
from .detections import CHANNEL_DETECTIONS, RECORDER_DETECTIONS
from .shared import shared

CHANNELS: Final = "channels"
STREAMS: Final = "streams"
EVENTS: Final = "events"
CONNECTION: Final = "connection"

AS_DEFAULT: Final = "as_default"
USER: Final = "user"
MAX_AUDIT_DAYS: Final = 3650
MAX_CLIP_DAYS: Final = 3650
MAX_CLIP_SIZE: Final = 100_000

# What has a form of its own, and counts without a reload.
_CLIPS: Final = (CONF_CLIP_DAYS, CONF_CLIP_SIZE, CONF_TRANSCODE)
_OTHERS: Final = (CONF_ACCESS, CONF_ASSIST, CONF_AUDIT_DAYS, *_CLIPS)
_NUMBERS: Final = (CONF_GRACE_TIME, CONF_HOLD_TIME, CONF_PLAYBACK_SLOTS, CONF_RTSP_PORT)


def _number(lowest: int, highest: int, unit: str | None = None) -> NumberSelector:
    config = NumberSelectorConfig(min=lowest, max=highest, step=1, mode=NumberSelectorMode.BOX)
    if unit is not None:
        config["unit_of_measurement"] = unit
    return NumberSelector(config)


def _schema(channels: list[SelectOptionDict]) -> probatio.Schema:
    kinds = sorted({kind.value for kind in (*CHANNEL_DETECTIONS, *RECORDER_DETECTIONS)} | {EventKind.DOORBELL.value})
    return probatio.Schema(
        {
            probatio.Required(CHANNELS): section(
                probatio.Schema(
                    {
                        probatio.Optional(CONF_IGNORED_CHANNELS, default=[]): SelectSelector(
                            SelectSelectorConfig(options=channels, multiple=True, mode=SelectSelectorMode.DROPDOWN)
                        ),
                        probatio.Required(CONF_CAMERA_PROFILE): SelectSelector(
                            SelectSelectorConfig(
                                options=[profile.value for profile in CameraProfile],
                                translation_key=CONF_CAMERA_PROFILE,
                            )
                        ),
                    }
                )
            ),
            probatio.Required(EVENTS): section(
                probatio.Schema(
                    {
                        probatio.Optional(CONF_IGNORED_DETECTIONS, default=[]): SelectSelector(
                            SelectSelectorConfig(
                                options=kinds,
                                multiple=True,
                                mode=SelectSelectorMode.DROPDOWN,
                                translation_key="detection",
                            )
                        ),
                        probatio.Optional(CONF_HOLD_TIME): _number(2, 300, "s"),
                    }
                )
            ),
            probatio.Required(STREAMS): section(
                probatio.Schema(
                    {
                        probatio.Required(CONF_RTSP_TRANSPORT): SelectSelector(
                            SelectSelectorConfig(
                                options=[transport.value for transport in RtspTransport],
                                translation_key=CONF_RTSP_TRANSPORT,
                            )
                        ),
                        probatio.Optional(CONF_RTSP_PORT): _number(1, 65535),
                        probatio.Optional(CONF_PLAYBACK_SLOTS): _number(1, 16),
                        probatio.Optional(CONF_TWO_WAY_AUDIO): BooleanSelector(),
                    }
                ),
                {"collapsed": True},
            ),
            probatio.Required(CONNECTION): section(
                probatio.Schema({probatio.Required(CONF_GRACE_TIME): _number(0, 3600, "s")}),
                {"collapsed": True},
            ),
        }
    )


def _flat(user_input: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Return the options as the entry keeps them: without sections, whole numbers."""
    options = {key: value for part in user_input.values() for key, value in part.items()}
    return {key: int(value) if key in _NUMBERS else value for key, value in options.items() if value is not None}


def _rights_fields(channels: list[SelectOptionDict]) -> dict[Any, Any]:
    """Return one choice of channels for each right: all of them, some, or none."""
    choice = SelectSelector(
        SelectSelectorConfig(
            options=[SelectOptionDict(value=ALL, label=ALL), *channels],
            multiple=True,
            mode=SelectSelectorMode.DROPDOWN,
            translation_key="channels",
        )
    )
    return {probatio.Optional(action.value, default=[]): choice for action in Action}


def rights_from(answers: Mapping[str, Any]) -> Rights:
    """Return the rights as they were chosen; "all" outdoes what is chosen beside it."""
    chosen = {action: answers.get(action.value, ()) for action in Action}
    return Rights(
        {
            action: None if ALL in numbers else frozenset(int(number) for number in numbers)
            for action, numbers in chosen.items()
        }
    )


def answers_from(rights: Rights) -> dict[str, list[str]]:
    """Return what is chosen in the form when somebody has these rights."""
    return {
        action.value: [ALL] if some is None else [str(number) for number in sorted(some)]
        for action in Action
        for some in (rights.channels.get(action, frozenset()),)
    }


class NvrOptionsFlow(OptionsFlowWithReload):
    """A menu of forms; the recorder is set up anew only when something changed in the first of them."""

    _user: User | None = None

    async def async_step_init(self, _user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Show the menu."""
        steps = ["settings", "access_default", "access_user", "clips", "audit", "assist"]
        return self.async_show_menu(step_id="init", menu_options=steps)

    async def async_step_settings(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Show or take how the recorder is used."""
        if user_input is not None:
            other = {key: self._options[key] for key in _OTHERS if key in self._options}
            return self.async_create_entry(data={**_flat(user_input), **other})
        kept = self._options.get(CONF_IGNORED_CHANNELS, ())
        options: dict[str, Any] = {
            CONF_CAMERA_PROFILE: CameraProfile.AUTO.value,
            CONF_RTSP_TRANSPORT: RtspTransport.TCP.value,
            CONF_GRACE_TIME: DEFAULT_GRACE_TIME,
            **self._options,
        }
        suggested = dict.fromkeys((CHANNELS, EVENTS, STREAMS, CONNECTION), options)
        schema = self.add_suggested_values_to_schema(_schema(await self._channels(kept)), suggested)
        return self.async_show_form(step_id="settings", data_schema=schema)

    async def async_step_access_default(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Show or take what users may do who are not administrators."""
        if user_input is not None:
            return await self._save_rules(self._rules.with_default(rights_from(user_input)), None)
        answers = answers_from(self._rules.default)
        schema = probatio.Schema(_rights_fields(await self._channels(_numbers(answers))))
        schema = self.add_suggested_values_to_schema(schema, answers)
        return self.async_show_form(step_id="access_default", data_schema=schema)

    async def async_step_access_user(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Choose the user who gets rights of his own."""
        users = await self._users()
        if user_input is not None:
            self._user = next((user for user in users if user.id == user_input[USER]), None)
            return await self.async_step_access_rights()
        if not users:
            return self.async_abort(reason="no_users")
        names = [SelectOptionDict(value=user.id, label=user.name or user.id) for user in users]
        choice = SelectSelector(SelectSelectorConfig(options=names, mode=SelectSelectorMode.DROPDOWN))
        schema = probatio.Schema({probatio.Required(USER): choice})
        own = ", ".join(user.name or user.id for user in users if user.id in self._rules.users)
        return self.async_show_form(
            step_id="access_user", data_schema=schema, description_placeholders={"names": own or "-"}
        )

    async def async_step_access_rights(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Show or take the rights of one user; without any of his own he has those of everybody."""
        if (user := self._user) is None:
            return await self.async_step_access_user()
        if user_input is not None:
            rights = None if user_input[AS_DEFAULT] else rights_from(user_input)
            return await self._save_rules(self._rules.with_user(user.id, rights), user)
        answers = answers_from(self._rules.users.get(user.id, self._rules.default))
        fields = _rights_fields(await self._channels(_numbers(answers)))
        schema = self.add_suggested_values_to_schema(
            probatio.Schema({**fields, probatio.Required(AS_DEFAULT, default=False): BooleanSelector()}), answers
        )
        return self.async_show_form(
            step_id="access_rights", data_schema=schema, description_placeholders={"user": user.name or user.id}
        )

    async def async_step_audit(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Show or take for how many days it is kept who did what."""
        if user_input is not None:
            return self._save(CONF_AUDIT_DAYS, int(user_input[CONF_AUDIT_DAYS]))
        schema = probatio.Schema({probatio.Required(CONF_AUDIT_DAYS): _number(1, MAX_AUDIT_DAYS, "d")})
        days = {CONF_AUDIT_DAYS: self._options.get(CONF_AUDIT_DAYS, DEFAULT_AUDIT_DAYS)}
        schema = self.add_suggested_values_to_schema(schema, days)
        return self.async_show_form(step_id="audit", data_schema=schema)

    async def async_step_assist(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Show or take whether voice assistants may be told what happened."""
        if user_input is not None:
            return self._save(CONF_ASSIST, True if user_input[CONF_ASSIST] else None)
        schema = probatio.Schema({probatio.Required(CONF_ASSIST, default=False): BooleanSelector()})
        schema = self.add_suggested_values_to_schema(schema, self._options)
        return self.async_show_form(step_id="assist", data_schema=schema)

    async def async_step_clips(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Show or take what becomes of clips, and whether pictures may be turned into others."""
        if user_input is not None:
            self.automatic_reload = False
            kept = {key: value for key, value in self._options.items() if key not in _CLIPS}
            numbers = {key: int(user_input[key]) for key in (CONF_CLIP_DAYS, CONF_CLIP_SIZE) if user_input.get(key)}
            transcode = {CONF_TRANSCODE: True} if user_input.get(CONF_TRANSCODE) else {}
            return self.async_create_entry(data={**kept, **numbers, **transcode})
        schema = probatio.Schema(
            {
                probatio.Optional(CONF_CLIP_DAYS): _number(1, MAX_CLIP_DAYS, "d"),
                probatio.Optional(CONF_CLIP_SIZE): _number(1, MAX_CLIP_SIZE, "GB"),
                probatio.Required(CONF_TRANSCODE, default=False): BooleanSelector(),
            }
        )
        schema = self.add_suggested_values_to_schema(schema, self._options)
        return self.async_show_form(step_id="clips", data_schema=schema)

    @property
    def _options(self) -> Mapping[str, Any]:
        return self.config_entry.options

    @property
    def _rules(self) -> AccessRules:
        return read_rules(self._options.get(CONF_ACCESS))

    async def _save_rules(self, rules: AccessRules, user: User | None) -> ConfigFlowResult:
        if rules != self._rules:
            admin = await asking_user(self.hass)
            subject = user.name or user.id if user is not None else "default"
            facts = {ATTR_USER_ID: admin.id if admin else None, "subject": subject}
            shared(self.hass).audit.record(AuditKind.RIGHTS_CHANGED, {**facts_of(self.config_entry, None), **facts})
        return self._save(CONF_ACCESS, None if rules == AccessRules() else rules.to_json())

    def _save(self, key: str, value: object) -> ConfigFlowResult:
        """Keep one option that counts at once."""
        self.automatic_reload = False
        options = {other: kept for other, kept in self._options.items() if other != key}
        return self.async_create_entry(data=options if value is None else {**options, key: value})

    async def _users(self) -> list[User]:
        """Return the people whose rights can be chosen: those who can log in and are not administrators."""
        users = [
            user
            for user in await self.hass.auth.async_get_users()
            if not user.system_generated and user.is_active and not user.is_admin
        ]
        return sorted(users, key=lambda user: (user.name or "").casefold())

    async def _channels(self, kept: Iterable[str]) -> list[SelectOptionDict]:
        """Return the channels to choose from, and those that were chosen and are gone: they must not be refused."""
        store = await shared(self.hass).async_store(self.config_entry.entry_id)
        channels = {str(channel.number): f"{channel.number}: {channel.name}" for channel in store.memory.channels}
        for number in kept:
            channels.setdefault(number, number)
        return [SelectOptionDict(value=number, label=label) for number, label in channels.items()]


def _numbers(answers: Mapping[str, list[str]]) -> list[str]:
    return sorted({number for chosen in answers.values() for number in chosen if number != ALL}, key=int)
