"""A bidirectional GRU over the landmarks of a person: the baseline of the networks made for skeletons."""
