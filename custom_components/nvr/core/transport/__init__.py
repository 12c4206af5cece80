"""Bytes to and from a recorder: login, waiting lines, time limits, guarded parsing. Knows no vendor."""
