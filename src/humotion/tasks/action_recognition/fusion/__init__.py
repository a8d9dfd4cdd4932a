"""Late fusion of action models: the log-probabilities of two trained models, added."""
