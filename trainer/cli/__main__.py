"""`python -m trainer.cli` is `proofmill`, also where no script is installed, as under torchrun."""

from trainer.cli.app import main

main()
