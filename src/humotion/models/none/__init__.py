"""Nothing: what an annotation tool depends on that runs no network of `models` (``backbone: none``)."""
