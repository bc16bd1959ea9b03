"""Runs the command line: `python -m libtrakt`."""

import sys

from .cli import main

sys.exit(main())
