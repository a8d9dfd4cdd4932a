"""What a model sees of a clip: one file per input, named as in params.yaml."""
