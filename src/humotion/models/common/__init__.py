"""What model families share: checkpoints, the hub, fast convolutions, and building a model by its name."""
