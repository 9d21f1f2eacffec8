"""Setting up works where pip, ensurepip, rights or libraries are missing."""

from __future__ import annotations

import hashlib
import http.server
import importlib.util
import io
import subprocess
import sys
import threading
import zipfile
from pathlib import Path

import pytest

TOOL = Path(__file__).parents[1] / "tools" / "bootstrap.py"
spec = importlib.util.spec_from_file_location("bootstrap", TOOL)
bootstrap = importlib.util.module_from_spec(spec)
spec.loader.exec_module(bootstrap)


def wheel_that_notes_its_arguments() -> bytes:
    """Make a wheel of "pip" that, run, writes what it was asked into its environment."""
    content = io.BytesIO()
    main = "import pathlib, sys; pathlib.Path(sys.prefix, 'asked').write_text(' '.join(sys.argv))"
    with zipfile.ZipFile(content, "w") as wheel:
        wheel.writestr("pip/__main__.py", main)
    return content.getvalue()


@pytest.fixture
def index():
    """Serve a package index on this machine: {path: content}, and what was asked of it."""
    pages: dict[str, bytes] = {}
    asked: list[tuple[str, str | None]] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append((self.path, self.headers.get("Authorization")))
            found = pages.get(self.path)
            self.send_response(200 if found is not None else 404)
            self.end_headers()
            self.wfile.write(found or b"")

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"127.0.0.1:{server.server_port}", pages, asked
        server.shutdown()


@pytest.fixture
def no_pip_anywhere(monkeypatch):
    """Hide ensurepip and the system's pip, as on Debian without python3-venv."""
    monkeypatch.setattr(bootstrap.importlib.util, "find_spec", lambda name: None)
    answers = bootstrap.answers
    monkeypatch.setattr(
        bootstrap, "answers", lambda command: "--python" not in command and answers(command)
    )
    for name in ("http_proxy", "HTTP_PROXY"):
        monkeypatch.delenv(name, raising=False)


def test_a_venv_gets_pip_from_the_index_where_python_brings_none(
    tmp_path, index, no_pip_anywhere, monkeypatch
):
    host, pages, asked = index
    wheel = wheel_that_notes_its_arguments()
    digest = hashlib.sha256(wheel).hexdigest()
    link = f'<a href="../../files/pip-99.1-py3-none-any.whl#sha256={digest}">pip</a>'
    pages["/simple/pip/"] = link.encode()
    pages["/files/pip-99.1-py3-none-any.whl"] = wheel
    monkeypatch.setenv("PIP_INDEX_URL", f"http://someone:s%40cret@{host}/simple/")
    bootstrap.make_venv(tmp_path / "venv")
    words = (tmp_path / "venv" / "asked").read_text().split()
    assert words[1:4] == ["install", "--no-index", "--quiet"]
    assert words[4].endswith("pip-99.1-py3-none-any.whl")
    assert [path for path, _ in asked] == ["/simple/pip/", "/files/pip-99.1-py3-none-any.whl"]
    assert {who for _, who in asked} == {"Basic c29tZW9uZTpzQGNyZXQ="}


def test_a_damaged_download_is_refused_and_its_password_not_told(tmp_path, index):
    host, pages, _ = index
    pages["/pip/"] = b'<a href="pip-99.1-py3-none-any.whl#sha256=00">pip</a>'
    pages["/pip/pip-99.1-py3-none-any.whl"] = b"not what was promised"
    settings = bootstrap.Settings(f"http://someone:secret@{host}")
    with pytest.raises(OSError, match="damaged") as caught:
        bootstrap.fetch_pip(tmp_path, settings)
    assert "secret" not in str(caught.value)


def test_a_sound_venv_is_kept_and_a_broken_one_made_anew(tmp_path, monkeypatch):
    monkeypatch.setattr(bootstrap, "install_pip", lambda venv: None)
    venv = tmp_path / "venv"
    bootstrap.make_venv(venv)
    (venv / "mine").touch()
    bootstrap.make_venv(venv)
    assert (venv / "mine").exists()
    bootstrap.python_of(venv).unlink()
    bootstrap.make_venv(venv)
    assert bootstrap.is_sound(venv)
    assert not (venv / "mine").exists()


