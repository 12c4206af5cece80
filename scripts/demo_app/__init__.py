"""The demo: a simulated NVR, a real Home Assistant, and the main job done through its public interfaces."""
