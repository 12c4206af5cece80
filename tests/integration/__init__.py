"""A real Home Assistant against simulated recorders."""
