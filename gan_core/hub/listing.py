"""What there is on the Hub: a person's models, and models by tag."""

from dataclasses import dataclass

from gan_core.hub.client import api, explained

TAG = "gan-core"
LIMIT = 200


@dataclass(frozen=True)
class Listed:
    repository: str
    private: bool
    tags: tuple[str, ...]
    changed_at: str | None


def repositories(namespace: str, *, tag: str = TAG, token: str | None = None) -> list[str]:
    """user/name of the models that a person or an organisation keeps there and that are ours by their tag.

    tag: empty for all of them.
    """
    with explained(f"The models of {namespace} were not listed"):
        found = api(token).list_models(author=namespace, filter=tag or None, limit=LIMIT)
        return sorted(one.id for one in found)


def search(words: str, *, tag: str = TAG, token: str | None = None, limit: int = 50) -> list[Listed]:
    """Models on the Hub by words of their name, of our own tag unless another is asked for."""
    with explained("The Hub was not searched"):
        found = list(api(token).list_models(search=words or None, filter=tag or None, limit=limit))
    return [
        Listed(one.id, bool(one.private), tuple(one.tags or ()), str(one.last_modified) if one.last_modified else None)
        for one in found
    ]
