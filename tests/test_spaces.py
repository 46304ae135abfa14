"""ZeroGPU, with a package `spaces` of the test's own that checks in which order it is used. No card was lent for it."""

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from gan_core import spaces
from tests.conftest import TINY_CYCLEGAN

ROOT = Path(__file__).resolve().parent.parent
FAKE = '''
"""As the real package: imported before CUDA is touched; a decorated call runs in a forked process."""
import multiprocessing, os, sys

assert "torch" not in sys.modules or not sys.modules["torch"].cuda.is_initialized()
told = {"torch first": "torch" in sys.modules, "gradio first": "gradio" in sys.modules, "decorated": [], "calls": []}

def GPU(task=None, *, duration=None):
    if task is None:
        return lambda work: GPU(work, duration=duration)
    told["decorated"].append(task.__qualname__)

    def call(*args, **named):
        seconds = duration(*args, **named) if callable(duration) else duration
        context = multiprocessing.get_context("fork")
        ours, theirs = context.Pipe()

        def work():
            theirs.send(task(*args, **named))
            theirs.close()

        process = context.Process(target=work)
        process.start()
        result = ours.recv()
        process.join()
        told["calls"].append([task.__qualname__, seconds, process.pid != os.getpid()])
        return result

    return call
'''


def without(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(spaces.VARIABLE, raising=False)


def test_elsewhere_a_decorated_function_stays_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    without(monkeypatch)

    def work(number: int) -> int:
        return number + 1

    assert spaces.on_gpu(60)(work) is work
    assert not spaces.zero_gpu()
    spaces.prepare()
    assert "spaces" not in sys.modules


def test_the_variable_without_the_package_is_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(spaces.VARIABLE, "true")
    monkeypatch.setattr(spaces, "find_spec", lambda _: None)
    assert not spaces.zero_gpu()
    assert spaces.on_gpu(60)(len) is len


def on_zero_gpu(tmp_path: Path, code: str) -> dict[str, object]:
    """What a fresh process tells that finds the package and the Hub's variable."""
    (tmp_path / "packages" / "spaces").mkdir(parents=True)
    (tmp_path / "packages" / "spaces" / "__init__.py").write_text(FAKE)
    environment = {
        **os.environ,
        spaces.VARIABLE: "true",
        "PYTHONPATH": f"{tmp_path / 'packages'}{os.pathsep}{ROOT}",
        "OMP_NUM_THREADS": "1",
    }
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told: dict[str, object] = json.loads(done.stdout.splitlines()[-1])
    return told


def test_the_card_is_asked_for_by_paintings_alone(tmp_path: Path, cyclegan_folder: Path, dcgan_folder: Path) -> None:
    assert TINY_CYCLEGAN.blocks == 1
    assert cyclegan_folder.parent == dcgan_folder.parent
    code = f"""
        import json, sys
        from pathlib import Path
        from gan_core import spaces
        spaces.prepare()
        import spaces as package
        from PIL import Image
        from gan_core import library
        from gan_core.devices import pick_device
        from gan_core.settings import Settings
        from gan_core.ui import heavy
        from gan_core.ui.services import Services

        found, real = [], library.load
        def load(folder, *, device="auto", **named):
            found.append(device)
            return real(folder, device="cpu" if device == "cuda" else device, **named)  # There is no card here.
        library.load = load

        services = Services(Settings(models_dir=Path({str(dcgan_folder.parent)!r}), runs_dir=Path("runs")))
        heavy.place(services)
        placed = list(found)
        translator = services.translator("tiny-cyclegan")
        photo = Image.linear_gradient("L").convert("RGB").resize((80, 60))
        shares = []
        there = heavy.painted(translator, photo, "ba", None, shares.append)
        here = heavy.painted_here(translator, photo, "ba", None, lambda _: None)
        generator = services.generator("tiny-dcgan")
        generator.generate([1])
        print(json.dumps({{**package.told, "same": there.tobytes() == here.tobytes(), "shares": shares,
                           "placed": placed, "sliders": generator.device.type, "auto": pick_device().type}}))
    """
    told = on_zero_gpu(tmp_path, code)
    assert told["torch first"] is False
    assert told["gradio first"] is False
    assert told["decorated"] == ["_on_card"]
    ((name, seconds, elsewhere),) = told["calls"]  # type: ignore[misc]
    assert (name, elsewhere) == ("_on_card", True), "one call, in a process of its own"
    assert 1 < seconds <= 60
    assert told["same"] is True
    assert told["shares"] == [0.0, 1.0]
    assert told["placed"] == ["cuda"], "translators alone are put on the card"
    assert (told["sliders"], told["auto"]) == ("cpu", "cpu")


def test_spaces_comes_before_torch_and_gradio_when_the_application_starts(tmp_path: Path) -> None:
    code = """
        import json, sys
        from gan_core.ui import launch
        early = "torch" in sys.modules or "gradio" in sys.modules
        from gan_core import spaces
        real = spaces.prepare
        def prepare():
            real()
            raise SystemExit(0) if "spaces" in sys.modules else AssertionError("not imported")
        spaces.prepare = prepare
        try:
            launch.launch()
        except SystemExit:
            pass
        import spaces as package
        print(json.dumps({**package.told, "early": early}))
    """
    told = on_zero_gpu(tmp_path, code)
    assert (told["early"], told["torch first"], told["gradio first"]) == (False, False, False)


@pytest.mark.parametrize(
    ("size", "px", "expected"), [((1000, 1000), None, 9), ((4000, 3000), 400, 8.12), ((9000, 9000), None, 60)]
)
def test_a_card_is_asked_for_by_the_size_of_what_is_painted(
    size: tuple[int, int], px: int | None, expected: float
) -> None:
    from PIL import Image

    from gan_core.ui.heavy import seconds

    assert seconds("x", "ba", px, Image.new("L", size)) == pytest.approx(expected)


def test_without_a_card_the_processor_paints(
    monkeypatch: pytest.MonkeyPatch, cyclegan_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The package says so with an error of Gradio's, whatever the reason."""
    import gradio as gr
    from PIL import Image

    from gan_core.library import load
    from gan_core.ui import heavy

    def refused(*_: object) -> Image.Image:
        raise gr.Error("You have exceeded your GPU quota")

    translator, photo = load(cyclegan_folder, device="cpu"), Image.new("RGB", (80, 60), "teal")
    shares: list[float] = []
    monkeypatch.setitem(heavy._PLACED, heavy._key(translator.folder), translator)
    monkeypatch.setattr(heavy, "_on_card", refused)
    there = heavy.painted(translator, photo, "ba", None, shares.append)
    assert there.tobytes() == heavy.painted_here(translator, photo, "ba", None, lambda _: None).tobytes()
    assert "exceeded your GPU quota" in capsys.readouterr().out
    assert shares[-1] == 1.0
