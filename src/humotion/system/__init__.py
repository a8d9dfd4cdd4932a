"""What the operating system gives and limits: processes, signals, names of files."""
