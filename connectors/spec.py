"""Specification of a connector: everything that the program knows of one vendor's trackers.

The program asks a specification, never a kind. ``connectors/registry.py`` finds specifications by entry points of the
group ``increment_sync.connectors``. A specification is cheap to import: ``open`` imports the vendor's client.
docs/connectors.md describes how to write one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import KW_ONLY, dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, Literal

from connectors.http.rate_limiter import RateLimiter, WriteLimits
from connectors.model import Category
from connectors.ports import Cache, IssueReader, IssueWriter

if TYPE_CHECKING:  # both import much, and a specification only names them
    from connectors.http.retry import RetryPolicy, Wait
    from connectors.http.usage import RequestStats

SPEC_VERSION: Final = 1
"""Version of this interface. A connector made for another one is refused."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Address:
    """Server of a tracker, as far as settings and environment name it."""

    url: str = ""
    """Empty: the connector's default."""
    from_host: bool = False
    """True if the part ``host`` named it, and no URL did."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CredentialPart:
    """One value that a tracker needs to let us in, or its server: its ``url``, or else its ``host``."""

    name: str
    """Also the end of its own variable: ``token`` for INCREMENT_SYNC_<TRACKER>_TOKEN."""
    customary: tuple[str, ...] = ()
    """Variables that people use already; read for the tracker that is named like the connector."""
    customary_at: Callable[[Address], tuple[str, ...]] | None = None
    """Returns the customary variables for a server, where they depend on it."""
    is_secret: bool = True
    check: Callable[[str], str | None] = lambda _: None
    """Returns what is wrong with a value, without the value if it is a secret; None if nothing is."""

    def customary_names(self, address: Address) -> tuple[str, ...]:
        """Return the customary variables for a server; the first that is set is used."""
        return self.customary_at(address) if self.customary_at else self.customary


@dataclass(frozen=True, kw_only=True, slots=True)
class CredentialSpec:
    """Credentials of all kinds of a connector."""

    parts: tuple[CredentialPart, ...] = ()
    sufficient: Mapping[str, tuple[tuple[str, ...], ...]] = field(default_factory=dict)
    """Kind -> combinations of parts that suffice, the customary one first. A kind without an entry needs none."""
    alternative: str = ""
    """Words for another way that is too long for the list of variables: ``a GitHub App``."""
    url_of_host: Callable[[str], str] = str
    """Returns the URL for the part ``host``. Raises ValueError that says how to write a host."""


@dataclass(frozen=True, kw_only=True, slots=True)
class KeySpec:
    """Keys of issues and the addresses that people copy from the browser."""

    pattern: re.Pattern[str]
    """Matches a whole key in its normal form."""
    example: str
    """Two examples may be shown together, so that it shows what is particular: ``DS-100``, ``owner/repo#12``."""
    normalize: Callable[[str], str] = str.strip
    """Returns the normal form of a key that a person typed."""
    container: Callable[[str], str]
    """Returns the container (project, repository) of a key."""
    find_in_url: Callable[[str], str | None] = lambda _: None
    """Returns the key that an address of this vendor's pages names; None for any other address."""
    web_host: Callable[[str], str] = lambda host: host
    """Returns the host of the pages for the host in the settings' URL (an API may have another one)."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong with a value that a person wrote: one sentence that says what to write instead."""

    sentence: str
    is_warning: bool = False
    """True if the value may work nevertheless."""


