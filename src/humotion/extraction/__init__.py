"""From decoded frames to the shards of the frame store."""
