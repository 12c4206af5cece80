"""The demo: simulated NVRs, a real Home Assistant, and the main job done through its public interfaces."""
