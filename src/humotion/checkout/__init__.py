"""What concerns this checkout as a whole: its recipes, its health, and a summary of what was trained."""
