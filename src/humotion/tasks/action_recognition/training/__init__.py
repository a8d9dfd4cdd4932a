"""The LightningModule of action recognition, and what trains it."""
