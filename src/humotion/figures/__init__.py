"""All plots, overlays and contact sheets. No figure opens a window: figures are written to files."""
