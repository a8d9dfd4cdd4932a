"""The only room that talks to MLflow: the store, runs, logged models and the model registry."""
