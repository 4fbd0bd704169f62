"""`python -m pybroker` is `pybroker`."""

import sys

from pybroker.cli import main

sys.exit(main())
