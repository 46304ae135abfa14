"""The door: `python app.py [--host H] [--port N] [--runs DIR] [--models DIR] [--mcp]`; also what a Space runs."""

import argparse
import sys
from pathlib import Path

from gan_core.errors import GanCoreError


def main() -> None:
    parser = argparse.ArgumentParser(description="GAN Studio in the browser.")
    parser.add_argument("--host", help="address to listen on; default: GRADIO_SERVER_NAME, else 127.0.0.1")
    parser.add_argument("--port", type=int, help="default: GRADIO_SERVER_PORT, else the first free from 7860")
    parser.add_argument("--runs", type=Path, help="folder of run folders; default: GAN_CORE_RUNS, else runs")
    parser.add_argument(
        "--models", type=Path, help="folder of model folders; default: GAN_CORE_MODELS, else pretrained"
    )
    parser.add_argument("--mcp", action="store_true", help="offer the API's functions as MCP tools too")
    options = parser.parse_args()

    from gan_core.ui.launch import launch

    try:
        launch(**vars(options))
    except GanCoreError as error:
        sys.exit(f"Error: {error}")


if __name__ == "__main__":
    main()
