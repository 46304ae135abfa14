"""`python -m gan_core.mirror RUN`: push a run in the background; see `process`."""

import sys
from pathlib import Path

if __name__ == "__main__":
    from gan_core.mirror.process import main
    from gan_core.training.run_folder import RunFolder

    if len(sys.argv) != 2:
        sys.exit("Usage: python -m gan_core.mirror RUN")
    sys.exit(main(RunFolder(Path(sys.argv[1]))))
