"""Plain torch modules: one folder per family, named as in params.yaml. Shared code is in ``common``."""
