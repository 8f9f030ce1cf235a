"""`python -m pipelines` is `weisu`."""

from pipelines.cli import main

main()
