"""`gan-core app`: the browser application."""

from pathlib import Path

import click


@click.command()
@click.option("--host", help="Address to listen on; default: GRADIO_SERVER_NAME, else 127.0.0.1.")
@click.option(
    "--port", type=click.IntRange(1, 65_535), help="Default: GRADIO_SERVER_PORT, else the first free from 7860."
)
@click.option("--runs", type=click.Path(path_type=Path, file_okay=False), help="Folder of run folders.")
@click.option("--models", type=click.Path(path_type=Path, file_okay=False), help="Folder of model folders.")
@click.option("--mcp", is_flag=True, help="Offer the API's functions as MCP tools too.")
def app(host: str | None, port: int | None, runs: Path | None, models: Path | None, mcp: bool) -> None:
    """Open the application in a browser."""
    from gan_core.ui.launch import launch

    launch(host=host, port=port, runs=runs, models=models, mcp=mcp)
