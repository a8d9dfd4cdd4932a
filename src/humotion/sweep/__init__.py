"""Sweeps: an Optuna study of trials. Each trial is one training of an experiment. Only this package uses Optuna."""
