"""From single networks to one translator: which generator goes which way, and who judges what.

The trap: projects agree on the names and not on what they mean. junyanz' `G_A` makes B from A, and `D_A` judges B; in
UPIT, `G_A` makes A; PyTorch-GAN writes `G_AB`, and `D_B` judges B. Here `generator_ab` makes b from a and
`discriminator_b` judges b.
"""

import re
from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

from gan_core.config import FORMAT, few
from gan_core.errors import CheckpointError, ModelError
from gan_core.families import FAMILIES
from gan_core.interop.dialect import Fitted, Found
from gan_core.models import get_networks
from gan_core.weights import CONFIG, read_json

_OTHER = {"ab": "ba", "ba": "ab", "a": "b", "b": "a"}
_GENERATOR = r"(?:^|[^a-z0-9]|gen|generator|net_?g|g)"
_BOTH_ENDS = re.compile(
    rf"{_GENERATOR}_?(?:(ab|a_?(?:2|to)_?b|x_?(?:2|to)_?y)|(ba|b_?(?:2|to)_?a|y_?(?:2|to)_?x))(?![a-z0-9])"
)
_ONE_END = re.compile(r"(?:^|[^a-z0-9])(?:net_?)?(?:g|gen|generator|d|dis|disc|discriminator)_?([ab])(?![a-z])")
_NAMED = re.compile(r"(?<![a-z0-9])([a-z]{2,})2([a-z]{2,})")
_STYLE = re.compile(r"(?<![a-z0-9])style_(cezanne|monet|ukiyoe|vangogh)")

_WORDS = {
    "cezanne": "Cezanne painting",
    "cityscapes": "street photograph",
    "dslr": "camera photograph",
    "edges": "outlines",
    "gta": "computer game",
    "iphone": "phone photograph",
    "label": "label map",
    "labels": "label map",
    "monet": "Monet painting",
    "photo": "photograph",
    "sat": "satellite picture",
    "ukiyoe": "ukiyo-e print",
    "vangogh": "Van Gogh painting",
}


def assemble(fitted: Sequence[Fitted]) -> Found:
    """One translator out of generators that fit, and of discriminators where they suit them.

    The first note tells the direction (`turned` replaces it).
    Raises `CheckpointError` where there is no generator, or where names do not tell two of them apart.
    """
    generators = [one for one in fitted if one.proposal.part.startswith("generator")]
    if not generators:
        raise CheckpointError(
            f"{few([one.given.name for one in fitted])}: a discriminator alone paints nothing. Nothing was imported. "
            "Bring the generator's file."
        )
    for one in generators:
        _refuse_ours(one)
    by_direction = _directions(generators)
    network = _common(by_direction)
    notes = [*_way(by_direction)]
    states = {f"generator_{direction}": one.state for direction, one in sorted(by_direction.items())}
    judges = [one for one in fitted if one not in generators]
    if judges:
        taken, numbers = _judges(judges, network, by_direction)
        network |= numbers
        states |= taken
        if not taken:
            notes.append("The discriminators do not suit the generators' network here and were left out.")
    first = next(iter(by_direction.values()))
    for one in [*by_direction.values(), *judges]:
        notes += [note for note in (*one.given.notes, *one.proposal.notes) if note not in notes]
    return Found(
        family=first.proposal.family,
        network=asdict(get_networks(first.proposal.family).Network(**network)),
        states=states,
        dialect=first.proposal.dialect,
        notes=tuple(notes),
        directions=tuple(sorted(by_direction)),
        domains=_domains(first),
        files=tuple(dict.fromkeys(one.given.file for one in fitted)),
    )


def turned(found: Found) -> Found:
    """The same networks the other way round, as asked: what was ab is ba. The domains keep their names."""
    names = {
        name: f"{kind}_{_OTHER[end]}"
        for name in found.states
        for kind, _, end in [name.rpartition("_")]
        if end in _OTHER
    }
    network = dict(found.network)
    if network.get("channels_b") not in (None, network["channels"]):
        network |= {"channels": network["channels_b"], "channels_b": network["channels"]}
    directions = tuple(sorted(_OTHER[direction] for direction in found.directions or ()))
    states = {names[name]: state for name, state in found.states.items()}
    return replace(
        found,
        network=network,
        states=dict(sorted(states.items(), key=lambda item: item[0].startswith("discriminator"))),
        directions=directions,
        notes=(f"Direction {', '.join(directions)}: turned round, as asked.", *found.notes[1:]),
    )


def _refuse_ours(one: Fitted) -> None:
    """A model of ours says in config.json what its weights do not, such as a global skip: alone, they paint wrongly."""
    folder = one.given.file.absolute().parent
    try:
        values = read_json(folder / CONFIG)
    except ModelError:
        return
    if isinstance(values, dict) and values.get("format") == FORMAT and str(values.get("family")) in FAMILIES:
        raise CheckpointError(
            f"{folder} is a model of GAN Studio already. Nothing was imported. Use it, or copy it, as a whole folder."
        )


# Which way.


def _directions(generators: Sequence[Fitted]) -> dict[str, Fitted]:
    by_direction: dict[str, Fitted] = {}
    for one in generators:
        direction = _direction(one) or _against(one, by_direction) or "ab"
        if direction in by_direction:
            names = few([other.given.name for other in generators])
            raise CheckpointError(
                f"These are {len(generators)} generators, and their names do not tell which is which: {names}. "
                "Nothing was imported. Import them one by one."
            )
        by_direction[direction] = one
    return by_direction


