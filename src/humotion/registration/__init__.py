"""Versions in the registry: which one becomes champion, and their model cards."""
