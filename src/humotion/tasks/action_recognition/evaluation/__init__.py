"""The test protocol of action recognition: scores, baselines, figures and footage."""
