"""The code that dataset layouts share: the base class, MATLAB files, split files, and names of clips."""
