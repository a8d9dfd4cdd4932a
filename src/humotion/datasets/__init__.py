"""Dataset layouts: one file each, with its name in params.yaml; shared code is in ``shared``."""
