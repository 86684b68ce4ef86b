"""Becomes the program that the arguments are the command line of: one of the user's in a node's place."""

import os
import sys


def main() -> int:
    try:
        os.execvp(sys.argv[1], sys.argv[1:])
    except OSError as error:
        print(f"error: {sys.argv[1]} cannot be run: {error.strerror}", file=sys.stderr)
        return 2
