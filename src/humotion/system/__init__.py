"""Processes and signals of the operating system: who is alive, and who stops when."""
