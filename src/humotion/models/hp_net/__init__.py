"""HP-Net (Liu et al., 2025): a frozen network's features at the joints, moved class names, and the whole picture."""
