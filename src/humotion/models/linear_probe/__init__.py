"""A linear classifier of features that a frozen network found: what larger models must be held against."""
