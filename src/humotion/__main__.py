"""`python -m humotion` is the console script."""

from humotion.cli import main

main()
