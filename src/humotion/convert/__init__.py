"""Converts published weights of other programs to models of this package."""
