"""The LightningModule of multi-person pose, the people that it finds, and who of them is right."""
