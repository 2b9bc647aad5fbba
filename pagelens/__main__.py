"""`python -m pagelens`: the same as the command `pagelens`."""

import sys

from pagelens.api.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
