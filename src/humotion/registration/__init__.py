"""A version in the registry: who becomes champion, and what is said of it."""
