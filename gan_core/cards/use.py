"""How a card says that its model is used: loaded by its name, and from a command line."""

import re
import shlex

from gan_core.cards.renewal import BEGIN, END
from gan_core.config import ModelConfig

INSTALLED = "With GAN Studio installed:"
_INDEX = "```\npip install gan-core\n```"
"""Cards said so for a while, of a name that is nobody's on the index: whoever took it would be installed."""
_ANY = "@any@"


def use(name: str, config: ModelConfig) -> str:
    """Markdown. name: what loads the model; "hub:user/name" does on every machine."""
    return "\n\n".join(_blocks(name, config))


def addressed(card: str, config: ModelConfig, name: str) -> str:
    """The card, its model loaded as `name`. Examples that a person changed stay as they are, and so does all else."""
    begin, end = card.find(BEGIN), card.find(END)
    if not 0 <= begin < end:
        begin, end = 0, len(card)  # Without the marks, as the cards of earlier versions.
    return card[:begin] + _written(config).sub(lambda _: use(name, config), card[begin:end], count=1) + card[end:]


def _written(config: ModelConfig) -> re.Pattern[str]:
    """What `use` writes, whatever the name; earlier versions wrote the middle block alone."""
    install, python, command = (re.escape(one).replace(_ANY, r'[^"\s]+') for one in _blocks(_ANY, config))
    return re.compile(rf"(?:(?:{install}|{re.escape(_INDEX)})\n\n)?{python}(?:\n\n{command})?")


def _blocks(name: str, config: ModelConfig) -> tuple[str, str, str]:
    if config.domains:
        made = 'picture = model.translate("photo.jpg")'
        command = f"gan-core translate {name} photo.jpg --out painted"
    else:
        label = config.classes[0] if config.classes else None
        of_a_class = f', label="{label}"' if label else ""
        made = f"pictures = model.generate(seeds=[7, 8]{of_a_class})"
        labelled = f" --label {shlex.quote(label)}" if label else ""
        command = f"gan-core generate {name} --seeds 0-15{labelled} --out grid.png"
    python = f'```python\nimport gan_core\n\nmodel = gan_core.load("{name}")\n{made}\n```'
    return INSTALLED, python, f"```\n{command}\n```"
