"""Whose each pixel of a picture is: the values of a map, in which person n owns n + 1."""

NOBODY, SEVERAL, UNKNOWN = 0, 254, 255
"""Pixels of nobody, of several people, and of people from whom nothing is learned."""
