"""Trainer wiring: `fit` turns a task and a datamodule into a trained model that a crash does not lose."""
