"""Set up .venv for `make demo` and `make test` with nothing but Python's standard library.

    python3 tools/bootstrap.py run      what the program needs
    python3 tools/bootstrap.py test     and what its tests need

Works where Debian's python3-venv, and with it ensurepip, is missing; never touches the
system's Python packages (PEP 668); asks apt for the GL libraries where it may, and says
what to type where it may not.
"""

from __future__ import annotations

import base64
import configparser
import ctypes
import hashlib
import importlib.util
import os
import re
import shutil
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request
from collections.abc import Mapping
from html.parser import HTMLParser
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
VENV = ROOT / ".venv"
OLDEST = (3, 11)
PYPI = "https://pypi.org/simple"

GL_LIBRARIES = {"libEGL.so.1": "libegl1", "libGL.so.1": "libgl1"}
"""What drawing needs of the system, and the Debian package that brings it."""
X_PROGRAMS = {"Xvfb": "xvfb", "xdotool": "xdotool"}
X_LIBRARIES = {"libXcursor.so.1": "libxcursor1"}
"""With these the tests also try the window; without them such tests are skipped."""


def main(arguments: list[str]) -> int:
    """Make `.venv` ready to run the program, or its tests."""
    purpose = arguments[0] if arguments else ""
    if purpose not in ("run", "test"):
        return refuse("usage: bootstrap.py run | test")
    if sys.version_info[:2] < OLDEST:
        return refuse(f"Python {OLDEST[0]}.{OLDEST[1]} or newer is needed, this is {version()}")
    started = time.monotonic()
    try:
        install_system_packages(purpose)
        make_venv(VENV)
        install_project(VENV, purpose)
    except subprocess.CalledProcessError as failure:
        return refuse(f"this failed: {' '.join(map(str, failure.cmd))}")
    except OSError as failure:
        return refuse(f"the set-up failed: {failure}")
    stamp(VENV, purpose)
    say(f"ready after {time.monotonic() - started:.0f} s")
    return 0


def say(text: str) -> None:
    """Print one line of progress."""
    print(f"set-up: {text}", flush=True)


def refuse(text: str) -> int:
    """Print why it cannot go on, and give the exit code."""
    print(f"set-up: {text}", file=sys.stderr, flush=True)
    return 1


def version() -> str:
    """Give this Python's version as two numbers."""
    return ".".join(map(str, sys.version_info[:2]))


def stamp(venv: Path, purpose: str) -> None:
    """Leave the marks that `make` looks at; who can test can also run."""
    for done in ("run", "test") if purpose == "test" else ("run",):
        (venv / f".{done}-ready").touch()


# The virtual environment


def make_venv(venv: Path) -> None:
    """Make a virtual environment with pip in it, unless a good one is there."""
    if not is_sound(venv):
        say(f"making {venv.name} with Python {version()}")
        # Debian without python3-venv lacks ensurepip, which venv would call.
        subprocess.run([sys.executable, "-m", "venv", "--clear", "--without-pip", venv], check=True)
    if not answers([python_of(venv), "-m", "pip", "--version"]):
        install_pip(venv)


def is_sound(venv: Path) -> bool:
    """Say whether there is a virtual environment with a Python new enough that starts."""
    check = f"import sys; sys.exit(sys.version_info < {OLDEST} or sys.prefix == sys.base_prefix)"
    return answers([python_of(venv), "-c", check])


def python_of(venv: Path) -> Path:
    """Give the interpreter of a virtual environment."""
    return venv / "bin" / "python"


def answers(command: list[str | Path]) -> bool:
    """Say whether a command can be run and succeeds; what it prints is dropped."""
    try:
        done = subprocess.run(command, capture_output=True, stdin=subprocess.DEVNULL, check=False)
    except OSError:
        return False
    return done.returncode == 0


def install_pip(venv: Path) -> None:
    """Put pip into the environment: out of Python itself, by the system's pip, or by hand."""
    if importlib.util.find_spec("ensurepip"):
        bundled = [python_of(venv), "-m", "ensurepip", "--upgrade", "--default-pip"]
        if answers(bundled):
            return
    if answers([sys.executable, "-m", "pip", "--python", python_of(venv), "install", "-q", "pip"]):
        return
    say("fetching pip, as this Python brings none")
    with tempfile.TemporaryDirectory() as folder:
        wheel = fetch_pip(Path(folder), Settings.found())
        # A wheel is a zip, and Python runs the package inside it.
        install = [python_of(venv), wheel / "pip", "install", "--no-index", "--quiet", wheel]
        subprocess.run([*install, "--disable-pip-version-check"], check=True)


def install_project(venv: Path, purpose: str) -> None:
    """Install the project as it lies here, and what it needs, into the environment."""
    say("installing Python packages into .venv (one or two minutes the first time)")
    what = f"{ROOT}[test]" if purpose == "test" else str(ROOT)
    quiet = ["--quiet", "--disable-pip-version-check"]
    subprocess.run([python_of(venv), "-m", "pip", "install", *quiet, "-e", what], check=True)


# pip without pip: its wheel from the index that pip itself would ask


