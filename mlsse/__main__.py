"""``python -m mlsse``."""

from mlsse.cli import main

main()
