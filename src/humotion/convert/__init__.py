"""Foreign weights, read into models of this package."""
