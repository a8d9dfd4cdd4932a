"""Sweeps: the only room that talks to Optuna. A study of trials, each one training of an experiment."""
