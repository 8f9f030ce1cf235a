"""Messages to receivers that are really there, and to such that are not."""

import email
import json
import re
from collections.abc import Callable, Iterator
from email.policy import default
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner, Result

from forecast.errors import ConfigError
from pipelines import channels, config, messages
from pipelines.channels import Messages, NotSentError, addresses, deliver, plain, wait
from pipelines.cli import app
from tests.pipelines.receivers import Heard, free_port, mailbox, robot

SECRET = "s3cret-k3y"
TEXT = "# 东街 · 2022年7月预防任务\n**供暖不热**：调试\n1. 东社区：预计 4 件\n> 填写后交回\n"
BASE = """\
city: 示例
sources: [{grain: counts, paths: [counts.csv], columns: {month: m, area: a, category: c, count: n}}]
"""


@pytest.fixture
def wecom(monkeypatch: pytest.MonkeyPatch) -> Iterator[Heard]:
    from apprise.plugins.wecombot import NotifyWeComBot

    with robot() as heard:
        monkeypatch.setattr(NotifyWeComBot, "notify_url", heard.url + "/cgi-bin/webhook/send?key={key}")
        yield heard


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A published run as far as messages see it."""
    folder = tmp_path / "runs" / "2022-06-abcdef01"
    (folder / "digests").mkdir(parents=True)
    (folder / "run.json").write_text(json.dumps({"run_id": "abcdef01", "job": "monthly", "as_of": "2022-06"}))
    (folder / "digest.md").write_text(TEXT.replace("东街", "示例"), encoding="utf-8")
    for street in ("东街", "西街"):
        (folder / "digests" / f"{street}.md").write_text(TEXT.replace("东街", street), encoding="utf-8")
    return folder


def configured(folder: Path, extra: str) -> Path:
    path = folder / "weisu.yaml"
    path.write_text(BASE + extra, encoding="utf-8")
    return path


def weisu(*words: object) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words])


def one_line(result: Result, code: int, *words: str) -> None:
    assert result.exit_code == code, result.output
    lines = result.stderr.strip().splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("weisu: ")
    assert all(word in lines[0] for word in words), lines
    assert SECRET not in result.output


def test_a_wecom_robot_gets_markdown_as_it_is(wecom: Heard) -> None:
    assert deliver("OFFICE", f"wecombot://{SECRET}", "t", TEXT, 5) is None
    assert wecom.paths == [f"/cgi-bin/webhook/send?key={SECRET}"]
    assert wecom.bodies == [{"msgtype": "markdown", "markdown": {"content": TEXT}}]


def test_the_address_as_wecom_shows_it_is_understood(wecom: Heard) -> None:
    address = f"https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key={SECRET}"
    assert deliver("OFFICE", address, "t", TEXT, 5) is None
    assert wecom.paths == [f"/cgi-bin/webhook/send?key={SECRET}"]


def test_a_dingtalk_robot_gets_a_title_line_breaks_and_a_signature(monkeypatch: pytest.MonkeyPatch) -> None:
    from apprise.plugins.dingtalk import NotifyDingTalk

    with robot() as heard:
        monkeypatch.setattr(NotifyDingTalk, "notify_url", heard.url + "/robot/send?access_token={token}")
        assert deliver("OFFICE", "dingtalk://SECabc@tokentoken", "标题", TEXT, 5) is None
    (body,), (path,) = heard.bodies, heard.paths
    assert body["msgtype"] == "markdown"
    assert body["markdown"]["title"] == "标题"
    assert "\n\n1. 东社区：预计 4 件\n\n" in body["markdown"]["text"]
    assert "access_token=tokentoken&timestamp=" in path
    assert "&sign=" in path


def test_a_mail_server_gets_plain_text_and_a_subject() -> None:
    with mailbox() as (port, mails):
        address = f"mailto://127.0.0.1:{port}/?from=weisu@example.org&to=office@example.org"
        assert deliver("OFFICE", address, "示例 7 月", TEXT, 5) is None
    (mail,) = (email.message_from_string(text, policy=default) for text in mails)
    assert mail["Subject"] == "示例 7 月"
    assert "office@example.org" in mail["To"]
    body = mail.get_body(("plain",))
    assert body is not None
    said = body.get_content()
    assert "1. 东社区：预计 4 件" in said
    assert "**" not in said
    assert "<br" not in said


def test_another_channel_of_apprise_gets_markdown() -> None:
    with robot() as heard:
        assert deliver("OFFICE", heard.url.replace("http", "json"), "t", TEXT, 5) is None
    assert "**供暖不热**" in heard.bodies[0]["message"]


@pytest.mark.parametrize(
    ("answer", "word"),
    [
        ((500, b"x"), "500"),
        ((200, b'{"errcode":93000,"errmsg":"invalid webhook url"}'), "93000"),
        ((200, b"<html>login</html>"), "robot"),
        ((200, b"[]"), "errcode"),
    ],
)
def test_a_robot_that_does_not_take_it_is_told(wecom: Heard, answer: tuple[int, bytes], word: str) -> None:
    wecom.answer = answer
    fault = deliver("OFFICE", f"wecombot://{SECRET}", "t", TEXT, 5)
    assert fault is not None
    assert word in str(fault)
    assert SECRET not in str(fault)


def test_a_slow_robot_is_not_waited_for(wecom: Heard) -> None:
    wecom.delay = 1.0
    fault = deliver("OFFICE", f"wecombot://{SECRET}", "t", TEXT, 0.2)
    assert fault is not None
    assert "0.2 s" in fault.what


def test_nobody_there_is_told_whatever_the_channel(monkeypatch: pytest.MonkeyPatch) -> None:
    from apprise.plugins.wecombot import NotifyWeComBot

    port = free_port()
    monkeypatch.setattr(NotifyWeComBot, "notify_url", f"http://127.0.0.1:{port}/?key={{key}}")
    mail = f"mailto://127.0.0.1:{port}/?from=a@example.org&to=b@example.org"
    for address in (
        f"wecombot://{SECRET}",
        mail,
        f"json://127.0.0.1:{port}/{SECRET}",
        SECRET,
        f"nonsense://{SECRET}",
    ):
        fault = deliver("OFFICE", address, "t", TEXT, 2)
        assert fault is not None, address
        assert SECRET not in str(fault)
        assert str(port) not in str(fault)


def test_each_street_hears_of_itself_and_the_office_of_the_city(
    wecom: Heard, run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OFFICE", f"wecombot://{SECRET}")
    monkeypatch.setenv("EAST", "wecombot://east-key")
    path = configured(tmp_path, "messages: {to: [{address: OFFICE}, {address: EAST, streets: [东街]}]}\n")
    result = weisu("send", run, "--config", path)
    assert result.exit_code == 0, result.output
    assert "2" in result.stdout
    keys = [path.rpartition("=")[2] for path in wecom.paths]
    titles = [body["markdown"]["content"].splitlines()[0] for body in wecom.bodies]
    assert list(zip(keys, titles, strict=True)) == [
        (SECRET, "# 示例 · 2022年7月预防任务"), ("east-key", "# 东街 · 2022年7月预防任务"),
    ]  # fmt: skip
    assert json.loads(weisu("send", run, "--config", path, "--json").stdout) == {"sent": 0, "sent_before": 2}
    assert len(wecom.bodies) == 2
    assert weisu("send", run, "--config", path, "--again").exit_code == 0
    assert len(wecom.bodies) == 4
    assert SECRET not in "".join(file.read_text("utf-8") for file in run.rglob("*") if file.is_file())


def test_what_failed_is_sent_by_the_next_call_alone(
    wecom: Heard, run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EAST", f"wecombot://{SECRET}")
    path = configured(tmp_path, 'messages: {to: [{address: EAST, streets: ["*"]}]}\n')
    wecom.answer = (500, b"")
    result = weisu("send", run, "--config", path)
    assert result.exit_code == 5
    assert [line.count("answered 500") for line in result.stderr.splitlines()] == [1, 1, 0]
    assert SECRET not in result.output
    wecom.answer = (200, b'{"errcode":0}')
    assert json.loads(weisu("send", run, "--config", path, "--json").stdout) == {"sent": 2, "sent_before": 0}


@pytest.mark.parametrize(
    ("extra", "words"),
    [
        ("", ["nobody is named"]),
        ("messages: {to: [{address: NOWHERE}]}\n", ["no address for NOWHERE", "the environment"]),
        ("messages: {to: [{address: OFFICE, streets: [东大街]}]}\n", ["东大街", "did you mean '东街'?"]),
        (f"messages: {{to: [{{address: 'wecombot://{SECRET}'}}]}}\n", ["messages.to.0.address", "name a variable"]),
        (f"messages: {{secret: {SECRET}}}\n", ["unknown key", "did you mean 'secrets'?"]),
        ("messages: {secrets: keys, to: [{address: OFFICE}]}\n", ["cannot be read", "messages.secrets"]),
    ],
)
def test_what_the_config_gets_wrong_is_one_line_and_never_a_secret(
    run: Path, tmp_path: Path, extra: str, words: list[str]
) -> None:
    one_line(weisu("send", run, "--config", configured(tmp_path, extra)), 2, *words)


def test_secrets_others_may_read_are_refused(run: Path, tmp_path: Path) -> None:
    secrets = tmp_path / "keys"
    secrets.write_text(f"OFFICE=wecombot://{SECRET}\n", encoding="utf-8")
    secrets.chmod(0o640)
    path = configured(tmp_path, "messages: {secrets: keys, to: [{address: OFFICE}]}\n")
    one_line(weisu("send", run, "--config", path), 2, "0640", f"chmod 600 {secrets}")


def test_secrets_of_the_owner_are_read_and_the_environment_goes_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secrets = tmp_path / "keys"
    secrets.write_text("# ours\nexport A='one://x'\nB = two://y=z\n", encoding="utf-8")
    secrets.chmod(0o600)
    monkeypatch.setenv("B", "three://")
    assert addresses(Messages(), ["A"], secrets) == {"A": "one://x"}
    assert addresses(Messages(), ["A", "B"], secrets) == {"A": "one://x", "B": "three://"}
    monkeypatch.delenv("B")
    assert addresses(Messages(), ["B"], secrets) == {"B": "two://y=z"}


def test_a_run_folder_of_old_says_what_to_do(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (run / "digest.md").unlink()
    monkeypatch.setenv("OFFICE", f"wecombot://{SECRET}")
    path = configured(tmp_path, "messages: {to: [{address: OFFICE}]}\n")
    one_line(weisu("send", run, "--config", path), 2, "holds no messages", "weisu plan")


def test_a_robot_never_gets_more_than_its_minute_allows(run: Path, tmp_path: Path, wecom: Heard) -> None:
    for n in range(5):
        (run / "digests" / f"街{n}.md").write_text(TEXT, encoding="utf-8")
    path = configured(tmp_path, 'messages: {per_minute: 3, to: [{address: EAST, streets: ["*"]}]}\n')
    clock = [0.0]

    def sleep(seconds: float) -> None:
        clock[0] += seconds

    pace = messages.Pace(now=lambda: clock[0], sleep=sleep)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EAST", f"wecombot://{SECRET}")
        assert messages.send(run, config.load(path), pace=pace).sent == 7
    assert pace.times["EAST"] == [0, 0, 0, 60, 60, 60, 120]


@given(st.lists(st.floats(0, 200), max_size=30), st.integers(1, 10))
def test_no_minute_holds_more_than_allowed(gaps: list[float], most: int) -> None:
    now, sent = 0.0, list[float]()
    for gap in gaps:
        now += gap
        now += wait(sent, now, most)
        sent.append(now)
    assert all(later - first >= 60 - 1e-6 for first, later in zip(sent, sent[most:], strict=False))


def test_mail_has_no_markup_and_loses_no_word() -> None:
    assert plain(TEXT).splitlines() == [
        "东街 · 2022年7月预防任务",
        "供暖不热：调试",
        "1. 东社区：预计 4 件",
        "填写后交回",
    ]


def test_every_form_of_an_address_in_the_documentation_is_one(root: Path) -> None:
    import warnings

    from apprise import Apprise

    text = (root / "docs" / "operations.md").read_text(encoding="utf-8")
    forms = re.findall(r"`((?:wecombot|dingtalk|mailtos)://[^`]+)`", text)
    with warnings.catch_warnings(action="ignore"):
        found = [type(Apprise.instantiate(form)).__name__ for form in forms]
    assert found == ["NotifyWeComBot", "NotifyDingTalk", "NotifyDingTalk", "NotifyEmail"]


def test_an_alarm_goes_to_the_office_alone(
    wecom: Heard, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, one: Callable[[str], ConfigError]
) -> None:
    monkeypatch.setenv("OFFICE", f"wecombot://{SECRET}")
    monkeypatch.setenv("EAST", "wecombot://east")
    path = configured(tmp_path, "messages: {to: [{address: OFFICE}, {address: EAST, streets: [东街]}]}\n")
    messages.alarm(config.load(path), one("x" * 9000).faults, "monthly")
    (body,) = wecom.bodies
    assert len(body["markdown"]["content"].encode()) <= 4096
    assert "示例" in body["markdown"]["content"]
    wecom.answer = (500, b"")
    with pytest.raises(NotSentError, match="500"):
        messages.alarm(config.load(path), one("x").faults, "monthly")


@pytest.fixture
def one() -> Callable[[str], ConfigError]:
    from forecast.errors import Fault

    return lambda text: ConfigError(Fault(text))


def test_a_fault_inside_a_channel_names_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError(f"boom {SECRET}")

    monkeypatch.setattr(channels, "_sent", broken)
    fault = deliver("OFFICE", SECRET, "t", TEXT, 1)
    assert fault is not None
    assert "RuntimeError" in str(fault)
    assert SECRET not in str(fault)
