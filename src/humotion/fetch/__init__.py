"""Download the official archives of public datasets, check them, and unpack them to the layouts that we read."""
