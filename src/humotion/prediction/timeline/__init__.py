"""What happens when in a video that is longer than the clips of a model's training."""
