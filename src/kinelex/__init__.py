"""Kinelex: 3D human motion from a sentence."""
