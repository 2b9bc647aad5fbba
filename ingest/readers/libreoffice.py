"""Calls LibreOffice: finds the program, and converts a file to PDF without macros and without network access."""

import os
import shutil
import signal
import subprocess
import sys
from contextlib import closing
from functools import cache
from pathlib import Path

from pagelens.core.errors import ReadError

OFFICE_ADDRESS = "https://www.libreoffice.org"
NEEDS_OFFICE = f"needs LibreOffice, which is not installed ({OFFICE_ADDRESS}): install it and index again"

READ_WITHOUT_OFFICE = {
    "DOCX": (".docx", ".docm"),
    "PPTX": (".pptx", ".pptm", ".ppsx"),
    "XLSX": (".xlsx", ".xlsm"),
    "ODT": (".odt",),
    "ODP": (".odp",),
    "ODS": (".ods",),
}
"""The formats, and their extensions, whose text is read without LibreOffice."""

_NAMES = ("soffice", "libreoffice")
_INSTALL_PATHS = (
    Path("/Applications/LibreOffice.app/Contents/MacOS/soffice"),
    Path("C:/Program Files/LibreOffice/program/soffice.exe"),
    Path("/opt/libreoffice/program/soffice"),
)
_MATH_LIBRARIES = ("libsmlo.so", "smlo.dll", "../Frameworks/libsmlo.dylib")
# Macros never run; links to other files and to the network are never followed, and no dialog asks about them.
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
_DEAD_PROXY = "http://127.0.0.1:9"  # the discard port: for systems on which the network cannot be taken away


def find_soffice(program: Path | None = None) -> Path | None:
    """Return LibreOffice's program: `program`, else on PATH, else where installers put it; None where there is none."""
    if program is not None:
        return program if program.is_file() else None
    for name in _NAMES:
        if path := shutil.which(name):
            return Path(path)
    return next((path for path in _INSTALL_PATHS if path.is_file()), None)


def draws_formulas(program: Path) -> bool:
    """Tell whether LibreOffice's part for formulas (Math) is installed: without it formulas are left out."""
    folder = Path(os.path.realpath(program)).parent
    return any((folder / name).exists() for name in _MATH_LIBRARIES)


def convert_to_pdf(program: Path, source: Path, folder: Path, *, seconds: float) -> Path:
    """Convert a file and return the path of the PDF, as `convert` does."""
    return convert(program, source, folder, "pdf", seconds=seconds)


def convert(program: Path, source: Path, folder: Path, target: str, *, seconds: float) -> Path:
    """Convert a file to the format with the extension `target`; return the new file, which lies in `folder`/out.

    LibreOffice keeps its profile in `folder` too. Raises ReadError: damaged, unsupported (LibreOffice does not start),
    too-large (takes more than `seconds`).
    """
    profile = folder / "profile"
    (profile / "user").mkdir(parents=True, exist_ok=True)
    (profile / "user" / "registrymodifications.xcu").write_text(_SETTINGS, encoding="utf-8")
    flags = ("--headless", "--norestore", "--nolockcheck", "--nodefault", "--nofirststartwizard", "--nologo")
    home = f"-env:UserInstallation={profile.as_uri()}"
    output = folder / "out"
    convert_options = ("--convert-to", target, "--outdir", str(output))
    command = [*_no_network_prefix(), str(program), home, *flags, *convert_options, str(source)]
    last_line = _run(command, _environment(folder), seconds)
    converted = output / f"{source.stem}.{target}"
    if not converted.is_file() or not converted.stat().st_size:
        raise ReadError(
            "damaged",
            f"LibreOffice makes no {target.upper()} of it ({last_line or 'without a message'}): open and save it again",
        )
    return converted


def _run(command: list[str], environment: dict[str, str], seconds: float) -> str:
    """Run a program and return the last line of its output. Its processes are killed when it ends or times out, and on
    Linux also when this process is killed."""
    reading, lifeline = os.pipe()  # the kernel closes our end when we die, however we die
    try:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=environment,
            start_new_session=True,
            pass_fds=(reading,) if sys.platform == "linux" else (),
        )
        _end_with_parent(process, reading)
    except OSError as exc:
        os.close(lifeline)
        raise ReadError(
            "unsupported", f"LibreOffice does not start ({exc.strerror or exc}): check {command[0]}"
        ) from exc
    finally:
        os.close(reading)
    with process, closing(open(lifeline, "wb")):  # noqa: PTH123 - a descriptor
        try:
            output, _ = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            raise ReadError(
                "too-large", f"LibreOffice took more than {seconds:.0f} s: split it, or save a PDF"
            ) from None
        finally:
            _kill_group(process)
    lines = output.decode(errors="replace").strip().splitlines()
    return lines[-1][:200] if lines else ""


def _end_with_parent(process: "subprocess.Popen[bytes]", reading: int) -> None:
    """Have the kernel kill a program's group when the other end of the pipe `reading`, which it has open, closes."""
    if sys.platform == "linux":
        import fcntl

        fcntl.fcntl(reading, fcntl.F_SETOWN, -process.pid)
        fcntl.fcntl(reading, fcntl.F_SETSIG, signal.SIGKILL)
        fcntl.fcntl(reading, fcntl.F_SETFL, fcntl.fcntl(reading, fcntl.F_GETFL) | os.O_ASYNC)


def _kill_group(process: "subprocess.Popen[bytes]") -> None:
    """Kill a program and the processes it started, where they still run."""
    if hasattr(os, "killpg"):
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            return  # none is left
    elif process.poll() is None:
        process.kill()


def _environment(folder: Path) -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("PATH", "SYSTEMROOT", "FONTCONFIG_PATH") if name in os.environ}
    proxies = dict.fromkeys(("http_proxy", "https_proxy", "ftp_proxy", "HTTP_PROXY", "HTTPS_PROXY"), _DEAD_PROXY)
    return {
        **kept,
        **proxies,
        "HOME": str(folder),
        "TMPDIR": str(folder),
        "LC_ALL": "C.UTF-8",
        "SAL_USE_VCLPLUGIN": "svp",
    }


@cache
def _no_network_prefix() -> tuple[str, ...]:
    """Return a command prefix that takes away the network, () where the system does not allow that."""
    unshare = shutil.which("unshare") if sys.platform == "linux" else None
    if unshare is None:
        return ()
    prefix = (unshare, "--net", "--map-current-user")
    try:
        tried = subprocess.run([*prefix, "true"], capture_output=True, timeout=10, check=False)
    except (OSError, subprocess.SubprocessError):
        return ()
    return prefix if tried.returncode == 0 else ()
