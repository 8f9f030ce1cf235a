"""Templates, styles and data -> the parts of a page that needs no network."""

import json
from functools import lru_cache
from importlib.resources import files
from typing import Any


def script_json(value: Any) -> str:
    """JSON that cannot end the script element it stands in."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    for sign in "<>&\u2028\u2029":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return text


@lru_cache(maxsize=1)
def environment() -> Any:
    """Templates of this room, escaped, strict about names."""
    import jinja2

    return jinja2.Environment(
        loader=jinja2.FunctionLoader(read),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def read(name: str) -> str:
    """A file of the folder of templates."""
    return (files("reports") / "templates" / name).read_text(encoding="utf-8")


def markup(text: str) -> Any:
    """Text of our own that goes into the page as it is."""
    import markupsafe

    return markupsafe.Markup(text)
