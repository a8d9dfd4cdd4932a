"""Tools that look at every frame of a dataset and write layers: one folder per tool, with its face in ``tool.py``."""