@dataclass(frozen=True, slots=True)
class Option:
    """One key of an entry of ``sources`` (``project``, ``jql``), or of a tracker in the settings (``cloud_id``)."""

    name: str
    description: str
    _: KW_ONLY
    example: str | None = None
    type: Literal["text", "boolean"] = "text"
    """For a source, a text narrows what is read of a container, and a boolean adds to it."""
    default: str | None = None
    normalize: Callable[[str], str] = str.strip
    """Returns the one spelling of texts that mean the same."""
    check: Callable[[str], Iterable[Finding]] = lambda _: ()
    """Yields what is wrong with a text."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SourceSpec:
    """What a team writes to name a part of the tracker."""

    options: tuple[Option, ...]
    """The first names the container and is required; the others follow in the order of ``Source.name``."""
    noun: str
    """What a container is called: ``project``, ``repository``."""
    shape: str
    """The shortest source, as people write it: ``{project: KEY}``."""

    @property
    def container(self) -> Option:
        """Option that names the container."""
        return self.options[0]


@dataclass(frozen=True, kw_only=True, slots=True)
class Markup:
    """How a status comment is written. Pairs are the text before and after."""

    escape: Callable[..., str]
    """Takes a text and a maximum length; returns one line that shows it without any effect."""
    bold: str
    bullet: str
    code: tuple[str, str]
    table_header: Callable[[Iterable[str]], list[str]]
    """Returns the lines of a table's header; its cells are escaped."""
    footer: tuple[str, str] = ("", "")
    max_length: int
    """Characters of a status comment, with room for markers and text of people."""
    marks_in_text: bool
    """True if hidden markers in the text enclose our block; False if a comment carries our marker beside it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Traits:
    """How the trackers of a connector behave. The defaults are the careful ones: nothing optional is there."""

    labels_case_exact: bool = True
    """True if ``Model`` and ``model`` are two labels."""
    label_objects: bool = False
    """True if labels exist beside issues, with a color, and can be renamed or deleted as a whole in a container."""
    edits_may_send_mail: bool = True
    """True if edits of labels and comments may notify people; ``IssueReader.edits_send_mail`` tells where."""
    labels_in_one_write: bool = False
    """True if additions and removals of an issue go out in one request."""
    whole_containers_share_requests: bool = False
    """True if sources without a narrowing option are best passed to one ``IssueReader.pull``."""
    statuses: Mapping[Category, str] = field(
        default_factory=lambda: {"todo": "todo", "doing": "doing", "done": "done"}
    )
    """Customary status of each category, for cases of ``mappings test`` that name none."""
    fixed_statuses: frozenset[str] = frozenset()
    """All statuses, if every issue of such a tracker has one of the same few; empty if statuses are free names."""


@dataclass(frozen=True, kw_only=True, slots=True)
class OpenArguments:
    """Everything that ``ConnectorSpec.open`` gets."""

    tracker: str
    """Name in the settings."""
    kind: str
    url: str | None
    """From the settings, else from the environment, else the default; None only if none is needed."""
    options: Mapping[str, Any]
    """Settings of the tracker that only this connector has (``ConnectorSpec.settings``), with defaults, by name."""
    credentials: Mapping[str, str]
    """Part -> value, for the parts that have one, secrets included. Never log them."""
    cache: Cache
    policy: RetryPolicy
    overlap: timedelta
    """Maximum delay until a change appears in what the tracker lists."""
    rate_limiter: RateLimiter | None
    now: Callable[[], datetime]
    sleep: Callable[[float], None]
    on_wait: Callable[[Wait], None]
    on_smaller_page: Callable[[str, str], None]
    """Called with the tracker and a sentence when a client reduces its page size."""
    adapter: Any = None
    """Replaces the network in simulations (``requests.adapters.BaseAdapter``)."""
    request_stats: RequestStats
    page_size: int | None = None
    """Rows per page; None: the default of the connector."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ConnectorSpec:
    """One vendor's trackers, as the program sees them."""

    version: int
    """``SPEC_VERSION`` at the time of writing."""
    name: str
    """Name of the entry point, and customary name of a tracker: ``jira``."""
    title: str
    """As people write it: ``Jira``."""
    kinds: Mapping[str, str]
    """Kind in the settings -> title: ``{"jira-cloud": "Jira Cloud"}``. A kind is the name, or the name, a hyphen and
    a variant."""
    default_url: str | None = None
    """URL without one in settings and environment; None if one must be named."""
    needs_url: bool = True
    open: Callable[[OpenArguments], tuple[IssueReader, IssueWriter]]
    """Builds the clients and sends no request. Raises AuthFailed for credentials that cannot be used."""
    settings: tuple[Option, ...] = ()
    """Keys of a tracker in the settings beyond the common ones."""
    credentials: CredentialSpec = field(default_factory=CredentialSpec)
    keys: KeySpec
    source: SourceSpec
    fields: frozenset[str] = frozenset()
    """Optional keys of rules (``mappings.rules.fields``) that its issues can have."""
    markup: Markup
    traits: Traits = field(default_factory=Traits)
    write_limits: WriteLimits = field(default_factory=WriteLimits)
    """Published limits for writes."""
    unusable: str = ""
    """Why the connector cannot be used; only in the stand-in that the registry makes for it."""
