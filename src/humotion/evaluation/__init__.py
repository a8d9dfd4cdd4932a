"""Evaluation shared by all tasks: results, bootstrap intervals and scores over classes."""
