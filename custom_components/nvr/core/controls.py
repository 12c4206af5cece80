"""What a recorder lets people move, switch and set: frozen values, the same words for all brands."""

from dataclasses import dataclass, field
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class PtzMotion:
    """Speeds from -1 to 1, until told otherwise: right, up, closer, focus farther and iris wider are positive."""

    pan: float = 0.0
    tilt: float = 0.0
    zoom: float = 0.0
    focus: float = 0.0
    iris: float = 0.0

    @property
    def still(self) -> bool:
        """Whether nothing moves."""
        return not any((self.pan, self.tilt, self.zoom, self.focus, self.iris))


@dataclass(frozen=True, slots=True)
class PtzAbilities:
    """What a camera's head can do; `presets` and `patrols` are how many numbers it has for them, from 1 on."""

    pan_tilt: bool = False
    zoom: bool = False
    focus: bool = False
    iris: bool = False
    presets: int = 0
    patrols: int = 0

    @property
    def any(self) -> bool:
        """Whether there is anything to move."""
        return self.pan_tilt or self.zoom or self.focus or self.iris or bool(self.presets)


@dataclass(frozen=True, slots=True)
class PtzPreset:
    """One stored position."""

    number: int
    name: str


class PtzOrder(StrEnum):
    """What is told by a number: of a preset or of a patrol."""

    GO_TO_PRESET = "go_to_preset"
    SAVE_PRESET = "save_preset"
    START_PATROL = "start_patrol"
    STOP_PATROL = "stop_patrol"


class ControlKind(StrEnum):
    """What is switched or set; a closed vocabulary shared by all families."""

    MOTION_DETECTION = "motion_detection"
    SMART_MOTION_DETECTION = "smart_motion_detection"
    TAMPER_DETECTION = "tamper_detection"
    VIDEO_LOSS_DETECTION = "video_loss_detection"
    LINE_CROSSING_DETECTION = "line_crossing_detection"
    INTRUSION_DETECTION = "intrusion_detection"
    REGION_ENTER_DETECTION = "region_enter_detection"
    REGION_EXIT_DETECTION = "region_exit_detection"
    SCENE_CHANGE_DETECTION = "scene_change_detection"
    RULE = "rule"
    PRIVACY_MASK = "privacy_mask"
    ALARM_OUTPUT = "alarm_output"
    ALARM_INPUT = "alarm_input"
    WHITE_LIGHT = "white_light"
    SIREN = "siren"
    AUDIO_ALARM = "audio_alarm"
    BRIGHTNESS = "brightness"
    CONTRAST = "contrast"
    SATURATION = "saturation"
    HUE = "hue"
    SHARPNESS = "sharpness"
    WDR = "wdr"
    WDR_LEVEL = "wdr_level"
    DAY_NIGHT = "day_night"
    INFRARED_LIGHT = "infrared_light"
    SUPPLEMENT_LIGHT = "supplement_light"
    WHITE_LIGHT_BRIGHTNESS = "white_light_brightness"
    INFRARED_LIGHT_BRIGHTNESS = "infrared_light_brightness"
    IMAGE_RESET = "image_reset"
    RECORD_MODE = "record_mode"
    MANUAL_RECORDING_START = "manual_recording_start"
    MANUAL_RECORDING_STOP = "manual_recording_stop"


class ControlShape(StrEnum):
    """How it is set: on or off, by a number, by a word out of some, by a push that leaves nothing behind, or not."""

    SWITCH = "switch"
    NUMBER = "number"
    CHOICE = "choice"
    PUSH = "push"
    READING = "reading"


type ControlValue = bool | int | str | None


@dataclass(frozen=True, slots=True)
class ControlId:
    """Which one: of a channel, of the recorder itself (None); `index` counts from 1 where there are several."""

    kind: ControlKind
    channel: int | None = None
    index: int | None = None


@dataclass(frozen=True, slots=True)
class ControlPage:
    """What is read by one request, opaque outside the driver; `channel` None speaks of several or of the recorder."""

    name: str
    channel: int | None = None


@dataclass(frozen=True, slots=True)
class Control:
    """One thing as the recorder told it; `value` None is unknown. `name` is the recorder's own, where it has one."""

    id: ControlId
    page: ControlPage
    shape: ControlShape
    value: ControlValue = None
    low: int = 0
    high: int = 100
    choices: tuple[str, ...] = field(default=())
    name: str = ""
