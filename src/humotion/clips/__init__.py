"""Clips: the frames of a sample, the class balance, augmentation, and the loaders."""
