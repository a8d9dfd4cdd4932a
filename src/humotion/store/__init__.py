"""The frame store, and the joint set that it contains."""
