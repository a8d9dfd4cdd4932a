"""The evaluation protocol of action recognition: scores, baselines, figures and footage."""
