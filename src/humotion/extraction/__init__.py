"""Turn decoded frames into the shards of the frame store."""
