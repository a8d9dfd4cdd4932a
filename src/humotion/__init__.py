"""humotion: video of people to poses and actions, as an experiment-tracked pipeline."""
