"""Style sheets, scripts and templates of the page, which live in files."""

from gan_core.settings import BESIDE

FOLDER = BESIDE / "assets"
TABS = (
    "explore",
    "explore-local",
    "interpolate",
    "paint",
    "shelf",
    "lab",
    "lab-chart",
    "lab-travel",
    "lab-form",
    "lab-bench",
    "hub",
    "deploy",
)
STYLES = [FOLDER / f"{name}.css" for name in ("style", "studio", *TABS)]


def text(name: str) -> str:
    return (FOLDER / name).read_text(encoding="utf-8")


def script(*names: str) -> str:
    """Scripts that share their names: Gradio runs one text per component, so they are put one after another."""
    return "\n".join(text(name) for name in names)
