"""Everything about an MLflow server that is away: runs wait on disk and are delivered when it answers."""
