"""Recipes: to JSON and back, in and out of pictures, and what strangers may hand in."""

import io
import json
import subprocess
import sys
from dataclasses import FrozenInstanceError, replace
from pathlib import Path

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from gan_core.errors import GanCoreError, RecipeError
from gan_core.recipe import KEY, Mix, ModelRef, Recipe, embed, embed_png, loads, read, weights_sha256

FULL = Recipe(
    model=ModelRef(name="nouns-dcgan", sha256="0123456789abcdef" * 4, hub="someone/nouns"),
    seed=2**63 - 1,
    shift=(0.25, 1 / 3),
    truncation=0.7,
    label={"Bag": 0.5, 'Boot "é" <&>': 1},
    directions={"sefa-1": 1.5, "pca-10": -0.1},
    latents={17: -0.4, 2: 1 / 3},
    mix=Mix(seed=9, stages=(4, 3, 3), amount=0.5),
)
PROJECTED = Recipe(z=(0.1, -1 / 3, 2.5e-7))


@pytest.mark.parametrize("recipe", [Recipe(), FULL, PROJECTED, Recipe(label="ant", seed=2**53 + 1)])
def test_a_recipe_comes_back_unchanged(recipe: Recipe) -> None:
    assert loads(recipe.dumps()) == recipe
    assert Recipe.from_json(json.loads(json.dumps(recipe.to_json()))) == recipe
    assert hash(loads(recipe.dumps())) == hash(recipe)
    assert recipe.dumps().isascii()


def test_the_format_is_the_documented_one() -> None:
    assert FULL.to_json() == {
        "format": 1,
        "model": {"name": "nouns-dcgan", "sha256": "0123456789abcdef" * 4, "hub": "someone/nouns"},
        "seed": 2**63 - 1,
        "shift": [0.25, 1 / 3],
        "truncation": 0.7,
        "label": {"Bag": 0.5, 'Boot "é" <&>': 1.0},
        "directions": {"sefa-1": 1.5, "pca-10": -0.1},
        "latents": {"2": 1 / 3, "17": -0.4},
        "mix": {"seed": 9, "stages": [3, 4], "amount": 0.5},
    }
    assert PROJECTED.to_json()["z"] == [0.1, -1 / 3, 2.5e-7]
    assert "seed" not in PROJECTED.to_json()
    assert Recipe().to_json().keys() == {"format", "model", "seed", "truncation", "label", "directions", "latents"}


def test_seeds_over_2_to_the_53_may_be_text() -> None:
    """A browser's JSON rounds them: 2^53 + 1 arrived as 2^53."""
    recipe = Recipe.from_json({"format": 1, "seed": str(2**53 + 1), "mix": {"seed": str(2**63 - 1), "stages": []}})
    assert recipe.seed == 2**53 + 1
    assert recipe.mix is not None
    assert recipe.mix.seed == 2**63 - 1


def test_a_slider_at_rest_is_no_edit() -> None:
    assert Recipe(directions={"sefa-1": 0, "sefa-2": 1}, latents={3: 0.0, 2: 1}) == Recipe(
        directions={"sefa-2": 1.0}, latents={2: 1.0}
    )


def test_a_recipe_does_not_change() -> None:
    moves = {"sefa-1": 1.0}
    recipe = Recipe(directions=moves)
    moves["sefa-1"] = 2.0
    assert recipe.directions == {"sefa-1": 1.0}
    with pytest.raises(FrozenInstanceError):
        recipe.seed = 3  # type: ignore[misc]
    assert replace(recipe, seed=3).directions == recipe.directions


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA"])
@pytest.mark.parametrize("recipe", [FULL, PROJECTED])
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_pictures_carry_their_recipe(mode: str, recipe: Recipe, kind: str, tmp_path: Path) -> None:
    picture = Image.effect_noise((24, 16), 80).convert(mode)
    content = embed(picture, recipe, kind)
    assert read(content) == recipe
    path = tmp_path / "a.picture"
    path.write_bytes(content)
    assert read(path) == recipe
    with Image.open(io.BytesIO(content)) as opened:
        if kind == "PNG":
            assert opened.tobytes() == picture.tobytes()
            assert json.loads(opened.text[KEY]) == recipe.to_json()  # type: ignore[attr-defined]
        if kind == "WEBP" and mode == "RGB":
            assert opened.tobytes() == picture.tobytes()


def test_a_recipe_behind_the_pixels_is_found() -> None:
    """Programs that rewrite text put it there."""
    whole = embed_png(Image.new("L", (8, 8)), FULL)
    start = whole.index(b"tEXt") - 4
    length = int.from_bytes(whole[start : start + 4]) + 12
    chunk, rest = whole[start : start + length], whole[:start] + whole[start + length :]
    end = rest.index(b"IEND") - 4
    assert read(rest[:end] + chunk + rest[end:]) == FULL


