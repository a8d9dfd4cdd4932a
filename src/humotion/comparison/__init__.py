"""Trained models beside one another, on the same test clips."""
