"""Base of all settings that come from named sources, and never from the environment of the process by themselves."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

_SOURCES: ContextVar[tuple[PydanticBaseSettingsSource, ...]] = ContextVar("settings_sources", default=())


class SourcedSettings(BaseSettings):
    """Settings whose sources are those of the block ``reading_from`` around their construction."""

    model_config = SettingsConfigDict(extra="forbid", frozen=True, validate_default=False)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 - the library's signature
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Return the arguments, which win, and the sources of the block."""
        return (init_settings, *_SOURCES.get())


@contextmanager
def reading_from(*sources: PydanticBaseSettingsSource) -> Iterator[None]:
    """Give the settings constructed in this block their sources; the first one that has a value wins."""
    token = _SOURCES.set(sources)
    try:
        yield
    finally:
        _SOURCES.reset(token)
