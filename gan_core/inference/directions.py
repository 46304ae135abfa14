"""Directions in the latent space that mean something, out of the weights alone, and the file that names them.

Closed form: Shen and Zhou, "Closed-form factorization of latent semantics in GANs" (SeFa), 2021. Principal components:
Haerkoenen, Hertzmann, Lehtinen, Paris, "GANSpace: discovering interpretable GAN controls", 2020, section 3.2.
"""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from gan_core.atomic import write_json
from gan_core.config import shown
from gan_core.errors import ModelError
from gan_core.latent import normal
from gan_core.recipe.values import DIRECTION_ID
from gan_core.weights import read_json

FILE = "directions.json"
FORMAT = 1
COUNT = 10
MAX_DIRECTIONS = 1000
BLOCK = 32  # Columns of the subspace iteration: enough above COUNT for two passes to settle the first ten.
ROWS = 500  # Rows of features that are in double precision at once.
EXACT = 512  # Up to this many features, all components are computed.


@dataclass(frozen=True)
class Direction:
    """A way through the latent space that a slider can go."""

    id: str
    """sefa-1, pca-3, or a name of its owner's."""
    name: str
    """For people."""
    vector: tuple[float, ...]
    """Added to the latent for one standard deviation."""
    share: float
    """Of the variance, 0 to 1."""
    hidden: bool = False


@runtime_checkable
class FirstLayer(Protocol):
    """What a generator network must offer for SeFa's directions."""

    latent_dim: int
    classes: int

    def first_layer(self) -> Tensor: ...  # (latent_dim, rest): what each latent adds to the first layer's result.


@runtime_checkable
class FirstStage(Protocol):
    """What a generator network must offer for principal components; `models/deconv.py` says what the matrices are."""

    latent_dim: int
    classes: int

    def first_stage(self) -> tuple[Tensor, Tensor]: ...


@runtime_checkable
class Staged(Protocol):
    """What a generator network must offer for mixing and the quick way of `single.py`, beside all directions."""

    latent_dim: int
    classes: int

    def stages(self) -> list[nn.Sequential]: ...

    def head(self) -> nn.Sequential: ...

    def first_stage(self) -> tuple[Tensor, Tensor]: ...


@torch.inference_mode()
def sefa(network: nn.Module) -> list[Direction]:
    """Eigenvectors of A A^T, largest eigenvalue first; A (nz, rest) holds what the first layer makes of each latent.

    A unit step along the first changes the first layer's output most. Latents are standard normal, so a unit is one
    standard deviation. share: the eigenvalue over the sum of all.
    """
    if isinstance(network, FirstLayer):
        weight = network.first_layer()
    elif isinstance(network, Staged):
        found = network.stages()[0][0].weight
        assert isinstance(found, Tensor)
        weight = found
    else:
        return []
    a = weight[: network.latent_dim].detach().cpu().double().flatten(1)  # (nz, rest)
    values, vectors = torch.linalg.eigh(a @ a.T)  # Ascending.
    return _directions("sefa", "Direction", vectors.flip(1), values.flip(0), float(values.sum()))


@torch.inference_mode()
def principal(network: nn.Module, seeds: int = 10_000) -> list[Direction]:
    """Principal components of the first stage's features over `seeds` latents, carried back to the latents.

    With features x, components u_k of variance v_k and scores c_k = u_k (x - mean), the least squares fit of z by the
    scores is z = sum_k E[z c_k] / v_k * c_k; one standard deviation of c_k is sqrt(v_k), so the vector is
    E[z c_k] / sqrt(v_k). Classes take turns; each has its own mean, since sliders must not change the class. share: v_k
    over the variance of all features.
    """
    if not isinstance(network, FirstStage):
        return []
    weight, bias = network.first_stage()
    nz = network.latent_dim
    drawn = torch.from_numpy(normal(0, seeds * nz)).view(seeds, nz)
    groups = max(1, network.classes)
    z = torch.cat([drawn[group::groups] for group in range(groups)])
    x = torch.empty(seeds, weight.shape[1])
    first, energy = 0, 0.0
    for group in range(groups):
        offset = bias + weight[nz + group] if network.classes else bias
        count = len(drawn[group::groups])
        part = x[first : first + count]  # A view: x is the only large array.
        torch.addmm(offset.float(), z[first : first + count], weight[:nz].float(), out=part).relu_()
        mean = part.mean(0)
        part -= mean
        energy += float(mean.double().square().sum())
        first += count
    # The mean slope of the ReLU is how often it is open: the linear part of the features spans a good beginning.
    scale = weight[:nz].norm(dim=0).clamp_min(1e-12)
    middle = bias + weight[nz:].mean(0) if network.classes else bias
    linear = weight[:nz] * torch.special.ndtr(middle / scale)
    variances, scores = _leading(x, linear.T)
    # Below the bound they are the rounding of the means.
    alive = min(COUNT, int((variances > 1e-11 * energy).sum()))
    variances, scores = variances[:alive], scores[:, :alive]
    vectors = z.double().T @ scores / seeds / variances.sqrt()  # (nz, k)
    total = float(torch.linalg.vector_norm(x, dim=1).double().square().sum()) / seeds
    return _directions("pca", "Component", vectors, variances, total)


