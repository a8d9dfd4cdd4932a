"""EfficientNet-Lite0 (Tan and Le, 2019): a small convolutional network for pictures, without squeeze-and-excitation."""
