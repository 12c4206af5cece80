"""Dahua: recorders, hybrids and cameras, and what other brands sell of them."""

from .driver import DahuaDriver

__all__ = ["DahuaDriver"]
