"""What a model is shown of a clip: one file per input, named as in params.yaml."""
