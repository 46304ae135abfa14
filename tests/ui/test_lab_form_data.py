"""The form for a new run: data that may be chosen, looked at and brought, and what is refused."""

import os
import zipfile
from dataclasses import replace

import pytest

from gan_core.errors import DataError
from gan_core.ui.lab.form import Form
from gan_core.ui.lab.sources import Sources
from tests.data.pictures import png
from tests.ui.lab_forms import answer, asked, form, root, uploads

__all__ = ["form", "root", "uploads"]


def test_roots_show_folders_and_zips_and_nothing_else(form, root):
    top = answer(form, "form_browse", place="")
    assert [entry["name"] for entry in top["entries"]] == [root.name]
    found = answer(form, "form_browse", place=top["entries"][0]["value"])
    listed = [(entry["name"], entry["kind"]) for entry in found["entries"]]
    assert listed == [("insects", "folder"), ("inside", "folder"), ("pairs", "folder"), ("flat.zip", "zip")]
    below = answer(form, "form_browse", place="at:0/insects")
    assert [entry["value"] for entry in below["entries"]] == ["at:0/insects/ants", "at:0/insects/bees"]
    assert below["parent"] == "at:0/"


@pytest.mark.parametrize(
    "value",
    [
        "at:0/../secret",
        "at:0/way-out",
        "at:0/way-out/a.png",
        "at:0//etc",
        "at:0/insects/../../secret",
        "at:1/",
        "at:0/loop",
        "at:0/notes.txt",
        "at:0/\0",
        "at:-1/",
        "/etc",
        "upload:../../x/a.zip",
        "upload:000000000000/a.zip",
        "hub:../..",
        "hub:user",
        "",
        None,
        7,
    ],
)
def test_nothing_outside_of_the_roots_is_taken(form, value):
    for name, request in (
        ("form_data", {"data": value, "family": "dcgan"}),
        ("form_preview", {"form": asked(data=value)}),
        ("start", {"form": asked(data=value)}),
    ):
        found = answer(form, name, **request)
        assert not found["ok"], (name, value)
        assert found["field"] == "data"
        assert "secret" not in found["error"].replace(str(value), "")


@pytest.mark.parametrize("place", ["at:0/../secret", "at:0/way-out", "at:0/flat.zip", "at:9/", "at:0/insects/0.png"])
def test_nothing_outside_of_the_roots_is_listed(form, place):
    assert not answer(form, "form_browse", place=place)["ok"]


def test_without_roots_nothing_of_the_disk_is_offered(bare):
    empty = Form(bare)
    assert answer(empty, "form_browse", place="")["entries"] == []
    assert not answer(empty, "form_browse", place="at:0/")["ok"]
    assert not answer(empty, "form_open")["roots"]


def test_what_data_holds_is_told(form):
    found = answer(form, "form_data", data="at:0/insects", family="dcgan")
    assert (found["sets"], found["classes"]) == ({"": 8}, ["ants", "bees"])
    found = answer(form, "form_data", data="at:0/pairs", family="cyclegan")
    assert found["sets"] == {"a": 3, "b": 3}
    refused = answer(form, "form_data", data="at:0/insects", family="cyclegan")
    assert refused["error"].startswith("This data has no folders trainA and trainB")
    refused = answer(form, "form_data", data="at:0/pairs", family="dcgan")
    assert refused["error"].startswith("This data holds two domains")


def test_what_would_download_is_not_looked_at(form):
    found = answer(form, "form_data", data="fashion-mnist", family="dcgan")
    assert (found["absent"], found["mb"], found["sets"]) == (True, 31, {"": 60_000})
    assert answer(form, "form_preview", form=asked(data="fashion-mnist"))["absent"]
    assert answer(form, "form_check", form=asked(data="fashion-mnist"))["ok"], "it can be started all the same"
    assert answer(form, "form_data", data="hub:user/name", family="dcgan")["absent"]


def test_preview_shows_labels_domains_and_what_is_unreadable(form):
    found = answer(form, "form_preview", form=asked(data="at:0/insects"), number=3)
    pictures = found["sets"][0]["pictures"]
    assert [one["label"] for one in pictures] == ["ants"] * 4 + ["bees"] * 4
    assert all(one["url"].startswith("data:image/png") for one in pictures)
    other = answer(form, "form_preview", form=asked(data="at:0/insects", train={"flip": True}), number=4)
    assert other["sets"] != found["sets"]
    broken = answer(form, "form_preview", form=asked(data="at:0/flat.zip"))
    assert broken["unreadable"] == "1 of these 2 cannot be read and will be left out: two.png."
    names = {"train": {"domain_a": "circle"}}
    two = answer(form, "form_preview", form=asked("cyclegan", data="at:0/pairs", **names))
    assert [(one["title"], len(one["pictures"])) for one in two["sets"]] == [("circle", 3), ("Domain B", 3)]


def test_preview_shows_the_recipe_s_augmentation(form):
    plain = answer(form, "form_preview", form=asked(), number=1)
    changed = answer(form, "form_preview", form=asked(recipe={"augment": "cutout"}), number=1)
    assert plain["sets"] != changed["sets"]


def test_an_upload_is_kept_and_can_be_chosen_again(form, uploads, settings):
    sent = uploads / "abc" / "My Insects.zip"
    sent.parent.mkdir()
    with zipfile.ZipFile(sent, "w") as archive:
        archive.writestr("one.png", png(1))
    found = answer(form, "form_upload", path=str(sent), family="dcgan")
    assert found["data"].endswith("/my-insects.zip")
    assert not sent.exists(), "the visitor's copy goes"
    assert answer(form, "form_data", data=found["data"], family="dcgan")["sets"] == {"": 1}
    (listed,) = answer(form, "form_open")["uploaded"]
    assert listed["value"] == found["data"]
    assert listed["bytes"] > 0
    assert listed["at"] > 0
    assert str(settings.data_dir) in answer(form, "form_check", form=asked(data=found["data"]))["command"]


def test_only_what_was_uploaded_is_taken_for_an_upload(form, root, uploads):
    (uploads / "link.zip").symlink_to(root / "flat.zip")
    for path in (str(root / "flat.zip"), str(uploads / "link.zip"), str(uploads), "", None, 3, "\0"):
        refused = answer(form, "form_upload", path=path, family="dcgan")
        assert refused["error"].startswith("The file did not arrive")
    assert (root / "flat.zip").exists()


def test_a_refused_upload_leaves_nothing(form, uploads, settings):
    sent = uploads / "bad.zip"
    sent.write_bytes(b"no zip")
    refused = answer(form, "form_upload", path=str(sent), family="dcgan")
    assert refused["error"] == "bad.zip is not a readable zip. Choose another file."
    assert not sent.exists()
    with zipfile.ZipFile(sent, "w") as archive:
        archive.writestr("notes.txt", b"x")
    refused = answer(form, "form_upload", path=str(sent), family="dcgan")
    assert refused["error"].startswith("bad.zip holds no pictures")
    assert refused["error"].endswith("Nothing was kept. Choose another file.")
    assert not list(settings.data_dir.rglob("*.zip"))


def test_an_upload_over_the_limit_is_refused(bare, uploads):
    sources = Sources(replace(bare.settings, max_upload_mb=0.001), uploads)
    sent = uploads / "large.zip"
    sent.write_bytes(os.urandom(2000))
    with pytest.raises(DataError, match=r"over 0\.001 MB"):
        sources.receive(str(sent), "generator")
