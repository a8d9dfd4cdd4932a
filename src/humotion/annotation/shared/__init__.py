"""What all annotation tools share."""
