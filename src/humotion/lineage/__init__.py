"""Traces a version, a run or a model folder back to commit, data and settings, and lists commands to rebuild it."""
