"""What `pagelens doctor` says of LibreOffice."""

from pathlib import Path

from pagelens.api.cli.doctor import check_libreoffice


def test_doctor_says_whether_office_files_and_their_formulas_are_drawn(tmp_path: Path) -> None:
    program = tmp_path / "soffice"
    program.touch()
    missing, without = check_libreoffice(None), check_libreoffice(program)
    (tmp_path / "libsmlo.so").touch()
    complete = check_libreoffice(program)
    assert "not installed: newer Office files are read as text" in missing.detail
    assert "install libreoffice-math" in without.detail and str(program) in without.detail
    assert complete.detail == f"{program}; formulas are drawn"
    assert {check.ok for check in (missing, without, complete)} == {None}  # information only
