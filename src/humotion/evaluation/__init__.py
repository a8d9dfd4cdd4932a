"""Protocols and scores: PCK and jitter of poses, accuracy of actions, and what is a difference."""
