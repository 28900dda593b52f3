"""Create the first schema."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def _words(name: str, *, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.Text(), nullable=nullable)


def _time(name: str, *, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _number(name: str, *, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.Integer(), nullable=nullable)


def _ref() -> list[sa.Column[Any]]:
    return [_words("tracker"), _words("issue_id"), _words("key")]


def _table(name: str, columns: list[sa.Column[Any]], key: list[str], *more: sa.Constraint) -> None:
    op.create_table(name, *columns, sa.PrimaryKeyConstraint(*key, name=f"pk_{name}"), *more)


def _index(table: str, *columns: str) -> None:
    op.create_index(f"ix_{table}_{'_'.join(columns)}", table, list(columns))


def upgrade() -> None:
    _runs()
    _trackers()
    _pushed()
    _journal()
    _figures()


def downgrade() -> None:
    raise NotImplementedError("A store is not taken back to an older schema; put a backup in its place.")


def _runs() -> None:
    _table("store_facts", [_words("name"), _time("at")], ["name"])
    _table(
        "leases",
        [_words("name"), _words("run_id"), _words("holder"), _time("since"), _time("expires")],
        ["name"],
    )
    _table(
        "runs",
        [
            _words("id"),
            _words("command"),
            _words("options"),
            _time("started"),
            _time("finished", nullable=True),
            _words("outcome", nullable=True),
            _number("exit_code", nullable=True),
            _words("summary"),
        ],
        ["id"],
    )
    _index("runs", "started")
    _table(
        "cache",
        [_words("tracker"), _words("key"), _words("value"), _time("expires")],
        ["tracker", "key"],
    )


def _trackers() -> None:
    _sources()
    _issues()


def _sources() -> None:
    _table(
        "sources",
        [
            _words("name"),
            _words("tracker"),
            _words("definition_hash"),
            _time("watermark", nullable=True),
            _time("since", nullable=True),
            _words("etag", nullable=True),
            _time("last_whole", nullable=True),
            _time("last_census", nullable=True),
            _number("held"),
            _time("failing_since", nullable=True),
            _words("error", nullable=True),
        ],
        ["name"],
    )


def _issues() -> None:
    _table(
        "issues",
        [
            _words("tracker"),
            _words("id"),
            _words("key"),
            _words("container"),
            _words("status"),
            _words("category", nullable=True),
            _time("updated"),
            _words("payload"),
            _time("first_seen"),
            _words("first_labels"),
            _time("vanished", nullable=True),
            _number("reopened"),
        ],
        ["tracker", "id"],
    )
    _index("issues", "tracker", "key")
    _table(
        "memberships",
        [_words("source"), _words("tracker"), _words("issue_id")],
        ["source", "tracker", "issue_id"],
    )
    _index("memberships", "tracker", "issue_id")
    _table(
        "issue_events",
        [
            _number("id"),
            *_ref(),
            _time("at"),
            _words("kind"),
            _words("before", nullable=True),
            _words("after", nullable=True),
        ],
        ["id"],
    )
    _index("issue_events", "tracker", "issue_id")


def _pushed() -> None:
    _table(
        "pushed_labels",
        [*_ref(), _words("label"), _words("run_id"), _time("at")],
        ["tracker", "issue_id", "label"],
    )
    _table(
        "pushed_comments",
        [
            _words("subject"),
            *_ref(),
            _words("comment_id"),
            _words("body"),
            _words("full_hash"),
            _words("urgent_hash"),
            _time("edited_at"),
            _words("state"),
            _words("run_id"),
        ],
        ["subject"],
    )
    _table(
        "overrides",
        [*_ref(), _words("kind"), _words("label"), _time("since"), _words("run_id"), _words("note")],
        ["tracker", "issue_id", "kind", "label"],
    )


def _journal() -> None:
    _table(
        "journal_entries",
        [
            _number("id"),
            _words("run_id"),
            _time("at"),
            *_ref(),
            _words("op"),
            _words("payload"),
            _words("before"),
            _words("rule", nullable=True),
            _words("why"),
        ],
        ["id"],
    )
    _index("journal_entries", "run_id")
    _index("journal_entries", "tracker", "issue_id")
    _table(
        "journal_results",
        [
            _number("id"),
            _number("entry_id"),
            _words("outcome"),
            _time("at"),
            _words("detail"),
            _words("after", nullable=True),
        ],
        ["id"],
        sa.ForeignKeyConstraint(["entry_id"], ["journal_entries.id"], name="fk_journal_results_entry_id"),
    )
    _index("journal_results", "entry_id")


def _figures() -> None:
    _table("assignments", _assigned(), ["tracker", "issue_id"])
    _table("assignment_history", [_number("id"), *_assigned()], ["id"])
    _index("assignment_history", "tracker", "issue_id")
    _table("baselines", [_words("capability"), _time("at"), _words("refs")], ["capability"])
    _table(
        "rollups",
        [_number("id"), _words("run_id"), _time("at"), _words("subject"), _words("body")],
        ["id"],
        sa.UniqueConstraint("run_id", "subject", name="uq_rollups_run_id_subject"),
    )
    _index("rollups", "subject", "at")


def _assigned() -> list[sa.Column[Any]]:
    return [
        *_ref(),
        _words("capability", nullable=True),
        _words("rule", nullable=True),
        _words("team"),
        _words("iteration", nullable=True),
        _time("since"),
        _words("run_id"),
    ]
