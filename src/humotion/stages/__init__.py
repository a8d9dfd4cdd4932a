"""One thin module a DVC stage: reads files, calls the rooms below, writes files."""
