"""The environment or a file of its own -> the key of the hashes; it is never written or told."""

import os
import stat
from pathlib import Path

from forecast.errors import ConfigError, Fault
from pipelines.config import Config

SHORTEST = 32
"""Letters of a key: a telephone number has few digits, so what hides it must not be guessed."""
LEAST_LETTERS = 8
"""Different letters of a key."""

MAKE = "make one with `openssl rand -hex 32`"


def caller_key(config: Config) -> bytes | None:
    """The key of a config; null where neither the environment nor a file holds one.

    Raises:
        ConfigError: the key is too short or plain; or its file is missing, open to others, or among the data.
    """
    settings = config.settings
    if text := os.environ.get(settings.caller_key_env, "").strip():
        return _fit(text, f"${settings.caller_key_env}")
    if not settings.caller_key_file:
        return None
    path = config.path(settings.caller_key_file)
    where = f"caller_key_file {path}"
    for name, folder in _data(config).items():
        if path.is_relative_to(folder):
            fix = "move it out, so that who gets the data does not get the key"
            raise ConfigError(Fault(f"lies in the folder of {name}", where, fix))
    return _fit(_read(path, where), where)


def _read(path: Path, where: str) -> str:
    try:
        mode = path.stat().st_mode
        if stat.S_IMODE(mode) & 0o077:
            raise ConfigError(
                Fault(f"others may read it (mode {stat.S_IMODE(mode):04o})", where, f"chmod 600 {path}")
            )
        return path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "no text"
        fix = f"{MAKE}, in a file of mode 0600, or leave `caller_key_file` out"
        raise ConfigError(Fault(f"cannot be read ({reason})", where, fix)) from None


def _fit(text: str, where: str) -> bytes:
    if len(text) < SHORTEST or len(set(text)) < LEAST_LETTERS:
        what = f"the key is too short or too plain; it needs {SHORTEST} letters, {LEAST_LETTERS} different ones"
        raise ConfigError(Fault(what, where, MAKE))
    return text.encode()


def _data(config: Config) -> dict[str, Path]:
    """Folders that are copied, shared or handed on."""
    settings = config.settings
    named = {"the store": settings.store, "the runs": settings.runs, "the ledger": settings.ledger}
    inputs = [pattern for source in settings.sources for pattern in source.paths]
    inputs += [source.path for source in settings.estates] + ([settings.areas.path] if settings.areas else [])
    folders = {name: config.path(text) for name, text in named.items()}
    roots = {config.path(text).parent for text in map(_fixed, inputs)}
    return folders | {f"the inputs ({folder})": folder for folder in roots if folder != config.root}


def _fixed(pattern: str) -> str:
    """A pattern up to its first wild part."""
    parts = Path(pattern).parts
    wild = next((n for n, part in enumerate(parts) if set(part) & set("*?[")), len(parts) - 1)
    return str(Path(*parts[: wild + 1]))
