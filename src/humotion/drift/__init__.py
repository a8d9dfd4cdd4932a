"""Is new footage like the footage of a training? What predictions are logged with, and what is said of them."""