def test_this_pythons_own_pip_is_taken_first(tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(bootstrap.importlib.util, "find_spec", lambda name: object())
    monkeypatch.setattr(bootstrap, "answers", lambda command: not asked.append(command))
    bootstrap.install_pip(tmp_path)
    assert asked == [[tmp_path / "bin/python", "-m", "ensurepip", "--upgrade", "--default-pip"]]


def test_the_newest_release_is_picked(tmp_path):
    page = """
    <a href="pip-9.0-py2.py3-none-any.whl">old</a>
    <a href="/f/pip-23.2.1-py3-none-any.whl#sha256=ab">newest &amp; best</a>
    <a href="pip-24.0b1-py3-none-any.whl">not yet</a>
    <a href="pip-25.0-py3-none-any.whl" data-yanked="oops">taken back</a>
    <a href="pip-23.2.tar.gz">source</a>"""
    name, link = bootstrap.newest_wheel(page, "https://me:pw@example.org/simple/pip/")
    assert name == "pip-23.2.1-py3-none-any.whl"
    assert link == "https://me:pw@example.org/f/pip-23.2.1-py3-none-any.whl#sha256=ab"


def test_a_password_stays_with_its_host():
    page = "https://me:pw@example.org/simple/pip/"
    assert bootstrap.join(page, "https://files.example.net/pip.whl") == (
        "https://files.example.net/pip.whl"
    )


def test_an_index_without_pip_is_told_without_its_password():
    with pytest.raises(OSError, match=r"no wheel of pip at https://example\.org/"):
        bootstrap.newest_wheel("", "https://me:pw@example.org/")


def test_pip_is_looked_for_where_pip_is_told_to_look(tmp_path):
    weak, strong = tmp_path / "weak.conf", tmp_path / "strong.conf"
    weak.write_text("[global]\nindex-url = https://weak.example/simple\ncert = /weak.pem\n")
    strong.write_text("[global]\nindex-url = https://strong.example/simple/\n")
    of = bootstrap.Settings.of
    assert of({}, []).index == "https://pypi.org/simple"
    settings = of({}, [weak, strong])
    assert (settings.index, settings.cert) == ("https://strong.example/simple", "/weak.pem")
    named = of({"PIP_INDEX_URL": "https://named.example/"}, [weak, strong])
    assert named.index == "https://named.example"


def test_pips_own_settings_can_be_switched_off():
    assert bootstrap.config_files({"PIP_CONFIG_FILE": "/dev/null"}) == []
    files = bootstrap.config_files({"HOME": "/home/me", "PIP_CONFIG_FILE": "/x"})
    assert files[0] == Path("/etc/pip.conf")
    assert files[-1] == Path("/x")


class System:
    """A machine without GL that may or may not let us install it."""

    def __init__(self, monkeypatch, *, root=False, sudo=False, apt=True, refuses=()):
        self.ran: list[str] = []
        self.refuses = refuses
        there = {"sudo": sudo, "apt-get": apt}
        monkeypatch.setattr(bootstrap.sys, "platform", "linux")
        monkeypatch.setattr(bootstrap, "loads", lambda library: False)
        monkeypatch.setattr(bootstrap.os, "geteuid", lambda: 0 if root else 1000)
        monkeypatch.setattr(bootstrap.shutil, "which", lambda name: there.get(name) or None)
        monkeypatch.setattr(bootstrap, "answers", self.answer)

    def answer(self, command):
        line = " ".join(map(str, command))
        self.ran.append(line.replace("env DEBIAN_FRONTEND=noninteractive ", ""))
        return not any(word in line for word in self.refuses)


INSTALL = "apt-get -qq install -y --no-install-recommends"


def test_root_gets_the_libraries_and_for_tests_an_x_server(monkeypatch, capsys):
    system = System(monkeypatch, root=True)
    bootstrap.install_system_packages("run")
    assert system.ran == [f"{INSTALL} libegl1 libgl1"]
    bootstrap.install_system_packages("test")
    assert system.ran[1:] == [f"{INSTALL} libegl1 libgl1 xvfb xdotool libxcursor1"]


def test_sudo_is_used_where_it_asks_nothing(monkeypatch, capsys):
    system = System(monkeypatch, sudo=True)
    bootstrap.install_system_packages("run")
    assert system.ran == ["sudo -n true", f"sudo -n {INSTALL} libegl1 libgl1"]


@pytest.mark.parametrize("machine", [{}, {"sudo": True, "refuses": ["true"]}, {"apt": False}])
def test_without_rights_the_line_to_type_is_told(monkeypatch, capsys, machine):
    system = System(monkeypatch, **machine)
    bootstrap.install_system_packages("test")
    assert "    sudo apt-get install -y libegl1 libgl1\n" in capsys.readouterr().out
    assert not [line for line in system.ran if "install" in line]


def test_the_lists_of_apt_are_fetched_where_they_are_missing(monkeypatch, capsys):
    system = System(monkeypatch, root=True, refuses=["install"])
    bootstrap.install_system_packages("run")
    install = f"{INSTALL} libegl1 libgl1"
    assert system.ran == [install, "apt-get -qq update", install]
    assert "type:" in capsys.readouterr().out


def test_nothing_is_asked_of_macos(monkeypatch):
    system = System(monkeypatch, root=True)
    monkeypatch.setattr(bootstrap.sys, "platform", "darwin")
    bootstrap.install_system_packages("test")
    assert system.ran == []


def test_an_old_python_is_refused_in_one_line(monkeypatch, capsys):
    monkeypatch.setattr(bootstrap.sys, "version_info", (3, 10, 12))
    assert bootstrap.main(["run"]) == 1
    assert capsys.readouterr().err == "set-up: Python 3.11 or newer is needed, this is 3.10\n"


def test_a_step_that_fails_is_named_in_one_line(monkeypatch, capsys):
    def fail(venv, purpose):
        raise subprocess.CalledProcessError(1, ["pip", "install"])

    for step in ("install_system_packages", "make_venv"):
        monkeypatch.setattr(bootstrap, step, lambda *_: None)
    monkeypatch.setattr(bootstrap, "install_project", fail)
    assert bootstrap.main(["test"]) == 1
    assert capsys.readouterr().err == "set-up: this failed: pip install\n"


def test_make_names_what_it_needs_where_no_python_is_new_enough(tmp_path):
    root = TOOL.parents[1]
    for name in ("Makefile", "pyproject.toml", "tools"):
        (tmp_path / name).symlink_to(root / name)
    done = subprocess.run(
        ["make", "-C", tmp_path, "demo", "PYTHON="], capture_output=True, text=True
    )
    assert done.returncode != 0
    assert "Python 3.11 or newer is needed" in done.stderr


def test_make_finds_a_python():
    asked = ["make", "-C", str(TOOL.parents[1]), "--no-print-directory", "-f", "-", "say"]
    text = (TOOL.parents[1] / "Makefile").read_text("utf-8") + "\nsay:\n\t@echo $(PYTHON)\n"
    done = subprocess.run(asked, input=text, capture_output=True, text=True)
    found = subprocess.run(
        [done.stdout.strip(), "-c", "import sys; print(sys.version_info >= (3, 11))"],
        capture_output=True,
        text=True,
    )
    assert found.stdout == "True\n"


def test_the_stamp_of_the_tests_is_good_for_running_too(tmp_path):
    bootstrap.stamp(tmp_path, "test")
    assert sorted(path.name for path in tmp_path.iterdir()) == [".run-ready", ".test-ready"]


def test_bootstrap_needs_nothing_but_the_standard_library():
    done = subprocess.run([sys.executable, "-I", "-S", TOOL, "nonsense"], capture_output=True)
    assert (done.returncode, done.stderr) == (1, b"set-up: usage: bootstrap.py run | test\n")
