"""What is to be done for a folder: a comparison of what lies in it with what the index holds, by name and by content."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from models import file_names
from models.datafiles import content_hash
from models.errors import UserError
from models.progress import Progress
from models.search import facts, pictures
from models.search.facts import Facts
from models.search.index import Index
from models.search.index_table import KnownItem, NewItem
from models.search.listed import NOTHING, Texts


@dataclass
class Plan:
    """What is to be done for a folder; names are paths below it.

    new, changed: to be encoded. moved: how many only lie elsewhere now. copies: name → content of files that are encoded
    under another name. gone: ids. recaption, relist: (id, name) of which captions, or only other words, are others.
    unread: (id, name) of which the facts are not known yet. stats: name → size, time of change.
    """

    new: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    moved: int = 0
    copies: dict[str, str] = field(default_factory=dict)
    gone: list[int] = field(default_factory=list)
    recaption: list[tuple[int, str]] = field(default_factory=list)
    relist: list[tuple[int, str]] = field(default_factory=list)
    unread: list[tuple[int, str]] = field(default_factory=list)
    unchanged: int = 0
    stats: dict[str, tuple[int, int]] = field(default_factory=dict)
    texts: dict[str, Texts] = field(default_factory=dict)

    def item(self, name: str, known_facts: Facts = facts.UNKNOWN, problem: str = "") -> NewItem:
        """A file as it enters the index."""
        texts = NOTHING if problem else self.texts.get(name, NOTHING)
        return NewItem(
            name,
            *self.stats[name],
            captions=texts.captions,
            attribution=texts.attribution,
            problem=problem,
            keywords=texts.keywords,
            labels=texts.labels,
            facts=known_facts,
        )


def planned(
    index: Index, root: int, place: Path, texts: dict[str, Texts]
) -> tuple[Plan, list[tuple[str, str]]]:
    """(what is to be done by names and times alone, (path, why) of what cannot be read). Raises UserError for an
    unreadable folder."""
    names, problems = pictures.find(place)
    if problems and not names and Path(problems[0][0]) == place:
        raise UserError(
            "The folder {path} cannot be read.",
            "{reason}.",
            "Check its permissions.",
            path=place,
            reason=problems[0][1],
        )
    known, plan, unseen = index.known(root), Plan(texts=texts), list(problems)
    for path in names:
        name = path.relative_to(place).as_posix()
        reason = pictures.unfit(path)
        if reason:
            problems.append((file_names.shown(path), reason))
            continue
        try:
            status = path.stat()
        except OSError:
            continue  # removed while we looked: it is treated as gone
        plan.stats[name] = (status.st_size, status.st_mtime_ns)
        if name not in known:
            plan.new.append(name)
        elif (known[name].size, known[name].modified_ns) != plan.stats[name]:
            plan.changed.append(name)
        else:
            plan.unchanged += 1
            _compare_texts(plan, name, known[name])
    # What lies below a folder that cannot be read just now is not gone.
    hidden = [Path(where).relative_to(place).as_posix() + "/" for where, _ in unseen if Path(where) != place]
    plan.gone = [
        entry.id
        for name, entry in known.items()
        if name not in plan.stats and not any(name.startswith(folder) for folder in hidden)
    ]
    return plan, problems


def adopt_known(index: Index, root: int, place: Path, plan: Plan, progress: Progress) -> None:
    """Take what is known by its content out of what is to be encoded: files that were moved, renamed, copied, or touched.

    Only files of a size that is known, or comes twice, are read for it.
    """
    known = index.known(root)
    contents = _contents(index, place, plan, progress)
    held = index.of_content(list(set(contents.values())))
    folders = index.roots()
    taken: set[int] = set()
    first: set[str] = set()
    ready: list[tuple[NewItem, int, bool]] = []
    for name, content in contents.items():
        own = known.get(name)
        if own is not None and own.content == content and not own.problem:
            plan.changed.remove(name)
            plan.unchanged += 1
            plan.unread.append((own.id, name))
            _compare_texts(plan, name, own)
        elif content in held:
            source, moved = _source(held[content], name, own, folders, taken)
            taken.add(source)
            plan.moved += moved
            ready.append((plan.item(name), source, moved))
        elif content in first:
            plan.copies[name] = content
        else:
            first.add(content)
    _adopt(index, root, plan, ready)


def adopt_copies(index: Index, root: int, plan: Plan) -> None:
    """Enter what has the content of a picture that is encoded by now; of one that could not be, they are tried like it."""
    held = index.of_content(list(set(plan.copies.values())))
    ready = [(plan.item(name), held[of][0][0], False) for name, of in plan.copies.items() if of in held]
    _adopt(index, root, plan, ready)


def _adopt(index: Index, root: int, plan: Plan, ready: list[tuple[NewItem, int, bool]]) -> None:
    if not ready:
        return
    ids = index.adopt(root, ready)
    moved = {number for number, (_, _, was_moved) in zip(ids, ready, strict=True) if was_moved}
    plan.gone = [number for number in plan.gone if number not in moved]
    done = {item.path for item, _, _ in ready}
    plan.new = [name for name in plan.new if name not in done]
    plan.changed = [name for name in plan.changed if name not in done]
    now = index.known(root)
    for item, _, _ in ready:
        _compare_texts(plan, item.path, now[item.path])


def _contents(index: Index, place: Path, plan: Plan, progress: Progress) -> dict[str, str]:
    """name → content of the files that may be known."""
    names = plan.new + plan.changed
    sizes, counts = index.sizes(), Counter(plan.stats[name][0] for name in names)
    likely = [name for name in names if plan.stats[name][0] in sizes or counts[plan.stats[name][0]] > 1]
    result = {}
    for number, name in enumerate(likely):
        progress.update(number, len(likely), "Looking for pictures that are known")
        try:
            result[name] = content_hash(place / name)
        except UserError:
            continue  # what cannot be read is told when it is to be encoded
    return result


def _source(
    held: list[tuple[int, int, str]],
    name: str,
    own: KnownItem | None,
    folders: dict[int, Path],
    taken: set[int],
) -> tuple[int, bool]:
    """(id of an item of this content, whether it is that very file under a new name): one that is not there any more."""
    alike = sorted(held, key=lambda entry: Path(entry[2]).name != Path(name).name)
    for number, root, path in alike if own is None else ():
        if number not in taken and not (folders[root] / path).exists():
            return number, True
    return held[0][0], False


def _compare_texts(plan: Plan, name: str, held: KnownItem) -> None:
    """Note where captions or other words are not what the index has."""
    texts = plan.texts.get(name, NOTHING)
    if held.problem:
        return
    if not held.content:
        plan.unread.append((held.id, name))
    if held.captions != texts.captions:
        plan.recaption.append((held.id, name))
    elif (held.keywords, held.labels, held.attribution) != (texts.keywords, texts.labels, texts.attribution):
        plan.relist.append((held.id, name))


def unread_items(plan: Plan, place: Path, progress: Progress) -> Iterator[tuple[int, NewItem]]:
    """(id, file with its facts) of what was indexed without them, or was touched since."""
    for number, (item, name) in enumerate(plan.unread):
        progress.update(number, len(plan.unread), "Reading dates and sizes")
        yield item, plan.item(name, facts.of(place / name))
