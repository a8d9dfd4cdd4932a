"""`python -m humotion` runs the console script."""

from humotion.cli.main import main

if __name__ == "__main__":  # child processes of a command import this module, too
    main()
