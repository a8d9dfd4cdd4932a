"""Read video files and folders of frame images."""
