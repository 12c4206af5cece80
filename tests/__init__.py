"""Tests of the integration and the simulators that they run against."""
