"""The frame store, and the joint set that it carries."""
