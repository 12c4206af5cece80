"""Rules of the repository, checked on its own text."""
