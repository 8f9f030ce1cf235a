"""One message + the name of a secret address -> sent, or why not, in words that never hold the address."""

import json
import logging
import os
import re
import stat
import urllib.error
import urllib.parse
import urllib.request
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, StringConstraints

from forecast.errors import ConfigError, Fault, RunError
from forecast.spec import Spec

Name = Annotated[str, StringConstraints(pattern=r"^[A-Z][A-Z0-9_]*$")]

MINUTE = 60.0


class NotSentError(RunError):
    """A message did not get through; what was published stays published."""


class Addressee(Spec):
    """Who gets what. `address`: name of the variable, or line of the secrets file, that holds the Apprise address.

    `streets`: names whose messages go there; ["*"] = every street; none = the message to the city.
    """

    address: Name
    streets: tuple[str, ...] = ()


class Messages(Spec):
    """Who hears of a plan. `send`: whether `weisu monthly` sends at its end; `weisu send` needs no leave.

    `secrets`: file of NAME=address lines that only its owner may read; the environment goes before it.
    `per_minute`: messages an address gets in a minute (robots of WeCom and DingTalk take 20).
    """

    send: bool = False
    secrets: str | None = None
    to: tuple[Addressee, ...] = ()
    timeout_seconds: float = Field(10.0, gt=0, le=300)
    per_minute: int = Field(20, ge=1, le=600)


def addresses(options: Messages, names: Sequence[str], secrets: Path | None) -> dict[str, str]:
    """Name -> address, from the environment, then from the file of secrets.

    Raises:
        ConfigError: the file can be read by others or not at all, or a name has no address.
    """
    kept = _secrets(secrets) if secrets else {}
    found = {name: os.environ.get(name) or kept.get(name, "") for name in names}
    where = f"the environment or {options.secrets}" if options.secrets else "the environment"
    if missing := [name for name in found if not found[name].strip()]:
        fix = f"put {missing[0]}=address there (docs/operations.md shows the forms)"
        raise ConfigError(Fault(f"no address for {name}", where, fix) for name in missing)
    return {name: address.strip() for name, address in found.items()}


def deliver(name: str, address: str, title: str, text: str, seconds: float) -> Fault | None:
    """Send one message; None when the receiver took it.

    Args:
        name: what the address is called where it may be read.
        address: an Apprise address, or the web address of a robot as WeCom and DingTalk show it.
        text: markdown, at most 4096 bytes.
        seconds: how long the receiver may take to answer.
    """
    try:
        with _hushed():
            return _sent(name, address, title, text, seconds)
    except Exception as error:
        return Fault(f"could not be sent ({type(error).__name__})", name, "check the address and the network")


def wait(sent: Sequence[float], now: float, per_minute: int) -> float:
    """Seconds to wait before the next message, when `sent` (times in s, oldest first) went to the same address."""
    if len(sent) < per_minute:
        return 0.0
    return max(0.0, sent[-per_minute] + MINUTE - now)


def plain(text: str) -> str:
    """Markdown of a message -> text for e-mail."""
    return re.sub(r"(?m)^(# |> )|\*\*", "", text)


def _sent(name: str, address: str, title: str, text: str, seconds: float) -> Fault | None:
    import apprise
    from apprise.plugins.dingtalk import NotifyDingTalk
    from apprise.plugins.email.base import NotifyEmail
    from apprise.plugins.wecombot import NotifyWeComBot

    channel = apprise.Apprise.instantiate(address, suppress_exceptions=True)
    if channel is None:
        return Fault("is no address of a known channel", name, "see the forms in docs/operations.md")
    if isinstance(channel, NotifyWeComBot):
        return _robot(name, channel.api_url, {"markdown": {"content": text}}, seconds)
    if isinstance(channel, NotifyDingTalk):
        body = {"title": title, "text": text.replace("\n", "\n\n")}  # a single line break is none there
        return _robot(name, _ding(channel), {"markdown": body}, seconds)
    channel.request_rate_per_sec = 0  # `wait` keeps the pace
    channel.socket_connect_timeout = channel.socket_read_timeout = seconds
    mail = isinstance(channel, NotifyEmail)
    if mail:
        channel.notify_format = apprise.NotifyFormat.TEXT
    form = apprise.NotifyFormat.TEXT if mail else apprise.NotifyFormat.MARKDOWN
    if channel.notify(body=plain(text) if mail else text, title=title, body_format=form):
        return None
    return Fault(
        "did not take the message, or gave no answer", name, "check the address, the network and the receiver"
    )


def _ding(channel: Any) -> str:
    url = str(channel.notify_url.format(token=channel.token))
    if not channel.secret:
        return url
    at, signature = channel.get_signature()
    return f"{url}&{urllib.parse.urlencode({'timestamp': at, 'sign': signature})}"


def _robot(name: str, url: str, body: dict[str, Any], seconds: float) -> Fault | None:
    """Robots answer 200 to everything and say in `errcode` whether they took it; Apprise does not look there."""
    data = json.dumps({"msgtype": "markdown", **body}, ensure_ascii=False).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json; charset=utf-8"})
    try:
        with urllib.request.urlopen(request, timeout=seconds) as answer:
            said = json.loads(answer.read(100_000))
    except urllib.error.HTTPError as error:
        return Fault(f"the robot answered {error.code}", name, "try `weisu send` again later, or check the address")
    except ValueError:
        return Fault("the answer is not that of a robot", name, "check the address, or a proxy on the way")
    except OSError as error:
        slow = isinstance(getattr(error, "reason", error), TimeoutError)
        what = f"gave no answer within {seconds:g} s" if slow else "cannot be reached"
        return Fault(what, name, "check the network, then `weisu send` again")
    code = said.get("errcode") if isinstance(said, dict) else None
    if code != 0:
        fix = "check the key, and the safety settings (words, signature, addresses) of the robot"
        return Fault(f"the robot refused the message (errcode {code})", name, fix)
    return None


def _secrets(path: Path) -> dict[str, str]:
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
        if mode & 0o077:
            what = f"others may read the addresses (mode {mode:04o}); nothing was sent"
            raise ConfigError(Fault(what, str(path), f"chmod 600 {path}"))
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "not UTF-8 text"
        raise ConfigError(Fault(f"cannot be read ({why})", str(path), "check `messages.secrets`")) from None
    pairs = (line.partition("=") for line in lines if "=" in line and not line.lstrip().startswith("#"))
    return {name.removeprefix("export ").strip(): value.strip().strip("'\"") for name, _, value in pairs}


@contextmanager
def _hushed() -> Iterator[None]:
    """What Apprise logs may name an address; and what it warns of is not ours to mend."""
    log = logging.getLogger("apprise")
    before, log.disabled = log.disabled, True
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        log.disabled = before
