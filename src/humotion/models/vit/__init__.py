"""Vision transformers: the plain ViT averaged over frames, and LS-ViT."""
