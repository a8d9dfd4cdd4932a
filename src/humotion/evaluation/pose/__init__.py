"""Pose scores: PCK in its variants, and jitter over time."""