def _leading(x: Tensor, start: Tensor) -> tuple[Tensor, Tensor]:
    """Variances (k,), largest first, and scores (n, k) of the leading principal components of centred x (n, F).

    start (F, m) spans a first guess. Small problems are solved whole; large ones by subspace iteration with
    Rayleigh-Ritz steps, since the covariance of thousands of features is more than a second's work. The last step is in
    double precision: it forgets most of what came before, and with it the rounding that differs by number of threads.
    """
    features = x.shape[1]
    if features <= EXACT:
        return _ritz(x, torch.eye(features, dtype=torch.float64), torch.float64)
    if start.shape[1] < 2 * BLOCK:  # Few latents: their products matter too.
        extra = torch.from_numpy(normal(1, features * 2 * BLOCK)).view(features, 2 * BLOCK)
        start = torch.cat([start, (x.T @ (x @ extra)).double()], 1)
    else:
        start = start @ torch.linalg.eigh(start.T @ start).eigenvectors[:, -2 * BLOCK :]  # Its own leading part.
    _, scores = _ritz(x, start, torch.float32)
    for columns, precision in ((BLOCK, torch.float32), (BLOCK // 2, torch.float64)):
        pairs = zip(x.split(ROWS), scores[:, :columns].split(ROWS), strict=True)
        span = sum((part.to(precision).T @ score.to(precision)).double() for part, score in pairs)
        assert isinstance(span, Tensor)
        variances, scores = _ritz(x, span, precision)
    return variances, scores


def _ritz(x: Tensor, span: Tensor, precision: torch.dtype) -> tuple[Tensor, Tensor]:
    """Principal components of x (n, F) inside the span (F, m): variances (m,) and scores (n, m), largest first."""
    basis = torch.linalg.qr(span).Q.to(precision)
    scores = torch.cat([part.to(precision) @ basis for part in x.split(ROWS)]).double()
    variances, turn = torch.linalg.eigh(scores.T @ scores / len(x))
    return variances.flip(0), scores @ turn.flip(1)


def _directions(kind: str, name: str, vectors: Tensor, values: Tensor, total: float) -> list[Direction]:
    """Columns as directions. The sign and five decimals are fixed: the same weights give the same ones everywhere."""
    found = []
    for k in range(min(COUNT, vectors.shape[1])):
        vector = vectors[:, k] * vectors[vectors[:, k].abs().argmax(), k].sign()
        share = float(values[k]) / total if total > 0 else 0.0
        numbers = tuple(round(number, 5) + 0.0 for number in vector.tolist())  # + 0.0: no minus zero.
        found.append(Direction(f"{kind}-{k + 1}", f"{name} {k + 1}", numbers, round(min(max(share, 0), 1), 5)))
    return found


def load(folder: Path) -> list[Direction]:
    """What a model folder's directions.json holds; none without the file. Raises `ModelError` for a damaged one."""
    path = folder / FILE
    values = read_json(path)
    if values is None:
        return []
    entries = values.get("directions") if isinstance(values, dict) and values.get("format") == FORMAT else None
    if not isinstance(entries, list) or len(entries) > MAX_DIRECTIONS:
        raise _damaged(path, f"it is not a list of directions of format {FORMAT}")
    found = {}
    for entry in entries:
        direction = _checked(path, entry)
        found[direction.id] = direction
    return list(found.values())


def save(folder: Path, directions: list[Direction]) -> None:
    """Write directions.json into a model folder, whole or not at all."""
    path = folder / FILE
    entries = [{**asdict(direction), "vector": list(direction.vector)} for direction in directions]
    for entry in entries:
        _checked(path, entry)
    try:
        write_json(path, {"format": FORMAT, "directions": entries})
    except OSError as error:
        reason = error.strerror or error
        raise ModelError(f"{path} was not written: {reason}. The directions are as before.") from None


def _checked(path: Path, entry: Any) -> Direction:
    """The file may come from a stranger: every entry has the type that code relies on."""
    known = {"id", "name", "vector", "share", "hidden"}
    if not isinstance(entry, dict) or not known - {"hidden"} <= set(entry) <= known:
        raise _damaged(path, f"an entry lacks one of {', '.join(sorted(known))}, or holds another")
    name, vector = entry["name"], entry["vector"]
    if not isinstance(entry["id"], str) or not DIRECTION_ID.fullmatch(entry["id"]):
        raise _damaged(path, f"{shown(entry['id'])} cannot be an id")
    if not isinstance(name, str) or not 0 < len(name) <= 80 or not name.isprintable():
        raise _damaged(path, f"{shown(name)} cannot be a name (1 to 80 letters)")
    if not isinstance(vector, list) or not vector or not all(_is_number(value, 100) for value in vector):
        raise _damaged(path, f"the vector of {entry['id']} is not a list of numbers")
    if not _is_number(entry["share"], 1) or entry["share"] < 0:
        raise _damaged(path, f"the share of {entry['id']} is not a number from 0 to 1")
    if not isinstance(entry.get("hidden", False), bool):
        raise _damaged(path, f"hidden of {entry['id']} is neither true nor false")
    numbers = tuple(float(value) for value in vector)
    return Direction(entry["id"], name, numbers, float(entry["share"]), entry.get("hidden", False))


def _is_number(value: object, most: float) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and -most <= value <= most


def _damaged(path: Path, reason: str) -> ModelError:
    return ModelError(f"{path} cannot be used: {reason}. The directions are as before. Correct the file or remove it.")
