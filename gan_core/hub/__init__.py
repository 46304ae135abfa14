"""All traffic with the Hugging Face Hub: it moves folders and compares hashes, and does not look inside weights.

- `client`: the Hub's client with time-outs, and its errors in one sentence each;
- `download`: a data set's folder from the cache, for reading;
- `files`, `compare`: what a folder holds here and there, and how the two stand to each other;
- `fetching`: one file, verified by hash;
- `push`, `pull`: one atomic commit; one verified folder; `tree`: a commit of a repository with folders;
- `copies`: models that are used by name, in the client's cache; `showing`: their progress on a terminal.

`huggingface_hub` takes a second to import and is imported inside functions.
"""

from gan_core.hub.download import download

__all__ = ["download"]
