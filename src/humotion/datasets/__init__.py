"""Dataset layouts: one file each, named as in params.yaml; what they share is in ``shared``."""
