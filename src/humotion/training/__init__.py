"""Training: `fit` trains a task on a datamodule, and training resumes after a crash."""
