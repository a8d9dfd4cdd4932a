"""One short module per DVC stage: it reads files, calls other packages, and writes files."""
