"""Camera heads that move as long as nobody stops them, of no brand: speeds, where they look, what they remember."""

from dataclasses import dataclass, field
import time

AXES = ("pan", "tilt", "zoom", "focus", "iris")


@dataclass(slots=True)
class Head:
    """One head. Speeds are -1 to 1; a position grows by its speed in each second, without an end."""

    speeds: dict[str, float] = field(default_factory=lambda: dict.fromkeys(AXES, 0.0))
    presets: dict[int, str] = field(default_factory=lambda: {1: "Gate", 2: "Street", 34: "Home"})
    patrol: int | None = None
    gone_to: list[int] = field(default_factory=list)
    starts: int = 0
    stops: int = 0
    _places: dict[str, float] = field(default_factory=lambda: dict.fromkeys(AXES, 0.0))
    _since: float = field(default_factory=time.monotonic)

    @property
    def moving(self) -> bool:
        """Whether anything moves now."""
        return any(self.speeds.values())

    def drive(self, **speeds: float) -> None:
        """Take new speeds for some axes; the others go on as they were."""
        self._travel()
        was = self.moving
        self.speeds.update(speeds)
        self.starts += any(speeds.values())
        self.stops += not any(speeds.values())
        if self.moving or was:
            self.patrol = None

    def place(self, axis: str) -> float:
        """Return how far an axis has travelled since the start."""
        self._travel()
        return self._places[axis]

    def go_to(self, number: int) -> bool:
        """Go to a preset; False when nothing is stored under the number."""
        if number not in self.presets:
            return False
        self.speeds = dict.fromkeys(AXES, 0.0)
        self.gone_to.append(number)
        return True

    def _travel(self) -> None:
        now = time.monotonic()
        for axis, speed in self.speeds.items():
            self._places[axis] += speed * (now - self._since)
        self._since = now
