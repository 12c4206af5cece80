"""Judges of the simulated Dahua unit."""
