"""What model families share: checkpoints, fast convolutions, networks over joints, and building a model by its name."""