def test_json_files_are_read(tmp_path: Path) -> None:
    path = tmp_path / "recipe.json"
    path.write_text(json.dumps(FULL.to_json(), indent=2), encoding="utf-8-sig")
    assert read(path) == FULL


def test_a_jpeg_without_room_is_refused() -> None:
    long = Recipe(z=tuple((index % 600 + 0.1) / 7 for index in range(4096)))
    assert read(embed_png(Image.new("L", (8, 8)), long)) == long
    with pytest.raises(RecipeError, match="Save it as PNG"):
        embed(Image.new("L", (8, 8)), long, "JPEG")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"seed": "abc"}, "seed is 'abc'"),
        ({"seed": -1}, "seed is -1"),
        ({"seed": 10**30}, "whole number from 0"),
        ({"seed": "9" * 5000}, "seed is"),
        ({"seed": 1.5}, "seed is 1.5"),
        ({"seed": True}, "seed is True"),
        ({"seed": None}, "neither a seed nor a z"),
        ({"z": [1.0]}, "both a seed and a z"),
        ({"seed": None, "z": []}, "a list of 1 to 4096"),
        ({"seed": None, "z": [0.0] * 4097}, "a list of 1 to 4096"),
        ({"seed": None, "z": [101]}, "from -100 to 100"),
        ({"seed": None, "z": ["1"]}, "z is '1'"),
        ({"seed": None, "z": [0.0], "shift": [0.5, 0]}, "lies between no seeds"),
        ({"seed": None, "z": {"0": 1}}, "a list of"),
        ({"shift": [0.5]}, "a list of 2 numbers"),
        ({"shift": [0.5, 1]}, "below 1"),
        ({"shift": [-0.1, 0]}, "from 0 to 1"),
        ({"shift": "ab"}, "shift is 'ab'"),
        ({"truncation": 2.1}, "truncation is 2.1"),
        ({"truncation": float("nan")}, "truncation is nan"),
        ({"truncation": "1"}, "truncation is '1'"),
        ({"truncation": 10**400}, "truncation is"),
        ({"label": 3}, "label is 3"),
        ({"label": ""}, "label is ''"),
        ({"label": "a\nb"}, "label is"),
        ({"label": {}}, "label is {}"),
        ({"label": {"Bag": 0}}, "one is above 0"),
        ({"label": {"Bag": -1}}, "label weight"),
        ({"label": {"Bag": float("inf")}}, "label weight"),
        ({"directions": {"../x": 1}}, "direction is '../x'"),
        ({"directions": {"sefa-1": 11}}, "direction sefa-1 is 11"),
        ({"directions": ["sefa-1"]}, "directions is"),
        ({"directions": {"sefa-1": None}}, "sefa-1 is None"),
        ({"latents": {"0": 1}}, "latent number is 0"),
        ({"latents": {"x": 1}}, "latent number is 'x'"),
        ({"latents": {"4097": 1}}, "latent number is 4097"),
        ({"latents": {"1": -10.5}}, "latent edit is -10.5"),
        ({"latents": [1]}, "latents is"),
        ({"model": "nouns"}, "model is 'nouns'"),
        ({"model": {}}, "model name is None"),
        ({"model": {"name": "x" * 300}}, "model name"),
        ({"model": {"name": "a", "sha256": "xyz"}}, "64 hexadecimal"),
        ({"model": {"name": "a", "path": "/etc"}}, "holds 'path'"),
        ({"model": {"name": "a", "hub": 3}}, "model hub is 3"),
        ({"mix": {"seed": 1}}, "mix stages is None"),
        ({"mix": {"seed": "x", "stages": [1]}}, "mix seed is 'x'"),
        ({"mix": {"seed": 1, "stages": [0]}}, "mix stage is 0"),
        ({"mix": {"seed": 1, "stages": [1], "amount": 1.5}}, "mix amount is 1.5"),
        ({"mix": [1]}, r"mix is \[1\]"),
        ({"format": 2}, "not a recipe of format 1"),
        ({"format": None}, "not a recipe of format 1"),
        ({"steps": 5}, "holds 'steps'"),
        ({7: 5}, "holds 7"),
    ],
)
def test_nonsense_is_refused_by_name(change: dict, message: str) -> None:
    with pytest.raises(RecipeError, match=message) as refusal:
        Recipe.from_json({"format": 1, "seed": 1, **change})
    assert_one_line(refusal.value)


