"""What a tracker needs to let us in: parts, the variables that people use for them, and combinations that suffice."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True, slots=True)
class Address:
    """Server of a tracker, as far as settings and environment name it."""

    url: str = ""
    """Empty: the connector's default."""
    from_host: bool = False
    """True if the part ``host`` named it, and no URL did."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CredentialPart:
    """One value that a tracker needs to let us in."""

    name: str
    """Also the end of its own variable: ``token`` for INCREMENT_SYNC_<TRACKER>_TOKEN."""
    customary: tuple[str, ...] = ()
    """Variables that people use already; read for the tracker that is named like the connector."""
    customary_at: Callable[[Address], tuple[str, ...]] | None = None
    """Returns the customary variables for a server, where they depend on it."""
    is_secret: bool = True

    def customary_names(self, address: Address) -> tuple[str, ...]:
        """Return the customary variables for a server; the first that is set is used."""
        return self.customary_at(address) if self.customary_at else self.customary


@dataclass(frozen=True, kw_only=True, slots=True)
class CredentialSpec:
    """Credentials of all kinds of a connector."""

    name: str
    """Name of the connector: a tracker of this name has the customary variables."""
    parts: tuple[CredentialPart, ...] = ()
    """The part ``url`` names the server if the settings do not, and the part ``host`` if ``url`` is missing, too."""
    sufficient: Mapping[str, tuple[tuple[str, ...], ...]] = field(default_factory=dict)
    """Kind -> combinations of parts that suffice, the customary one first. A kind without an entry needs none."""
    alternative: str = ""
    """Words for another way that is too long for the list of variables: ``a GitHub App``."""
    url_of_host: Callable[[str], str] | None = None
    """Returns the URL for the part ``host``. Raises ValueError that says how to write a host."""
