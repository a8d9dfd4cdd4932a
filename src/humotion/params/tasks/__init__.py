"""What an experiment of each task holds: one file per task."""
