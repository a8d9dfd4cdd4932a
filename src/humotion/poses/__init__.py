"""Arithmetic of poses: heatmaps, joints read from them, PCK and jitter."""
