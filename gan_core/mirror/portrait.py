"""`python -m gan_core.mirror.portrait FOLDER PICTURE`: draw a model's preview on the CPU, and end."""

import sys
from pathlib import Path


def main(arguments: list[str]) -> int:
    from gan_core.errors import GanCoreError
    from gan_core.inference.generator import Generator
    from gan_core.library import load
    from gan_core.preview import generator_preview, translator_preview, webp

    folder, picture = map(Path, arguments)
    try:
        model = load(folder, device="cpu")
    except GanCoreError as error:
        print(f"Error: {error}", file=sys.stderr)
        return 1
    drawn = generator_preview(model) if isinstance(model, Generator) else translator_preview(model)
    picture.write_bytes(webp(drawn))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
