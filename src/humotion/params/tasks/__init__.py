"""The sections of an experiment, by its task: one file per task."""
