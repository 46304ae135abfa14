"""The protocol: what is asked, who asks, and what is answered."""

import base64
import json
import time
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, unquote, urlsplit

import yaml

from gan_core.cards.front_matter import LICENSES
from tests.hub_server.failures import ANSWERS
from tests.hub_server.sending import Refused, Sending
from tests.hub_server.spaces import space
from tests.hub_server.store import Account, Blob, Commit, Conflict, Repository, is_lfs

if TYPE_CHECKING:
    from tests.hub_server import HubServer

KINDS = {"models": "model", "datasets": "dataset", "spaces": "space"}
PAGE = 50
"""Files in one page of a tree: small, so that a test needs few to see two."""


def handler(hub: "HubServer") -> type[BaseHTTPRequestHandler]:
    class Handler(Answers):
        pass

    Handler.hub = hub
    return Handler


class Answers(Sending):
    hub: "HubServer"

    # One request.

    def do_GET(self) -> None:  # noqa: N802 - the base class asks for this name
        self._respond()

    do_HEAD = do_POST = do_PUT = do_DELETE = do_GET  # noqa: N815 - and for these

    def _respond(self) -> None:
        split = urlsplit(self.path)
        self.query = {name: values[0] for name, values in parse_qs(split.query).items()}
        path = unquote(split.path)
        self.hub.requests.append(f"{self.command} {path}")
        self.body, self.unread = b"", int(self.headers.get("Content-Length") or 0)
        self.word = self.hub.failures.of(f"{self.command} {path}")
        try:
            if self.word in ANSWERS:
                raise Refused(ANSWERS[self.word][0], ANSWERS[self.word][2], ANSWERS[self.word][1])
            if self.word == "page":
                return self.send(200, b"<html>Log in to the hotel's network</html>", "text/html")
            if self.word == "drop":
                raise ConnectionError
            if self.word == "slow":
                time.sleep(5)
            if self.word == "held":
                self.hub.failures.hold()
            if self.command == "PUT":
                return self.take(path)
            self.body, self.unread = self.rfile.read(self.unread), 0
            if self.body:
                self.hub.bodies.append(self.body)
            self.route([part for part in path.split("/") if part])
        except Refused as refused:
            content = json.dumps({"error": refused.text, **refused.body}).encode()
            self.close_connection = bool(self.unread)
            told = {} if "\n" in refused.text else {"X_Error_Message": refused.text}  # A header is one line.
            self.send(refused.status, content, X_Error_Code=refused.code, **told)
        except (ConnectionError, BrokenPipeError):
            self.close_connection = True
        return None

    def route(self, parts: list[str]) -> None:
        if parts[0] != "api":
            kind = KINDS.get(parts[0])
            return self.files(kind or "model", parts[1:] if kind else parts)
        match parts[1:]:
            case ["whoami-v2"]:
                return self.who()
            case ["repos", "create"]:
                return self.create()
            case ["validate-yaml"]:
                return self.validate()
            case ["spaces", "hardware"] | ["models"] | ["datasets"] as asked:
                return self.json([] if asked[0] == "spaces" else self.search(KINDS[asked[0]]))
            case [plural, user, name, *rest] if plural in KINDS:
                return self.api(KINDS[plural], f"{user}/{name}", rest)
        raise Refused(404, f"no such route: {'/'.join(parts)}")

    # Who asks, and what they may.

    def account(self) -> Account | None:
        scheme, _, token = (self.headers.get("Authorization") or "").partition(" ")
        if scheme.lower() != "bearer":
            return None
        if token not in self.hub.store.accounts:
            raise Refused(401, "Invalid credentials in Authorization header")
        return self.hub.store.accounts[token]

    def find(self, kind: str, name: str, *, write: bool = False) -> Repository:
        account, repository = self.account(), self.hub.store.find(kind, name)
        hidden = repository is not None and repository.private
        if repository is None or (hidden and not (account and account.may_read(repository.namespace))):
            raise Refused(404 if account else 401, "Repository not found", "RepoNotFound")
        if repository.gated and not (account and account.may_read(repository.namespace)):
            raise Refused(403, "Access to this repository is restricted", "GatedRepo")
        if write and not (account and account.may_write(repository.namespace)):
            raise Refused(403 if account else 401, "Forbidden: you must have write access to this repository")
        return repository

    def revision(self, repository: Repository, name: str) -> Commit:
        commit = repository.resolve(name)
        if commit is None:
            raise Refused(404, f"Invalid rev id: {name}", "RevisionNotFound")
        return commit

    def who(self) -> None:
        account = self.account()
        if account is None:
            raise Refused(401, "Invalid username or password.")
        organisations = [
            {"type": "org", "name": name, "fullname": name, "roleInOrg": role}
            for name, role in account.organisations.items()
        ]
        token = {"type": "access_token", "accessToken": {"displayName": "test", "role": account.role}}
        self.json({"type": "user", "name": account.name, "isPro": account.pro, "orgs": organisations, "auth": token})

    def validate(self) -> None:
        """The head of a card, as the Hub checks it before a commit."""
        _, _, rest = json.loads(self.body)["content"].partition("---\n")
        told = yaml.safe_load(rest.partition("\n---\n")[0]) if rest else {}
        wrong = [] if isinstance(told, dict) else ["it is no mapping"]
        head = told if isinstance(told, dict) else {}
        if head.get("license", "mit") not in (*LICENSES, "other"):
            wrong.append(f'"license" must be one of {sorted(LICENSES)[:3]}, ...')
        for index in head.get("model-index", []):
            for result in index.get("results", []):
                if not result.get("task", {}).get("type") or not result.get("dataset", {}).get("type"):
                    wrong.append('"model-index" needs a task and a data set')
        if wrong:
            raise Refused(400, "Invalid metadata", body={"errors": [{"message": one} for one in wrong], "warnings": []})
        self.json({"errors": [], "warnings": []})

    def create(self) -> None:
        wanted = json.loads(self.body)
        account = self.account()
        if account is None:
            raise Refused(401, "Invalid username or password.")
        kind, namespace = wanted.get("type") or "model", wanted.get("organization") or account.name
        name = f"{namespace}/{wanted['name']}"
        if not account.may_write(namespace):
            raise Refused(403, f"You don't have the rights to create a {kind} under the namespace {namespace!r}")
        prefix = "" if kind == "model" else f"{kind}s/"
        url = f"{self.hub.endpoint}/{prefix}{name}"
        if self.hub.store.find(kind, name):
            raise Refused(409, f"You already created this {kind} repo: {name}", body={"url": url})
        hardware = wanted.get("hardware") or "cpu-basic"
        if kind == "space" and wanted["sdk"] != "static" and not account.pro and hardware != "zero-a10g":
            raise Refused(402, "Payment required: Gradio Spaces on CPU need a PRO plan")
        space_facts = {key: wanted.get(key) for key in ("sdk", "hardware", "variables", "secrets")}
        more = space_facts if kind == "space" else {}
        private = wanted.get("visibility") == "private" or bool(wanted.get("private"))
        self.hub.store.create(kind, name, private=private, **more)
        self.json({"url": url, "name": name, "id": name})

    def search(self, kind: str) -> list[dict[str, Any]]:
        account, wanted = self.account(), self.query.get("search", "").lower()
        tags = parse_qs(urlsplit(self.path).query).get("filter", [])
        found = []
        for (its_kind, name), repository in self.hub.store.repositories.items():
            seen = not repository.private or (account and account.may_read(repository.namespace))
            its_tags = card_tags(repository)
            author = self.query.get("author", repository.namespace)
            fits = wanted in name.lower() and set(tags) <= set(its_tags) and author == repository.namespace
            if its_kind == kind and seen and fits:
                found.append(self.info(repository, repository.commits[repository.head]))
        return found

    # One repository.

    def api(self, kind: str, name: str, rest: list[str]) -> None:
        writes = rest[:1] and rest[0] in ("preupload", "commit", "tag", "branch", "settings")
        repository = self.find(kind, name, write=bool(writes))
        match rest:
            case []:
                self.json(self.info(repository, self.revision(repository, "main")))
            case ["revision", revision]:
                self.json(self.info(repository, self.revision(repository, revision)))
            case ["tree", revision, *folder]:
                self.tree(self.revision(repository, revision), "/".join(folder))
            case ["paths-info", revision]:
                wanted = parse_qs(self.body.decode()).get("paths", [])
                files = self.revision(repository, revision).files
                self.json([entry(path, files[path]) for path in wanted if path in files])
            case ["refs"]:
                self.refs(repository)
            case ["commits", revision]:
                self.history(repository, self.revision(repository, revision))
            case ["preupload", revision]:
                self.preupload(self.revision(repository, revision))
            case ["commit", branch]:
                self.commit(repository, branch)
            case ["tag", revision] if self.command == "DELETE":
                repository.tags.pop(revision, None)
                self.json({})
            case ["tag", revision]:
                tag = json.loads(self.body)["tag"]
                if tag in repository.tags:
                    raise Refused(409, f"Tag {tag} already exists")
                repository.tags[tag] = self.revision(repository, revision).sha
                self.json({})
            case _ if kind == "space" and space(self, repository, rest):
                pass
            case _:
                raise Refused(404, f"no such route: {'/'.join(rest)}")

    def info(self, repository: Repository, commit: Commit) -> dict[str, Any]:
        siblings = [{"rfilename": path} for path in commit.files]
        return {
            "id": repository.name,
            "modelId": repository.name,
            "author": repository.namespace,
            "sha": commit.sha,
            "private": repository.private,
            "gated": repository.gated,
            "siblings": siblings,
            "tags": card_tags(repository),
            "downloads": 0,
            "likes": 0,
            "lastModified": time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(commit.at)),
        }

    def tree(self, commit: Commit, folder: str) -> None:
        inside = f"{folder}/" if folder else ""
        deep = self.query.get("recursive", "").lower() in ("true", "1")
        paths = [path for path in sorted(commit.files) if path.startswith(inside)]
        if not deep:
            paths = [path for path in paths if "/" not in path.removeprefix(inside)]
        start = int(self.query.get("cursor", "0"))
        more = {}
        if start + PAGE < len(paths):
            split = urlsplit(self.path)
            more["Link"] = f'<{self.hub.endpoint}{split.path}?recursive={deep}&cursor={start + PAGE}>; rel="next"'
        self.json([entry(path, commit.files[path]) for path in paths[start : start + PAGE]], **more)

    def refs(self, repository: Repository) -> None:
        def listed(names: dict[str, str], prefix: str) -> list[dict[str, str]]:
            return [{"name": name, "ref": f"{prefix}{name}", "targetCommit": sha} for name, sha in names.items()]

        branches, tags = listed(repository.branches, "refs/heads/"), listed(repository.tags, "refs/tags/")
        self.json({"branches": branches, "tags": tags, "converts": []})

    def history(self, repository: Repository, commit: Commit | None) -> None:
        found = []
        while commit is not None:
            date = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(commit.at))
            found.append({"id": commit.sha, "title": commit.title, "message": "", "date": date, "authors": []})
            commit = repository.commits.get(commit.parent or "")
        self.json(found)

    # Writing.

    def preupload(self, commit: Commit) -> None:
        answers = []
        for file in json.loads(self.body)["files"]:
            mode = "lfs" if is_lfs(file["path"], file["size"]) else "regular"
            known = commit.files.get(file["path"])
            oid = (known.sha256 if known.lfs else known.oid) if known else None
            answers.append({"path": file["path"], "uploadMode": mode, "shouldIgnore": False, "oid": oid})
        self.json({"files": answers})

    def lfs_batch(self, repository: Repository) -> None:
        objects = []
        for wanted in json.loads(self.body)["objects"]:
            answer: dict[str, Any] = {"oid": wanted["oid"], "size": wanted["size"]}
            if not self.hub.store.has(wanted["oid"]):
                upload = {"href": f"{self.hub.cdn}/lfs/{wanted['oid']}", "header": {}}
                verify = {"href": f"{self.hub.endpoint}/{repository.name}.git/info/lfs/verify"}
                answer["actions"] = {"upload": upload, "verify": verify}
            objects.append(answer)
        self.json({"transfer": "basic", "objects": objects})

    def take(self, path: str) -> None:
        """An upload to the other origin, under an address that was given out."""
        length, self.unread = self.unread, 0
        wanted = path.rpartition("/")[2]
        if self.hub.store.take(self.rfile, length) != wanted:
            raise Refused(400, "The content does not have the SHA-256 that was announced")
        self.send(200, b"")

    def commit(self, repository: Repository, branch: str) -> None:
        lines = [json.loads(line) for line in self.body.splitlines() if line]
        header = next(line["value"] for line in lines if line["key"] == "header")
        if branch not in repository.branches:
            raise Refused(404, f"Invalid rev id: {branch}", "RevisionNotFound")

        def edit(files: dict[str, Blob]) -> None:
            for line in lines:
                value = line["value"]
                match line["key"]:
                    case "file":
                        files[value["path"]] = self.hub.store.keep(base64.b64decode(value["content"]), value["path"])
                    case "lfsFile":
                        if not self.hub.store.has(value["oid"]):
                            raise Refused(400, f"LFS object {value['oid']} was not uploaded")
                        files[value["path"]] = self.hub.store.blob(value["oid"], value["path"])
                    case "deletedFile":
                        files.pop(value["path"], None)
                    case "deletedFolder":
                        folder = value["path"].rstrip("/") + "/"
                        for path in [path for path in files if path.startswith(folder)]:
                            del files[path]

        try:
            sha = repository.commit(edit, header.get("parentCommit"), header["summary"], branch)
        except Conflict:
            raise Refused(412, "A commit has happened since. Please refresh and try again.") from None
        if self.word == "lost":
            raise ConnectionError
        self.json(
            {"success": True, "commitOid": sha, "commitUrl": f"{self.hub.endpoint}/{repository.name}/commit/{sha}"}
        )

    # Reading files.

    def files(self, kind: str, parts: list[str]) -> None:
        if parts[0] == "lfs":
            return self.stream(self.hub.store.path(parts[1]), "lfs")
        name, rest = "/".join(parts[:2]), parts[2:]
        if rest[:3] == ["info", "lfs", "objects"]:
            return self.lfs_batch(self.find(kind, name.removesuffix(".git"), write=True))
        if rest == ["info", "lfs", "verify"]:
            asked = json.loads(self.body)
            if not self.hub.store.has(asked["oid"]):
                raise Refused(404, "Object not found")
            return self.json({})
        if len(rest) < 3 or rest[0] != "resolve":
            raise Refused(404, f"no such route: {'/'.join(parts)}")
        repository = self.find(kind, name)
        commit = self.revision(repository, rest[1])
        blob = commit.files.get("/".join(rest[2:]))
        if blob is None:
            raise Refused(404, "Entry not found", "EntryNotFound")
        facts = {"X_Repo_Commit": commit.sha, "ETag": f'"{blob.sha256 if blob.lfs else blob.oid}"'}
        if not blob.lfs:
            return self.stream(self.hub.store.path(blob.sha256), "regular", **facts)
        linked = {"X_Linked_Etag": facts["ETag"], "X_Linked_Size": str(blob.size)}
        return self.send(302, b"", Location=f"{self.hub.cdn}/lfs/{blob.sha256}", **facts, **linked)


def entry(path: str, blob: Blob) -> dict[str, Any]:
    """A file as trees tell it."""
    told: dict[str, Any] = {"type": "file", "path": path, "size": blob.size, "oid": blob.oid}
    if blob.lfs:
        told["lfs"] = {"oid": blob.sha256, "size": blob.size, "pointerSize": 130}
    return told


def card_tags(repository: Repository) -> list[str]:
    """The tags in the front matter of the card, and its library."""
    if "README.md" not in repository.files:
        return []
    tags, inside = [], False
    for line in repository.content("README.md").decode(errors="replace").splitlines()[1:]:
        if line == "---":
            break
        key, _, value = line.partition(":")
        if key == "library_name":
            tags.append(value.strip())
        inside = (inside and line.startswith("- ")) or key == "tags"
        if inside and line.startswith("- "):
            tags.append(line[2:].strip())
    return tags
