"""The LightningModule of pose estimation, and what trains it."""
