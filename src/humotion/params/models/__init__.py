"""The section ``model`` of an experiment: one file per family."""
