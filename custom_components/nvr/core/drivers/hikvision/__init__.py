"""Hikvision's ISAPI: recorders, hybrids and cameras, and what other brands sell of them."""

from .driver import HikvisionDriver

__all__ = ["HikvisionDriver"]
