"""The protocol core: no Home Assistant, no PyAV. Relative imports only, so that it can be lifted out as it is."""
