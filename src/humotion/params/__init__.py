"""params.yaml as typed, validated models."""
