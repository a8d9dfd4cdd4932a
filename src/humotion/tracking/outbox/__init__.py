"""Runs for an MLflow server that is unreachable: they wait on disk, and are sent when it answers."""
