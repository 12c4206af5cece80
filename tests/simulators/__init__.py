"""Recorders that anyone can start on 127.0.0.1, to test clients against. They import nothing of the integration."""
