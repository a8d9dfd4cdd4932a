"""The LightningModule of pose estimation, and its outputs for every clip of a split."""
