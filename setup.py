"""What pyproject.toml cannot say: a wheel carries assets/, app.py and LICENSE in gan_core/beside."""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py


class BuildWithWhatLiesBeside(build_py):
    def run(self) -> None:
        super().run()
        if self.editable_mode:
            return  # The checkout itself is used, and they lie beside the package there.
        beside = Path(self.build_lib, "gan_core", "beside")
        pictures = shutil.ignore_patterns("*.webp")  # For the README.
        shutil.copytree("assets", beside / "assets", ignore=pictures, dirs_exist_ok=True)
        for name in ("app.py", "LICENSE"):
            shutil.copyfile(name, beside / name)


setup(cmdclass={"build_py": BuildWithWhatLiesBeside})
