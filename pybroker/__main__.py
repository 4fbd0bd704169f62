"""`python -m pybroker` is `pybroker`."""

from pybroker.cli import program

program()
