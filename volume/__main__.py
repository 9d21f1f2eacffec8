"""`python -m volume` is the command `volume`."""

from volume.cli import command

command()
