"""Stacked hourglass for the joints of one person in a crop: the top-down half of finding several people."""
