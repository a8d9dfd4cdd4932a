"""What a layer is worth: how often its tool found people, how steady its landmarks are, and how near to labels."""
