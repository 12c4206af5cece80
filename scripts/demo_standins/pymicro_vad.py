"""Stand-in for the demo only: the real package has no wheel for this Python, and only voice assistants use it."""


class MicroVad:
    """Lets Home Assistant's page load; there is no microphone in the demo."""

    def Process10ms(self, _audio: bytes) -> float:  # noqa: N802 - the name of the real method
        """Refuse: the demo has no voice assistant."""
        raise NotImplementedError
