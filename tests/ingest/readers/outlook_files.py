"""Outlook mails for tests, written by hand: properties as streams (MS-OXMSG) in a compound file (MS-CFB)."""

import struct
from collections.abc import Mapping
from datetime import datetime
from typing import Union

Storage = Mapping[str, Union[bytes, "Storage"]]

_SECTOR = 512
_END, _FREE, _FAT = 0xFFFFFFFE, 0xFFFFFFFF, 0xFFFFFFFD
_TEXT, _BINARY, _INTEGER, _TIME = 0x001F, 0x0102, 0x0003, 0x0040


def outlook_mail(
    *, subject: str, sender: str, to: str, body: str, sent: datetime, attachments: Mapping[str, bytes]
) -> bytes:
    """Return a mail as Outlook saves it."""
    storages: dict[str, bytes | Storage] = {}
    for number, (name, data) in enumerate(attachments.items()):
        storages[f"__attach_version1.0_#{number:08X}"] = _properties(bytes(8), {0x3707: name, 0x3701: data, 0x3705: 1})
    name, _, address = to.rstrip(">").partition(" <")
    storages["__recip_version1.0_#00000000"] = _properties(bytes(8), {0x3001: name, 0x39FE: address, 0x0C15: 1})
    header = struct.pack("<8x4I8x", 1, len(attachments), 1, len(attachments))
    values: dict[int, str | bytes | int | datetime] = {
        0x001A: "IPM.Note",
        0x0037: subject,
        0x0C1A: sender,
        0x0042: sender,
        0x1000: body,
        0x0039: sent,
    }
    return compound_file({**_properties(header, values), **storages})


def _properties(header: bytes, values: Mapping[int, str | bytes | int | datetime]) -> dict[str, bytes | Storage]:
    table, streams = header, dict[str, bytes | Storage]()
    for tag, value in values.items():
        if isinstance(value, datetime):
            ticks = int((value - datetime(1601, 1, 1)).total_seconds()) * 10_000_000
            table += struct.pack("<HHIQ", _TIME, tag, 6, ticks)
        elif isinstance(value, int):
            table += struct.pack("<HHIQ", _INTEGER, tag, 6, value)
        else:
            kind, data = (_TEXT, value.encode("utf-16-le")) if isinstance(value, str) else (_BINARY, value)
            table += struct.pack("<HHIQ", kind, tag, 6, len(data))
            streams[f"__substg1.0_{tag:04X}{kind:04X}"] = data
    return {"__properties_version1.0": table, **streams}


class _Sectors:
    """Chains of sectors of one size, and the table that links them."""

    def __init__(self, size: int) -> None:
        self.size, self.sectors, self.table = size, list[bytes](), list[int]()

    def store(self, data: bytes) -> int:
        """Append a chain; return its first sector."""
        start, count = len(self.sectors), -(-len(data) // self.size)
        for at in range(count):
            self.sectors.append(data[at * self.size : (at + 1) * self.size].ljust(self.size, b"\0"))
            self.table.append(start + at + 1 if at + 1 < count else _END)
        return start if count else _END


def compound_file(root: Storage) -> bytes:
    """Return a compound file; streams below 4,096 bytes lie in its mini stream."""
    entries: list[tuple[str, int, int, int, int, int]] = []  # name, type, child, right sibling, start, size
    large, small = _Sectors(_SECTOR), _Sectors(64)

    def add(name: str, content: bytes | Storage, right: int) -> int:
        if isinstance(content, bytes):
            sectors = small if len(content) < 4096 else large
            entries.append((name, 2, _FREE, right, sectors.store(content), len(content)))
        else:
            entries.append((name, 1, _children(content), right, 0, 0))
        return len(entries) - 1

    def _children(storage: Storage) -> int:
        child = _FREE
        for name, content in storage.items():
            child = add(name, content, child)
        return child

    entries.append(("", 0, 0, 0, 0, 0))
    first = _children(root)
    stream = b"".join(small.sectors)
    entries[0] = ("Root Entry", 5, first, _FREE, large.store(stream), len(stream))
    directory = b"".join(_entry(*entry) for entry in entries) + _entry("", 0, _FREE, _FREE, 0, 0) * (-len(entries) % 4)
    first_directory = large.store(directory)
    mini_table = small.table + [_FREE] * (-len(small.table) % 128)
    first_mini = large.store(struct.pack(f"<{len(mini_table)}I", *mini_table))
    count = next(n for n in range(1, 110) if n * 128 >= len(large.table) + n)
    table = [*large.table, *[_FAT] * count]
    table += [_FREE] * (count * 128 - len(table))
    header = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(16) + struct.pack("<5H6x", 0x3E, 3, 0xFFFE, 9, 6)
    header += struct.pack("<9I", 0, count, first_directory, 0, 4096, first_mini, len(mini_table) // 128, _END, 0)
    header += struct.pack("<109I", *range(len(large.sectors), len(large.sectors) + count), *[_FREE] * (109 - count))
    return header + b"".join(large.sectors) + struct.pack(f"<{len(table)}I", *table)


def _entry(name: str, kind: int, child: int, right: int, start: int, size: int) -> bytes:
    encoded = name.encode("utf-16-le")
    length = len(encoded) + 2 if name else 0
    return encoded.ljust(64, b"\0") + struct.pack(
        "<HBB3I16xI16xIQ", length, kind, 1, _FREE, right, child, 0, start, size
    )
