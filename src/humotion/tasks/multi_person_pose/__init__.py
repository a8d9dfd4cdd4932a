"""Everybody in the picture: the joints of all people, scored by AP of object keypoint similarity."""
