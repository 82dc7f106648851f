"""`python -m tunewright`: the command line."""

from tunewright.cli import main

main()
