"""Computations on poses: heatmaps, joints decoded from them, PCK and jitter."""
