"""Everybody in each frame, by the PoseNet that was published for browsers. Nobody is followed: see `person_tracks`."""
