"""`python -m headway_cli` is `headway`."""

from headway_cli.main import main

main()
