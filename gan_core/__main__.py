"""`python -m gan_core`, which torchrun and the application start trainings with."""

from gan_core.cli import main

main()
