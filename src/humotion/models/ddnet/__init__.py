"""DD-Net (Yang et al., 2019): a small convolutional network over distances of joints and their motion."""
