"""Every plot, overlay and contact sheet. Nothing here opens a window: figures go straight to files."""
