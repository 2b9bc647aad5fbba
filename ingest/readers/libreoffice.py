"""LibreOffice as a program: where it is, and one file to a PDF with nothing run and nothing fetched.

Knows how to call it; does not know what is done with the PDF.
"""

import os
import shutil
import signal
import subprocess
import sys
from functools import cache
from pathlib import Path

from pagelens.core.errors import ReadError

NEEDS_OFFICE = "needs LibreOffice, which is not installed (https://www.libreoffice.org): install it and index again"

_NAMES = ("soffice", "libreoffice")
_PLACES = (
    Path("/Applications/LibreOffice.app/Contents/MacOS/soffice"),
    Path("C:/Program Files/LibreOffice/program/soffice.exe"),
    Path("/opt/libreoffice/program/soffice"),
)
# Macros never run; links to other files and to the network are never followed, not even asked about.
_SETTINGS = """<?xml version="1.0" encoding="UTF-8"?>
<oor:items xmlns:oor="http://openoffice.org/2001/registry">
<item oor:path="/org.openoffice.Office.Common/Security/Scripting"><prop oor:name="MacroSecurityLevel" oor:op="fuse">
<value>3</value></prop><prop oor:name="DisableMacrosExecution" oor:op="fuse"><value>true</value></prop>
<prop oor:name="DisableActiveContent" oor:op="fuse"><value>true</value></prop>
<prop oor:name="BlockUntrustedRefererLinks" oor:op="fuse"><value>true</value></prop></item>
<item oor:path="/org.openoffice.Office.Writer/Content/Update">
<prop oor:name="Link" oor:op="fuse"><value>0</value></prop></item>
<item oor:path="/org.openoffice.Office.Calc/Content/Update">
<prop oor:name="Link" oor:op="fuse"><value>1</value></prop></item>
</oor:items>
"""
_NOWHERE = "http://127.0.0.1:9"  # the discard port, as a proxy: where there is no way to take the network away


def find_soffice(named: Path | None = None) -> Path | None:
    """Return LibreOffice's program: the one named, else one on PATH, else where installers put it; None without one."""
    if named is not None:
        return named if named.is_file() else None
    for name in _NAMES:
        if found := shutil.which(name):
            return Path(found)
    return next((place for place in _PLACES if place.is_file()), None)


def to_pdf(program: Path, source: Path, folder: Path, *, seconds: float) -> Path:
    """Convert a file to a PDF in a folder of its own, which is also LibreOffice's home. Raises ReadError: damaged,
    too-large (in time)."""
    profile = folder / "profile"
    (profile / "user").mkdir(parents=True)
    (profile / "user" / "registrymodifications.xcu").write_text(_SETTINGS, encoding="utf-8")
    flags = ("--headless", "--norestore", "--nolockcheck", "--nodefault", "--nofirststartwizard", "--nologo")
    home = f"-env:UserInstallation={profile.as_uri()}"
    command = [
        *_alone(),
        str(program),
        home,
        *flags,
        "--convert-to",
        "pdf",
        "--outdir",
        str(folder / "out"),
        str(source),
    ]
    said = _run(command, _environment(folder), seconds)
    made = folder / "out" / f"{source.stem}.pdf"
    if not made.is_file() or not made.stat().st_size:
        raise ReadError(
            "damaged", f"LibreOffice makes no PDF of it ({said or 'it says nothing'}): open and save it again"
        )
    return made


def _run(command: list[str], environment: dict[str, str], seconds: float) -> str:
    """Run a program with its children, end them all when time is up; return the last line it said."""
    try:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=environment,
            start_new_session=True,
        )
    except OSError as exc:
        raise ReadError(
            "unsupported", f"LibreOffice does not start ({exc.strerror or exc}): check {command[0]}"
        ) from exc
    with process:
        try:
            said, _ = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            raise ReadError(
                "too-large", f"LibreOffice took more than {seconds:.0f} s: split it, or save a PDF"
            ) from None
        finally:
            _end(process)
    lines = said.decode(errors="replace").strip().splitlines()
    return lines[-1][:200] if lines else ""


def _end(process: "subprocess.Popen[bytes]") -> None:
    """Kill what is left of a program and of the processes it started."""
    if hasattr(os, "killpg"):
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            return  # all gone
    elif process.poll() is None:
        process.kill()


def _environment(folder: Path) -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("PATH", "SYSTEMROOT", "FONTCONFIG_PATH") if name in os.environ}
    proxies = dict.fromkeys(("http_proxy", "https_proxy", "ftp_proxy", "HTTP_PROXY", "HTTPS_PROXY"), _NOWHERE)
    return {
        **kept,
        **proxies,
        "HOME": str(folder),
        "TMPDIR": str(folder),
        "LC_ALL": "C.UTF-8",
        "SAL_USE_VCLPLUGIN": "svp",
    }


@cache
def _alone() -> tuple[str, ...]:
    """Return what goes before a command so that it has no network, nothing where the system does not allow that."""
    unshare = shutil.which("unshare") if sys.platform == "linux" else None
    if unshare is None:
        return ()
    before = (unshare, "--net", "--map-current-user")
    try:
        tried = subprocess.run([*before, "true"], capture_output=True, timeout=10, check=False)
    except (OSError, subprocess.SubprocessError):
        return ()
    return before if tried.returncode == 0 else ()
