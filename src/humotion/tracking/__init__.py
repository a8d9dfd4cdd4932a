"""The only room that talks to MLflow: the store, runs, logged models and the model registry."""

import os

# Set before the first import of mlflow: no telemetry to third parties, and no job workers that the
# local UI would start beside itself.
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("MLFLOW_SERVER_ENABLE_JOB_EXECUTION", "false")
