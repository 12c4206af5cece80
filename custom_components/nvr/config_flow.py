"""Adding a recorder, and its new password or address."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from typing import Any, Final, override

from homeassistant.config_entries import (
    SOURCE_REAUTH,
    SOURCE_RECONFIGURE,
    ConfigEntry,
    ConfigFlowResult,
    OptionsFlow,
)
from homeassistant.const import CONF_HOST, CONF_PASSWORD, CONF_PORT, CONF_USERNAME
from homeassistant.core import callback
from homeassistant.data_entry_flow import UnknownFlow
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers.selector import (
    BooleanSelector,
    NumberSelector,
    NumberSelectorConfig,
    NumberSelectorMode,
    SelectSelector,
    SelectSelectorConfig,
    TextSelector,
    TextSelectorConfig,
)
import probatio

from .config_flow_discovery import LOGIN_SCHEMA, PASSWORD, USERNAME, DiscoveryFlow, user_schema
from .connection import (
    TypedAddress,
    connection_config,
    entry_data,
    parse_address,
    session_factory,
    show_address,
    without_login,
)
from .const import CONF_FAMILY, CONF_FINGERPRINT, CONF_PLAIN_BASIC, CONF_TLS, DOMAIN
from .core.driver import ConnectionConfig, TlsMode
from .core.errors import (
    NvrAuthError,
    NvrCertificateError,
    NvrError,
    NvrInsecureLoginError,
    NvrLockedError,
    NvrUnreachableError,
    NvrUnsupportedError,
)
from .core.families import connect_any, detect
from .core.models import RecorderInfo
from .errors import error_key, error_placeholders
from .options_flow import NvrOptionsFlow
from .shared import shared

_CERTIFICATE_CHOICES: Final = (TlsMode.PIN, TlsMode.VERIFY, TlsMode.NO_VERIFY)
_HOST = TextSelector(TextSelectorConfig(autocomplete="off"))
_PORT = NumberSelector(NumberSelectorConfig(min=1, max=65535, step=1, mode=NumberSelectorMode.BOX))

RECONFIGURE_SCHEMA: Final = probatio.Schema(
    {
        probatio.Required(CONF_HOST): _HOST,
        probatio.Required(CONF_USERNAME): USERNAME,
        probatio.Optional(CONF_PASSWORD): PASSWORD,
    }
)
CONNECTION_SCHEMA: Final = probatio.Schema(
    {
        probatio.Required(CONF_HOST): _HOST,
        probatio.Required(CONF_PORT): _PORT,
        probatio.Required(CONF_TLS): BooleanSelector(),
    }
)
CERTIFICATE_SCHEMA: Final = probatio.Schema(
    {
        probatio.Required("certificate", default=TlsMode.PIN.value): SelectSelector(
            SelectSelectorConfig(
                options=[choice.value for choice in _CERTIFICATE_CHOICES], translation_key="certificate"
            )
        )
    }
)
PLAIN_LOGIN_SCHEMA: Final = probatio.Schema({probatio.Required(CONF_PLAIN_BASIC, default=False): BooleanSelector()})


class NvrConfigFlow(DiscoveryFlow, domain=DOMAIN):
    """Asks for address, user and password; for more only when the recorder makes it necessary."""

    VERSION = 1
    MINOR_VERSION = 1

    def __init__(self) -> None:
        super().__init__()
        self._config: ConnectionConfig | None = None
        self._fingerprint: str | None = None
        self._verifying = False

    @staticmethod
    @callback
    @override
    def async_get_options_flow(config_entry: ConfigEntry) -> OptionsFlow:
        """Return the flow of the options."""
        return NvrOptionsFlow()

    @override
    async def async_step_user(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask where it is and who we are there, once we have looked around."""
        if self._offered is None:
            return await self.async_step_search()
        if user_input is not None and (address := self._parse(user_input[CONF_HOST])) is not None:
            self._config = _asked(address, user_input[CONF_USERNAME], user_input[CONF_PASSWORD], self._config)
            return await self._async_try(address)
        return self._show("user", user_schema(self._offered), user_input or self._suggested)

    async def async_step_connection(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask for port and encryption: nothing answered where it usually does."""
        config = self._known()
        if user_input is not None and (address := self._parse(user_input[CONF_HOST])) is not None:
            address = TypedAddress(address.host, int(user_input[CONF_PORT]), user_input[CONF_TLS])
            self._config = _asked(address, config.username, config.password, config)
            return await self._async_try(address)
        suggested = user_input or {
            CONF_HOST: config.host,
            CONF_PORT: config.http_port,
            CONF_TLS: config.tls is not TlsMode.OFF,
        }
        return self._show("connection", CONNECTION_SCHEMA, suggested)

    async def async_step_certificate(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask what to think of a certificate that no authority vouches for."""
        config = self._known()
        if user_input is not None:
            mode = TlsMode(user_input["certificate"])
            self._config = replace(config, tls=mode, fingerprint=self._fingerprint if mode is TlsMode.PIN else None)
            self._verifying = mode is TlsMode.VERIFY
            result = await self._async_try(TypedAddress(config.host, config.http_port, tls=True))
            self._verifying = False
            return result
        self._placeholders |= {"host": config.host, "fingerprint": _readable(self._fingerprint)}
        return self._show("certificate", CERTIFICATE_SCHEMA, None)

    async def async_step_plain_login(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask whether the password may go over the network readable: the recorder offers no other way."""
        config = self._known()
        self._placeholders |= {"host": config.host}
        if user_input is None:
            return self._show("plain_login", PLAIN_LOGIN_SCHEMA, None)
        if not user_input[CONF_PLAIN_BASIC]:
            return await self._async_ask_again("insecure_login")
        self._config = replace(config, plain_basic=True)
        return await self._async_try(TypedAddress(config.host, config.http_port, tls=False))

    async def async_step_reauth(self, _entry_data: Mapping[str, Any]) -> ConfigFlowResult:
        """Begin to ask for a login that works."""
        return await self.async_step_reauth_confirm()

    async def async_step_reauth_confirm(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask for a login that works; the address stays."""
        entry = self._get_reauth_entry()
        config = connection_config(entry.data, entry.options)
        if user_input is not None:
            self._config = replace(config, username=user_input[CONF_USERNAME], password=user_input[CONF_PASSWORD])
            return await self._async_try(
                TypedAddress(config.host, config.http_port, config.tls is not TlsMode.OFF), entry.data[CONF_FAMILY]
            )
        self._placeholders |= {"host": config.host}
        return self._show("reauth_confirm", LOGIN_SCHEMA, self._suggested or {CONF_USERNAME: config.username})

    async def async_step_reconfigure(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask for another address or login; a password left out stays."""
        entry = self._get_reconfigure_entry()
        config = connection_config(entry.data, entry.options)
        if user_input is not None and (address := self._parse(user_input[CONF_HOST])) is not None:
            password = user_input.get(CONF_PASSWORD) or config.password
            self._config = _asked(address, user_input[CONF_USERNAME], password, config)
            return await self._async_try(address)
        return self._show("reconfigure", RECONFIGURE_SCHEMA, user_input or self._suggested or _shown(config))

    @override
    async def _async_log_in(self, address: TypedAddress, username: str, password: str) -> ConfigFlowResult:
        """Try the login at what was found."""
        self._config = _asked(address, username, password, self._config)
        return await self._async_try(address)

    async def _async_try(self, address: TypedAddress, family: str | None = None) -> ConfigFlowResult:
        """Connect; go on to the end, to the step that is needed, or back with the error."""
        try:
            info = await self._async_connect(family)
        except NvrError as err:
            port = await self._async_encrypted_port(address, err)
            return await (self._async_again(err) if port is None else self._async_try_encrypted(port, err))
        return await self._async_finish(info)

    async def _async_encrypted_port(self, address: TypedAddress, err: NvrError) -> int | None:
        """Return where to try it encrypted, 0 for the usual port; None when that would be no use."""
        config = self._known()
        if config.tls is not TlsMode.OFF:
            return None
        if isinstance(err, NvrUnreachableError):
            return address.port if address.tls is None else None
        if isinstance(err, NvrInsecureLoginError):
            return 0 if address.tls is None and address.port in {0, 80} else None
        if isinstance(err, NvrUnsupportedError):
            with suppress(NvrError):
                async with session_factory(self.hass)() as session:
                    return (await detect(without_login(config), session)).https_port
        return None

    async def _async_try_encrypted(self, port: int, first: NvrError) -> ConfigFlowResult:
        """Nothing useful answered in the clear: try it encrypted before asking."""
        plain = self._known()
        self._config = replace(plain, tls=TlsMode.VERIFY, port=port)
        try:
            info = await self._async_connect(None)
        except NvrError as err:
            if isinstance(err, NvrUnreachableError) and not isinstance(err, NvrCertificateError):
                self._config, err = plain, first
            return await self._async_again(err)
        return await self._async_finish(info)

    async def _async_connect(self, family: str | None) -> RecorderInfo:
        """Find out who answers; leaves no session there."""
        config, common = self._known(), shared(self.hass)
        guard = common.trial_guard(config)
        try:
            driver = await connect_any(config, session_factory(self.hass), family=family, guard=guard)
        except NvrLockedError:
            self._tell_of_lock(guard.locked_until)
            raise
        try:
            return driver.info
        finally:
            await driver.close()

    def _tell_of_lock(self, until: datetime | None) -> None:
        """Let nobody else send anything to the account, and let the entry this is about show its end."""
        if until is None:
            return
        shared(self.hass).async_note_lock(self._known(), until)
        if self.source in {SOURCE_REAUTH, SOURCE_RECONFIGURE}:
            entry = self._get_reauth_entry() if self.source == SOURCE_REAUTH else self._get_reconfigure_entry()
            shared(self.hass).lock_notice(entry).async_show(until)

    async def _async_again(self, err: NvrError) -> ConfigFlowResult:
        """Show the form on which the error can be mended."""
        config = self._known()
        if isinstance(err, NvrCertificateError) and err.fingerprint:
            self._fingerprint = err.fingerprint
            if config.tls is TlsMode.PIN:
                self._errors = {"base": "certificate_changed"}
            elif self._verifying:
                self._errors = {"base": "certificate_unverified"}
            return await self.async_step_certificate()
        self._placeholders |= error_placeholders(err, config.host)
        if isinstance(err, NvrInsecureLoginError):
            return await self.async_step_plain_login()
        key = "not_an_nvr" if isinstance(err, NvrUnsupportedError) else error_key(err)
        if isinstance(err, NvrUnreachableError) and self.source not in {SOURCE_REAUTH, SOURCE_RECONFIGURE}:
            self._errors = {"base": key}
            return await self.async_step_connection()
        return await self._async_ask_again(key, CONF_PASSWORD if isinstance(err, NvrAuthError) else "base")

    async def _async_ask_again(self, key: str, field: str = "base") -> ConfigFlowResult:
        """Show the form the flow began with, with what was typed there and an error."""
        self._errors = {field: key}
        self._suggested = _shown(self._known())
        if self.source == SOURCE_REAUTH:
            return await self.async_step_reauth_confirm()
        if self.source == SOURCE_RECONFIGURE:
            return await self.async_step_reconfigure()
        if self._box is not None:
            return await self.async_step_discovered()
        return await self.async_step_user()

    async def _async_finish(self, info: RecorderInfo) -> ConfigFlowResult:
        """Make the entry, or change the one this is about; another recorder never takes its place."""
        config = self._known()
        data = entry_data(config, info.family)
        await self.async_set_unique_id(info.serial, raise_on_progress=False)
        if self.source in {SOURCE_REAUTH, SOURCE_RECONFIGURE}:
            entry = self._get_reauth_entry() if self.source == SOURCE_REAUTH else self._get_reconfigure_entry()
            self._abort_if_unique_id_mismatch(reason="other_recorder")
            shared(self.hass).async_allow(entry.entry_id)
            return self.async_update_reload_and_abort(entry, data=data)
        self._abort_if_unique_id_configured(
            updates={key: data[key] for key in (CONF_HOST, CONF_PORT, CONF_TLS, CONF_FINGERPRINT, CONF_PLAIN_BASIC)}
        )
        self._end_flows_of(info)
        return self.async_create_entry(title=info.name or info.model or config.host, data=data)

    def _parse(self, text: str) -> TypedAddress | None:
        """Read the address; one that cannot be read is an error of its field."""
        try:
            return parse_address(text)
        except ValueError:
            self._errors = {CONF_HOST: "invalid_host"}
            return None

    def _known(self) -> ConnectionConfig:
        """Return the connection that an earlier step has made up."""
        if self._config is None:
            raise UnknownFlow
        return self._config

    def _end_flows_of(self, info: RecorderInfo) -> None:
        """Take back the offer to add what has just been added; it goes by the network address."""
        if info.mac is None:
            return
        for flow in self.hass.config_entries.flow.async_progress_by_handler(
            DOMAIN, match_context={"unique_id": dr.format_mac(info.mac)}
        ):
            if flow["flow_id"] != self.flow_id:
                self.hass.config_entries.flow.async_abort(flow["flow_id"])


def _asked(address: TypedAddress, username: str, password: str, before: ConnectionConfig | None) -> ConnectionConfig:
    """Return how to reach it: verified where encrypted, until the user says otherwise; what he said of it holds."""
    tls = TlsMode.VERIFY if address.tls else TlsMode.OFF
    asked = ConnectionConfig(address.host, username, password, port=address.port, tls=tls)
    if before is None or _where(asked) != _where(before):
        return asked
    return replace(asked, tls=before.tls, fingerprint=before.fingerprint, plain_basic=before.plain_basic)


def _shown(config: ConnectionConfig) -> dict[str, Any]:
    """Return what a form suggests of a connection."""
    return {CONF_HOST: show_address(config.host, config.port, config.tls), CONF_USERNAME: config.username}


def _where(config: ConnectionConfig) -> tuple[str, int, bool]:
    return config.host, config.http_port, config.tls is TlsMode.OFF


def _readable(fingerprint: str | None) -> str:
    """Return a fingerprint as browsers show it: pairs of capitals between colons."""
    text = (fingerprint or "").upper()
    return ":".join(text[at : at + 2] for at in range(0, len(text), 2))
