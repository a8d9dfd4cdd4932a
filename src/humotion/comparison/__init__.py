"""Comparison of trained models on the same test clips."""
