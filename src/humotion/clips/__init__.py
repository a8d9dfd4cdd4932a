"""Clips: which frames make a sample, the class balance, augmentation, and the loaders."""
