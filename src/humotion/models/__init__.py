"""Plain torch modules: one folder per family, named as in params.yaml; what families share is in ``common``."""
