"""The LightningModule of action recognition, its losses, and the parts of its training."""
