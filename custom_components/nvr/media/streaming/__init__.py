"""Streams for our own viewer: live or recorded, as small fragments that are ready to be sent at once."""
