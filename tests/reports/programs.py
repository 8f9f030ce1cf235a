"""What a report looks like in Chromium and in LibreOffice."""

import re
import subprocess
from pathlib import Path

from tests.programs import need

QUIET = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--enable-logging=stderr",
)


def browse(page: bytes, folder: Path) -> tuple[str, list[str]]:
    """The page as Chromium has it after its scripts ran, and what it wrote to the console."""
    chromium = need("chromium", "chromium", "chromium-browser", "google-chrome")
    file = folder / "page.html"
    file.write_bytes(page)
    command = [chromium, *QUIET, f"--user-data-dir={folder / 'profile'}", "--virtual-time-budget=10000", "--dump-dom"]
    done = subprocess.run([*command, file.as_uri()], capture_output=True, timeout=120, check=True)
    console = re.findall(r"CONSOLE.*", done.stderr.decode(errors="replace"))
    return done.stdout.decode(), console


def pages(files: dict[str, bytes], folder: Path) -> dict[str, int]:
    """Pages each file takes on paper, all printed by one LibreOffice."""
    office = need("libreoffice", "soffice", "libreoffice")
    for name, data in files.items():
        (folder / name).write_bytes(data)
    profile = f"-env:UserInstallation={(folder / 'profile').as_uri()}"
    command = [office, "--headless", profile, "--convert-to", "pdf", "--outdir", str(folder)]
    subprocess.run([*command, *(str(folder / name) for name in files)], capture_output=True, timeout=120, check=True)
    printed = {name: (folder / name).with_suffix(".pdf").read_bytes() for name in files}
    return {name: len(re.findall(rb"/Type\s*/Page\b(?!s)", data)) for name, data in printed.items()}


def convert(book: bytes, to: str, folder: Path) -> bytes:
    """A workbook as LibreOffice writes it in another format, `to` being a filter of soffice --convert-to."""
    office = need("libreoffice", "soffice", "libreoffice")
    file = folder / "book.xlsx"
    file.write_bytes(book)
    profile = f"-env:UserInstallation={(folder / 'profile').as_uri()}"
    command = [office, "--headless", profile, "--convert-to", to, "--outdir", str(folder), str(file)]
    subprocess.run(command, capture_output=True, timeout=120, check=True)
    return next(folder.glob(f"book*.{to.split(':')[0]}")).read_bytes()
