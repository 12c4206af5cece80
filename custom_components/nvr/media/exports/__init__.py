"""Exports: footage that is kept as a file, the jobs that make it, and the library of what was made."""
