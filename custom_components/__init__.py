"""Integrations of this checkout; a package, so that the one of the test plugin cannot take its place."""
