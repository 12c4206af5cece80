"""Judges of the simulated Hikvision recorder."""
