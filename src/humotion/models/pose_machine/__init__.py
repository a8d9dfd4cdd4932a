"""Pose machines: LSTM Pose Machine, and its baselines RPM and CPM."""