@pytest.mark.parametrize("value", [None, [], "x", 3, [[[[[[]]]]]], {}])
def test_what_is_no_recipe_is_refused(value: object) -> None:
    with pytest.raises(RecipeError) as refusal:
        Recipe.from_json(value)
    assert_one_line(refusal.value)


def test_fields_are_checked_where_they_are_given() -> None:
    for wrong in ({"seed": "7"}, {"seed": None}, {"model": "nouns"}, {"mix": {}}, {"z": (0.0,), "seed": 4}):
        with pytest.raises(RecipeError) as refusal:
            Recipe(**wrong)  # type: ignore[arg-type]
        assert_one_line(refusal.value)


WHOLE = embed_png(Image.effect_noise((32, 32), 80), FULL)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "not valid JSON"),
        (b"{", "not valid JSON"),
        (b"\xff\xfe\x00", "not valid JSON"),
        (b'{"format": 1, "seed": NaN}', "NaN is not a number"),
        (b'{"format": 1, "seed": 1, "truncation": 1e999}', "truncation is inf"),
        (b'{"format": 1, "seed": ' + b"9" * 5000 + b"}", "not valid JSON"),
        (b"[" * 100_000 + b"]" * 100_000, "nested too deeply"),
        (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, "nested too deeply"),
        (b" " * 1_000_001, "at most 1 MB"),
        (b"GIF89a" + b"\0" * 40, "not valid JSON"),
        (b"\x89PNG", "damaged"),
        (b"RIFF\x00\x00\x00\x00WAVE", "damaged"),
        (b"\xff\xd8\xff\xe0", "damaged"),
        (WHOLE[:60], "damaged"),
        (WHOLE[:-200], "damaged"),
        (WHOLE[: WHOLE.index(b"tEXt") + 20], "damaged"),
        (WHOLE.replace(b"nouns-dcgan", b"nouns-dcgax"), "damaged"),
    ],
)
def test_damaged_and_hostile_files_are_refused_in_one_line(content: bytes, message: str, tmp_path: Path) -> None:
    path = tmp_path / "picture.png"
    path.write_bytes(content)
    with pytest.raises(RecipeError, match=message) as refusal:
        read(path)
    assert "picture.png" in str(refusal.value) or "The recipe's" in str(refusal.value)
    assert_one_line(refusal.value)
    with pytest.raises(RecipeError, match=message):
        read(content)


def test_a_picture_of_other_origin_says_so() -> None:
    for kind in ("PNG", "JPEG", "WEBP"):
        buffer = io.BytesIO()
        Image.new("RGB", (8, 8)).save(buffer, kind)
        with pytest.raises(RecipeError, match=r"holiday.png carries no recipe") as refusal:
            read(buffer.getvalue(), name="holiday.png")
        assert_one_line(refusal.value)


@pytest.mark.parametrize("text", ["{", "[1]", '{"format": 1, "seed": -1}', "x" * 1_000_001, '{"a":' * 50_000])
def test_a_hostile_text_chunk_is_refused(text: str) -> None:
    info, buffer = PngInfo(), io.BytesIO()
    info.add_text(KEY, text, zip=True)
    Image.new("RGB", (8, 8)).save(buffer, "PNG", pnginfo=info)
    with pytest.raises(RecipeError) as refusal:
        read(buffer.getvalue())
    assert_one_line(refusal.value)


def test_a_bomb_is_told_by_its_header() -> None:
    buffer = io.BytesIO()
    Image.new("1", (20_000, 20_000)).save(buffer, "PNG")
    with pytest.raises(RecipeError) as refusal:
        read(buffer.getvalue())
    assert_one_line(refusal.value)


def test_places_without_a_file(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "none.png", Path("/proc/self/mem"), Path("a\0b")):
        with pytest.raises(RecipeError) as refusal:
            read(path)
        assert_one_line(refusal.value)


def test_the_weights_are_known_by_their_sha256(dcgan_folder: Path) -> None:
    import hashlib

    weights = dcgan_folder / "generator.safetensors"
    before = weights_sha256(dcgan_folder)
    assert before == hashlib.sha256(weights.read_bytes()).hexdigest()
    weights.write_bytes(weights.read_bytes() + b" ")
    assert weights_sha256(dcgan_folder) not in ("", before)
    assert weights_sha256(dcgan_folder / "none") == ""


def test_recipes_need_neither_torch_nor_numpy() -> None:
    code = "import sys, gan_core.recipe; print({'torch', 'numpy'} & set(sys.modules))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout == "set()\n"


def assert_one_line(error: GanCoreError) -> None:
    text = str(error)
    assert "\n" not in text
    assert len(text) < 400
    assert text.endswith(".")
