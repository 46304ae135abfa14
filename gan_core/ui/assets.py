"""Style sheet, scripts and templates of the page, which live in files."""

from pathlib import Path

FOLDER = Path(__file__).resolve().parents[2] / "assets"
STYLE = FOLDER / "style.css"


def text(name: str) -> str:
    return (FOLDER / name).read_text(encoding="utf-8")
