"""Whose network is this: dialects asked one by one, and what fits made into what a model folder needs."""

import re
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from gan_core.config import FORMAT, few
from gan_core.errors import CheckpointError, ModelError
from gan_core.families import FAMILIES, get_family
from gan_core.interop import dcgan, dcgan_studio, dcgan_upsample, patch, resnet, unet
from gan_core.interop.bundle import read_states
from gan_core.interop.dialect import Fitted, Found, Given, Misfit, Propose, fit, is_counter
from gan_core.interop.translators import assemble
from gan_core.models import get_networks
from gan_core.weights import CONFIG, read_json

DIALECTS: tuple[Propose, ...] = (
    dcgan.propose,
    dcgan_upsample.propose,
    dcgan_studio.propose,
    resnet.propose,
    unet.propose,
    patch.propose,
)
"""The first that fits wins."""

_KNOWN = "DCGAN (pytorch/examples, huggan, Gradio's guide, PyTorch-GAN, StudioGAN), CycleGAN, pix2pix and CUT"
_AVERAGE = re.compile(r"(^|[._=-])ema($|[._=-])", re.IGNORECASE)
_CONDITION = re.compile(r"label|embed|class|shared|bn\w*\.(gain|gamma|beta)", re.IGNORECASE)


def recognise(source: str | Path) -> Found:
    """The networks of a file or folder. Nothing is run, and nothing but reading is done.

    Raises `CheckpointError` for what cannot be read, and for what fits no dialect, with the keys that do not fit and
    the nearest known architecture.
    """
    source = Path(source)
    _check_foreign(source)
    given = read_states(source)
    fitted: list[Fitted] = []
    misfits: list[tuple[Given, Misfit]] = []
    strangers: list[Given] = []
    for one in given:
        best = _best(one)
        if best is None:
            strangers.append(one)
        elif best.count:
            misfits.append((one, best))
        else:
            fitted.append(Fitted(one, best.proposal))
    for recognised in fitted:
        _check_values(recognised)
    kinds = {get_family(one.proposal.family).kind for one in fitted if not _judges(one)}
    if not kinds:
        raise _refusal(source, fitted, misfits, strangers)
    if len(kinds) > 1:
        raise CheckpointError(
            f"{source} holds networks that draw from latents and networks that translate photos: "
            f"{few([one.given.name for one in fitted])}. Nothing was imported. Name one file."
        )
    found = assemble(fitted) if kinds == {"translator"} else _generator(source, fitted)
    aside = [one.name for one in [*(given for given, _ in misfits), *strangers]]
    if aside:
        found = replace(found, notes=(*found.notes, f"Left out, since they fit nothing known: {few(aside)}."))
    return found


def _check_foreign(source: Path) -> None:
    """Our own folders say more than their weights: classes, domains, directions. Those must not be lost on the way."""
    folder = source if source.is_dir() else source.absolute().parent
    try:
        config = read_json(folder / CONFIG)
    except ModelError:
        return
    if isinstance(config, dict) and config.get("format") == FORMAT and str(config.get("family")) in FAMILIES:
        raise CheckpointError(
            f"{folder} is a model of GAN Studio already. Nothing was imported. Use it, or copy it, as a whole folder."
        )


def _best(given: Given) -> Misfit | None:
    """The proposal that fits, or else the one with the fewest keys that do not."""
    best: Misfit | None = None
    for propose in DIALECTS:
        proposal = propose(given.tensors)
        if proposal is None:
            continue
        misfit = fit(given.tensors, proposal)
        if best is None or misfit.count < best.count:
            best = misfit
        if not best.count:
            break
    return best


def _judges(one: Fitted) -> bool:
    return one.proposal.part.startswith("discriminator")


def _check_values(one: Fitted) -> None:
    for key, value in one.state.items():
        if not value.is_floating_point() and not is_counter(key):
            raise CheckpointError(
                f"{one.given.file} holds whole numbers in {few([key])}, where weights should be. Nothing was imported. "
                "Take the file before it was quantised."
            )
        if value.is_floating_point() and not value.isfinite().all():
            raise CheckpointError(
                f"{one.given.file} holds values that are not finite, in {few([key])}: its training had failed. "
                "Nothing was imported. Take an earlier epoch."
            )


def _generator(source: Path, fitted: list[Fitted]) -> Found:
    """One generator, and the discriminator where it belongs to it."""
    generators = [one for one in fitted if not _judges(one)]
    averaged = [one for one in generators if _AVERAGE.search(one.given.name)]
    notes: list[str] = []
    if len(generators) > 1 and len(averaged) == 1:
        generators = averaged
        notes.append(f"Of several generators the moving average was taken: {few([averaged[0].given.name])}.")
    if len(generators) > 1:
        raise CheckpointError(
            f"{source} holds {len(generators)} generators: {few([one.given.name for one in generators])}. "
            "Nothing was imported. Name one file."
        )
    (main,) = generators
    notes = [*main.given.notes, *main.proposal.notes, *notes]
    found = Found(
        family=main.proposal.family,
        network=_numbers(main.proposal.family, main.proposal.network),
        states={"generator": main.state},
        dialect=main.proposal.dialect,
        files=(main.given.file,),
    )
    for judge in (one for one in fitted if _judges(one)):
        together = {**judge.proposal.network, **main.proposal.network}
        if "discriminator" not in found.states and _fit_together(main, judge, together):
            found = replace(
                found,
                network=_numbers(found.family, together),
                states={**found.states, "discriminator": judge.state},
                files=tuple(dict.fromkeys((*found.files, judge.given.file))),
            )
        else:
            notes.append(
                f"The discriminator {few([judge.given.name])} does not belong to this generator's network: left out."
            )
    return replace(found, notes=tuple(dict.fromkeys(notes)))


def _numbers(family: str, network: dict[str, Any]) -> dict[str, Any]:
    """All constructor numbers, the defaults among them."""
    return asdict(get_networks(family).Network(**network))


def _fit_together(main: Fitted, judge: Fitted, network: dict[str, Any]) -> bool:
    """Whether one set of constructor numbers describes both."""
    if main.proposal.family != judge.proposal.family:
        return False
    both = (fit(one.given.tensors, replace(one.proposal, network=network)) for one in (main, judge))
    return not any(misfit.count for misfit in both)


def _refusal(
    source: Path, judges: list[Fitted], misfits: list[tuple[Given, Misfit]], strangers: list[Given]
) -> CheckpointError:
    """Why nothing was found, with the keys that do not fit and the nearest known architecture."""
    if misfits:
        given, nearest = min(misfits, key=lambda pair: pair[1].count / max(1, len(pair[0].tensors)))
        where = (
            f"{source} nearly fits" if nearest.count * 2 < len(given.tensors) else f"{source} does not fit. Nearest is"
        )
        conditional = [key for key in given.tensors if _CONDITION.search(key)]
        more = f" It seems to need classes ({few(conditional)}), and a file does not tell how." if conditional else ""
        return CheckpointError(f"{where} {nearest.proposal.dialect}, but: {nearest.text}.{more} Nothing was imported.")
    if judges:
        return CheckpointError(
            f"{source} holds a discriminator alone ({judges[0].proposal.dialect}), which draws nothing. "
            "Nothing was imported. Name the generator's file, or the folder of both."
        )
    keys = list(strangers[0].tensors)
    return CheckpointError(
        f"{source} is no architecture that is known here. It has {len(keys)} entries: {few(keys)}. "
        f"Nothing was imported. Known are {_KNOWN}."
    )
