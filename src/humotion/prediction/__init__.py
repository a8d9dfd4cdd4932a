"""Predicts a label or joints from a trained model folder and one video file."""