def _direction(one: Fitted) -> str | None:
    """ab, ba, or None where the name does not say."""
    name = one.given.name.lower()
    if found := _BOTH_ENDS.search(name):
        return "ab" if found[1] else "ba"
    if found := _ONE_END.search(name):
        begins_at = _OTHER[found[1]] if _is_upit(one) else found[1]
        return "ab" if begins_at == "a" else "ba"
    return None


def _against(one: Fitted, by_direction: dict[str, Fitted]) -> str | None:
    """The free direction, where the name is another's turned round: zebra2horse beside horse2zebra."""
    named = _NAMED.search(one.given.name.lower())
    for direction, other in by_direction.items():
        found = _NAMED.search(other.given.name.lower())
        if named and found and named.groups() == found.groups()[::-1]:
            return _OTHER[direction]
    return None


def _is_upit(one: Fitted) -> bool:
    """UPIT's generators are bare sequences: no name stands before their indices."""
    return any(key[:1].isdigit() for key in one.proposal.keys)


def _way(by_direction: dict[str, Fitted]) -> list[str]:
    """The sentence about the trap: which way the model goes, and how to turn it round."""
    sentences = []
    for direction, one in sorted(by_direction.items()):
        name, known = few([one.given.name]), _domains(one)
        begin, end = (end.upper() for end in direction)
        if _direction(one) is None:
            told = f"from {known['a']} to {known['b']} by its name" if known else "as its name does not say which way"
            sentences.append(f"{name} was taken for the way from {begin} to {end}, {told}")
        else:
            shows = {side: f" ({words})" for side, words in (known or {}).items()}
            told = ", as UPIT names it (junyanz' names mean the opposite)" if _is_upit(one) else ""
            makes = f"{end}{shows.get(direction[1], '')} from {begin}{shows.get(direction[0], '')}"
            sentences.append(f"{name} makes {makes}{told}")
    ways = ", ".join(sorted(by_direction))
    turn = "ba" if "ab" in by_direction else "ab"
    return [
        f"Direction {ways}: {'; '.join(sentences)}. If it is the other way round, import it with --direction {turn}."
    ]


def _domains(one: Fitted) -> dict[str, str] | None:
    """What a and b show, where the file or its folder is named after them."""
    stem, folder = one.given.name.lower(), one.given.file.absolute().parent.name.lower()
    for text in (stem, folder):
        pairs = [found.groups() for found in _NAMED.finditer(text)]
        pairs += [("photo", found[1]) for found in _STYLE.finditer(text)]
        for begin, end in pairs:
            if begin != end:  # Many an experiment is called facades_pix2pix.
                return {"a": _WORDS.get(begin, begin), "b": _WORDS.get(end, end)}
    return None


# What they are.


def _common(by_direction: dict[str, Fitted]) -> dict[str, Any]:
    """The constructor numbers of all generators, which must be the same."""
    numbers = [_oriented(direction, one) for direction, one in by_direction.items()]
    families = {one.proposal.family for one in by_direction.values()}
    if len(families) > 1 or any(other != numbers[0] for other in numbers):
        names = " and ".join(one.given.name for one in by_direction.values())
        raise CheckpointError(
            f"{names} are networks of different build, which cannot stand in one model. Nothing was imported. "
            "Import them one by one."
        )
    return dict(numbers[0])


def _oriented(direction: str, one: Fitted) -> dict[str, Any]:
    """A generator's numbers with domain a's channels first."""
    network = dict(one.proposal.network)
    if direction == "ba" and network.get("channels_b"):
        network |= {"channels": network["channels_b"], "channels_b": network["channels"]}
    return network


def _judges(
    judges: Sequence[Fitted], network: dict[str, Any], by_direction: dict[str, Fitted]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """States and numbers of the discriminators; nothing where they do not suit the generators."""
    first = next(iter(by_direction.values()))
    numbers = {key: value for key, value in judges[0].proposal.network.items() if key.startswith("discriminator")}
    taken: dict[str, Any] = {}
    for one in judges:
        domain = _judged(one, by_direction)
        channels = network["channels"] if domain == "a" else network["channels_b"] or network["channels"]
        wanted = {**numbers, "channels": channels, "norm": network["norm"]}
        suits = one.proposal.family == first.proposal.family and one.proposal.network == wanted
        if not suits or domain is None or f"discriminator_{domain}" in taken:
            return {}, {}
        taken[f"discriminator_{domain}"] = one.state
    return dict(sorted(taken.items())), numbers


def _judged(one: Fitted, by_direction: dict[str, Fitted]) -> str | None:
    """The domain whose pictures a discriminator judges."""
    found = _ONE_END.search(one.given.name.lower())
    if found is None:  # One discriminator beside one generator judges what that makes.
        return next(iter(by_direction))[1] if len(by_direction) == 1 else None
    generator = next(iter(by_direction.values()))
    name = generator.given.name.lower()
    like_junyanz = _ONE_END.search(name) and not _BOTH_ENDS.search(name) and not _is_upit(generator)
    return _OTHER[found[1]] if like_junyanz else found[1]
