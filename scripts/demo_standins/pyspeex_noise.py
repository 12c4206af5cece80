"""Stand-in for the demo only: the real package has no wheel for this Python, and only voice assistants use it."""


class AudioProcessor:
    """Lets Home Assistant's page load; there is no microphone in the demo."""

    def __init__(self, _auto_gain: float, _noise_suppression: int) -> None:
        """Take the real arguments."""

    def Process10ms(self, _audio: bytes) -> bytes:  # noqa: N802 - the name of the real method
        """Refuse: the demo has no voice assistant."""
        raise NotImplementedError
