"""Judges of the simulators: clients that others wrote."""
