"""Everybody in each frame, by a model of multi-person pose that was trained or converted here."""
