"""Subtitles, SubRip and WebVTT: each cue as a line that begins with its time, "[00:01:02] words"."""

import html
import re

_TIMES = re.compile(r"^\s*((?:\d+:)?\d{1,2}:\d{2})[.,]\d{1,3}\s*-->\s*(?:\d+:)?\d{1,2}:\d{2}[.,]\d{1,3}")
_SPEAKER = re.compile(r"<v(?:\.[^\s>]*)*\s+([^>]+)>")
_TAGS = re.compile(r"</?[A-Za-z][^<>]*>|<\d[\d:.]*>|\{\\[^{}]*\}")
_NOT_CUES = ("NOTE", "STYLE", "REGION", "WEBVTT", "X-TIMESTAMP")


def cue_lines(text: str) -> list[str]:
    """Return a line for each cue, in the file's order. Cue numbers, styles and notes are left out."""
    cues: list[tuple[str, list[str]]] = []
    block = ""
    lines = text.splitlines()
    for position, line in enumerate(lines):
        times = _TIMES.match(line)
        if times:
            cues.append((_clock(times[1]), []))
            block = "cue"
        elif not line.strip():
            block = ""
        elif block == "cue":
            following = lines[position + 1] if position + 1 < len(lines) else ""
            if not (line.strip().isdigit() and _TIMES.match(following)):  # the next cue's number, without a blank line
                cues[-1][1].append(_plain(line))
        elif not cues and line.startswith(_NOT_CUES):
            block = "header"
    spoken = [(time, " ".join(" ".join(words).split())) for time, words in cues]
    return [f"[{time}] {words}" for time, words in spoken if words]


def _clock(time: str) -> str:
    """Return hh:mm:ss."""
    parts = time.split(":")
    return ":".join(part.zfill(2) for part in ("0", *parts)[-3:])


def _plain(line: str) -> str:
    return html.unescape(_TAGS.sub("", _SPEAKER.sub(r"\1: ", line)))
