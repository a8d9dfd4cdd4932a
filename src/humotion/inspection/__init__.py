"""Show people what the pipeline reads from a file: `humotion probe`."""
