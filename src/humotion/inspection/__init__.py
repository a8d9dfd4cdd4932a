"""What the pipeline reads of a file, for people: `humotion probe`."""
