"""Dahua: recorders, hybrids and cameras, and what other brands sell of them."""
