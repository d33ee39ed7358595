"""`python -m kinelex` is the `kinelex` command."""

import sys

from kinelex.cli import main

if __name__ == "__main__":
    sys.exit(main())
