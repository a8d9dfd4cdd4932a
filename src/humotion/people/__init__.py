"""Several people in a picture: the form of predictions, and the scores of poses and tracks."""
