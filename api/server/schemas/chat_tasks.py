"""Requests that chat programs make on their own: titles, tags and follow-up questions of a conversation.

They come as messages of the user, in English, and are no questions about the documents. Open WebUI's begin with
"### Task:" and name the JSON that they want; LibreChat's ask for a title of a conversation that they quote. They are
answered from the conversation, without a search and without a language model.
"""

import json
import re

TITLE_WORDS = 6
TITLE_CHARACTERS = 40
DEFAULT_TITLE = "Documents"

_TASK = re.compile(r"\s*### Task:", re.IGNORECASE)
_JSON_FIELD = re.compile(r'JSON (?:format|object)?:?\s*\{\s*"(?P<name>\w+)":\s*(?P<is_list>\[)?', re.IGNORECASE)
_USER_QUERY = re.compile(r"<user_query>\s*(.+?)\s*</user_query>", re.DOTALL)
_TITLE = re.compile(r"\s*(?:please )?(?:analyze|generate|provide|write|create)\b.{0,200}?\btitle\b", re.I | re.DOTALL)
_FIRST_QUESTION = re.compile(r"^\s*(?:USER|Human)\s*:\s*(.+)$|\bconversation:\s*(.+)$", re.IGNORECASE | re.MULTILINE)


def question_of(text: str) -> str:
    """Return the question of a message: of Open WebUI's frame around a question and its context the question alone."""
    found = _USER_QUERY.search(text) if _TASK.match(text) else None
    return found[1] if found else text


def reply_to_task(text: str) -> str | None:
    """Return the reply to a chat program's own request; None for everything else, questions among them."""
    if _TASK.match(text):
        field = _JSON_FIELD.search(text)
        return None if field is None else json.dumps({field["name"]: _value(field, text)}, ensure_ascii=False)
    return _title(text) if _TITLE.match(text) and _FIRST_QUESTION.search(text) else None


def _value(field: re.Match[str], text: str) -> list[str] | str:
    if field["is_list"]:
        return []
    return _title(text) if field["name"] == "title" else ""


def _title(text: str) -> str:
    """Return the first words of the first question that a request quotes."""
    quoted = text.partition("<chat_history>")[2] or text
    found = _FIRST_QUESTION.search(quoted)
    words = re.findall(r"[^\s\"'`*#]+", (found[1] or found[2]) if found else "")[:TITLE_WORDS]
    return " ".join(words)[:TITLE_CHARACTERS].rstrip(" .,:;?!？。") or DEFAULT_TITLE