class Settings:
    """Where pip is configured to look, read without pip."""

    def __init__(self, index: str, cert: str | None = None) -> None:
        self.index = index.rstrip("/")
        self.cert = cert

    @classmethod
    def found(cls) -> Settings:
        """Read the environment and pip's configuration files."""
        return cls.of(os.environ, config_files(os.environ))

    @classmethod
    def of(cls, environment: Mapping[str, str], files: list[Path]) -> Settings:
        """Take an environment variable before a file, a later file before an earlier one."""
        parser = configparser.RawConfigParser(strict=False)
        parser.read(files, encoding="utf-8")

        def value(option: str) -> str | None:
            named = environment.get("PIP_" + option.upper().replace("-", "_"))
            for section in ("install", "global"):
                named = named or parser.get(section, option, fallback=None)
            return named

        return cls(value("index-url") or PYPI, value("cert"))


def config_files(environment: Mapping[str, str]) -> list[Path]:
    """Name the files where pip keeps its settings, the weakest first."""
    named = environment.get("PIP_CONFIG_FILE")
    if named == os.devnull:
        return []
    home = Path(environment.get("HOME", "/"))
    config = Path(environment.get("XDG_CONFIG_HOME", home / ".config"))
    files = [Path("/etc/pip.conf"), home / ".pip/pip.conf", config / "pip/pip.conf"]
    if sys.platform == "darwin":
        files.append(home / "Library/Application Support/pip/pip.conf")
    return files + ([Path(named)] if named else [])


def fetch_pip(folder: Path, settings: Settings) -> Path:
    """Download the newest wheel of pip from the index and check its hash."""
    page = f"{settings.index}/pip/"
    name, link = newest_wheel(read_url(page, settings.cert).decode(), page)
    address, _, fragment = link.partition("#")
    content = read_url(address, settings.cert)
    expected = urllib.parse.parse_qs(fragment).get("sha256")
    if expected and hashlib.sha256(content).hexdigest() != expected[0]:
        raise OSError(f"{name} from {without_password(address)} is damaged: its hash is wrong")
    wheel = folder / name
    wheel.write_bytes(content)
    return wheel


class Links(HTMLParser):
    """The links of an index's page (PEP 503) that are not yanked."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep where an anchor leads."""
        found = dict(attrs)
        if tag == "a" and found.get("href") and "data-yanked" not in found:
            self.links.append(found["href"] or "")


def newest_wheel(page: str, address: str) -> tuple[str, str]:
    """Pick the newest released wheel of pip: its file name and its whole address."""
    wheels = {}
    for link in Links(page).links:
        name = urllib.parse.unquote(Path(urllib.parse.urlsplit(link).path).name)
        match = re.fullmatch(
            r"pip-(\d+(?:\.\d+)*)-py3-none-any\.whl", name.replace("py2.py3", "py3")
        )
        if match:
            wheels[tuple(map(int, match[1].split(".")))] = name, join(address, link)
    if not wheels:
        raise OSError(f"there is no wheel of pip at {without_password(address)}")
    return wheels[max(wheels)]


def join(page: str, link: str) -> str:
    """Resolve a link against its page, keeping the page's user and password on its host."""
    whole = urllib.parse.urljoin(page, link)
    there, here = urllib.parse.urlsplit(whole), urllib.parse.urlsplit(page)
    if there.hostname == here.hostname and "@" not in there.netloc:
        there = there._replace(netloc=here.netloc)
    return urllib.parse.urlunsplit(there)


def without_password(address: str) -> str:
    """Give an address that may be printed."""
    return re.sub(r"//[^/@]*@", "//", address)


def read_url(address: str, cert: str | None) -> bytes:
    """Read an address, with the user, password and certificates that pip would use."""
    request = urllib.request.Request(without_password(address))  # noqa: S310 the index pip is set to
    user = urllib.parse.urlsplit(address)
    if user.username is not None:
        pair = f"{urllib.parse.unquote(user.username)}:{urllib.parse.unquote(user.password or '')}"
        request.add_header("Authorization", f"Basic {base64.b64encode(pair.encode()).decode()}")
    context = ssl.create_default_context(cafile=cert)
    with urllib.request.urlopen(request, timeout=60, context=context) as answer:  # noqa: S310
        content: bytes = answer.read()
    return content


# What the system must bring


def install_system_packages(purpose: str) -> None:
    """Have apt bring the GL libraries, and for the tests an X server; else say what to type."""
    if sys.platform != "linux":
        return
    needed = [package for library, package in GL_LIBRARIES.items() if not loads(library)]
    wanted = [package for program, package in X_PROGRAMS.items() if not shutil.which(program)]
    wanted += [package for library, package in X_LIBRARIES.items() if not loads(library)]
    packages = needed + (wanted if purpose == "test" else [])
    if packages and not apt_installs(packages) and needed:
        line = f"sudo apt-get install -y {' '.join(needed)}"
        say(f"pictures need system libraries that are missing here; type:\n    {line}")


def loads(library: str) -> bool:
    """Say whether the system has a shared library."""
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def apt_installs(packages: list[str]) -> bool:
    """Install Debian packages where this process may; say whether it did."""
    prefix = privilege()
    if prefix is None or not shutil.which("apt-get"):
        return False
    say(f"installing {', '.join(packages)} by apt-get")
    apt = [*prefix, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-qq"]
    install = [*apt, "install", "-y", "--no-install-recommends", *packages]
    return answers(install) or (answers([*apt, "update"]) and answers(install))


def privilege() -> list[str | Path] | None:
    """Give what to put before a command that only root may run; None if nothing helps."""
    if os.geteuid() == 0:
        return []
    if shutil.which("sudo") and answers(["sudo", "-n", "true"]):
        return ["sudo", "-n"]
    return None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
