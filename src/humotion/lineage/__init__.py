"""From a version, a run or a model folder back to commit, data and settings, and the commands that rebuild it."""
