"""Control-plane changes to tags and to what there is: renaming, dropping, creating."""

from __future__ import annotations

from collections.abc import Sequence

from qsync_pipeline.sandbox.qualytics.assets import asset_name, find, kind_of, unit_id
from qsync_pipeline.sandbox.qualytics.model import Container, Datastore, Field
from qsync_pipeline.sandbox.qualytics.store import Store, live_containers
from qsync_pipeline.sandbox.qualytics.words import Action, Words, parents_of


class EstateChanges:
    """Each method judges a change and returns what would carry it out."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def tag(self, words: Words) -> Action:
        """Put ``tag`` on the ``asset`` as a person would; a missing definition becomes a global tag.

        What was a copy becomes the asset's own; what is its own already stays.
        """
        words.only("asset", "tag")
        asset, name = words.asset(), words.text("tag")

        def act() -> Sequence[str]:
            tags = self._store.tags
            tag = tags.by_name.get(name) or tags.define(name, maker="person")
            tags.assign(asset, tag)
            return [unit_id(asset), f"tag:{tag.id}"]

        return act

    def untag(self, words: Words) -> Action:
        """Take ``tag`` off the ``asset``, be it a copy or not."""
        words.only("asset", "tag")
        asset, name = words.asset(), words.text("tag")
        tag = self._store.tags.by_name.get(name)
        if tag is None or tag not in (asset.tags or {}):
            there = ", ".join(repr(item.name) for item in asset.tags or ()) or "none"
            raise words.wrong("tag", f"{name!r} is not on {words.text('asset')!r}; its tags: {there}")

        def act() -> Sequence[str]:
            self._store.tags.remove(asset, tag)
            return [unit_id(asset), f"tag:{tag.id}"]

        return act

    def create_tag(self, words: Words) -> Action:
        """A global tag of this ``name``, with ``color``, ``description`` and ``category`` if given."""
        words.only("name", "color", "description", "category")
        name, color = words.text("name"), words.optional_text("color")
        description, category = words.optional_text("description"), words.optional_text("category")
        if name in self._store.tags.by_name:
            raise words.wrong("name", f"there is a tag {name!r} already")

        def act() -> Sequence[str]:
            tag = self._store.tags.define(
                name, maker="person", color=color, description=description, category=category
            )
            return [f"tag:{tag.id}"]

        return act

    def delete_tag(self, words: Words) -> Action:
        """The global tag of this ``name`` goes, and with it every use."""
        words.only("name")
        name = words.text("name")
        tag = self._store.tags.by_name.get(name)
        if tag is None or tag.type == "external":
            known = sorted(one.name for one in self._store.tags.by_name.values() if one.type != "external")
            raise words.wrong("name", f"{name!r} is no global tag; there are {', '.join(known) or 'none'}")

        def act() -> Sequence[str]:
            self._store.tags.delete(tag)
            return [f"tag:{tag.id}"]

        return act

    def rename(self, words: Words) -> Action:
        """The ``asset``'s own name becomes ``to``: the last part only.

        Of a datastore, ``what`` says which name: its ``name`` (default), ``schema`` or ``database``.
        """
        words.only("asset", "to", "what")
        asset, new = words.asset(), words.text("to")
        what = words.choice("what", ("name", "schema", "database")) if words.has("what") else "name"
        if not isinstance(asset, Datastore):
            siblings = asset.container.fields if isinstance(asset, Field) else asset.datastore.containers
            if what != "name":
                raise words.wrong(
                    "what", f"only datastores have a {what}; {words.text('asset')!r} is not one"
                )
            if any(item.name == new for item in siblings.values()):
                raise words.wrong("to", f"there is a {kind_of(asset)} {new!r} beside it already")
        elif what == "name" and any(item.name == new for item in self._store.datastores.values()):
            raise words.wrong("to", f"there is a datastore {new!r} already")

        def act() -> Sequence[str]:
            setattr(asset, what, new)
            self._store.touch_item(asset)
            return [unit_id(asset)]

        return act

    def drop(self, words: Words) -> Action:
        """The ``asset`` goes, with all that is below it.

        ``how``: ``delete`` (default) for good; ``archive`` leaves a table with ``deleted_at``, and
        ``missing`` a column with that status, as a sync does (qualytics-api.md §2.2, §2.3).
        """
        words.only("asset", "how")
        asset = words.asset()
        allowed = {Datastore: ("delete",), Container: ("delete", "archive"), Field: ("delete", "missing")}
        how = words.choice("how", allowed[type(asset)]) if words.has("how") else "delete"

        def act() -> Sequence[str]:
            if isinstance(asset, Datastore):
                self._store.remove_datastore(asset)
            elif how == "archive" and isinstance(asset, Container):
                asset.deleted_at = self._store.now()
            elif how == "missing" and isinstance(asset, Field):
                asset.status = "missing"
            elif isinstance(asset, Container):
                self._store.remove_container(asset)
            else:
                self._store.remove_field(asset)
            self._store.touch(None)
            return [unit_id(asset)]

        return act

    def create(self, words: Words) -> Action:
        """A table or column of the name ``asset``, below a known datastore or table.

        Where both would fit, a known table wins (a column is made); ``level`` says otherwise. A new table has
        no profile, scan, score or check; ``columns`` are the names of its columns, ``view: true`` makes a
        view.
        """
        words.only("asset", "level", "columns", "view")
        name = words.text("asset")
        if find(self._store, name):
            raise words.wrong("asset", f"there is {name!r} already")
        level = words.choice("level", ("table", "column")) if words.has("level") else None
        parents = [
            (parent, rest)
            for parent, rest in parents_of(self._store, name)
            if level is None or isinstance(parent, Container if level == "column" else Datastore)
        ]
        if level is None and any(isinstance(parent, Container) for parent, _ in parents):
            parents = [pair for pair in parents if isinstance(pair[0], Container)]
        if not parents:
            known = ", ".join(asset_name(item) for item in list(self._store.datastores.values())[:5])
            raise words.wrong(
                "asset", f"{name!r} begins with no known datastore or table; datastores: {known}, ..."
            )
        if len(parents) > 1:
            ids = ", ".join(unit_id(parent) for parent, _ in parents)
            raise words.wrong("asset", f"{name!r} could be made below several objects: {ids}")
        columns = words.get("columns") or []
        if not isinstance(columns, list) or not all(isinstance(item, str) and item for item in columns):
            raise words.wrong("columns", f"{columns!r} is not a list of names")
        parent, rest = parents[0]
        view = words.flag("view", False)
        if isinstance(parent, Container) and (columns or view):
            raise words.wrong("asset", f"{name!r} would be a column, which has neither columns nor view")

        def act() -> Sequence[str]:
            if isinstance(parent, Container):
                return [unit_id(self._add_column(parent, rest))]
            table = self._add_table(parent, rest, view)
            return [unit_id(table), *(unit_id(self._add_column(table, item)) for item in columns)]

        return act

    def _add_table(self, datastore: Datastore, name: str, view: bool) -> Container:
        template = next(live_containers(datastore), None)
        kind = "file" if template is not None and template.container_type == "file" else "table"
        container = Container(
            id=self._store.ids.take("container"),
            tags=None,
            name=name,
            datastore=datastore,
            container_type=kind,
            table_type=None if kind == "file" else "view" if view else "table",
            created=self._store.now(),
        )
        self._store.add_container(container)
        return container

    def _add_column(self, container: Container, name: str) -> Field:
        column = Field(
            id=self._store.ids.take("field"),
            tags=None,
            name=name,
            container=container,
            type="String",
            native_type="VARCHAR",
            scores=None,
        )
        self._store.add_field(column)
        return column
