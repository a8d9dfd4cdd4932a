"""Everything about MLflow: the store, runs, logged models and the registry. Only this package uses MLflow."""

import os

# Set before the first import of mlflow: no telemetry to third parties, and no job workers that the local UI would start
# in addition.
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("MLFLOW_SERVER_ENABLE_JOB_EXECUTION", "false")
