"""One adapter a family: its simulator and its driver behind the one face of rig.py."""
