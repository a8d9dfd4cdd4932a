"""Commands about this checkout: its recipes, checks for problems, and a summary of what was trained."""
