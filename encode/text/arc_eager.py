"""The arc-eager transitions of spaCy's dependency parser: a stack, a buffer, and five kinds of actions.

After Nivre (2003, "An efficient algorithm for projective dependency parsing"), with the two changes of Honnibal and
Johnson (2015): a word without a head goes back to the buffer when it leaves the stack, and an action may begin a new
sentence. Labels "prep||pobj" are of arcs that crossed others in training and were moved up.
"""

from collections import defaultdict, deque
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

SHIFT, REDUCE, LEFT, RIGHT, BREAK = range(5)
CONTEXT = 8  # words of a state that the network sees
_MOVED = "||"


class ParserState:
    """The stack, the buffer and the arcs over the words 0..length - 1."""

    def __init__(self, length: int) -> None:
        self.governors = [-1] * length
        self.labels = [""] * length
        self._length = length
        self._stack: list[int] = []
        self._returned: list[int] = []  # words put back to the buffer, the next one last
        self._next = 0
        self._left: dict[int, list[int]] = defaultdict(list)  # head -> children before it, in the order of the arcs
        self._right: dict[int, list[int]] = defaultdict(list)
        self._was_returned = [False] * length
        self._sentence_starts: set[int] = set()

    @property
    def final(self) -> bool:
        """Return whether nothing is left to do."""
        return not self._stack and self._buffered() == 0

    def context(self) -> list[int]:
        """Return the words that the network sees, -1 for none: two of the buffer, three of the stack, children."""
        b0, s0 = self._buffer(0), self._top(0)
        return [
            b0,
            self._buffer(1),
            s0,
            self._top(1),
            self._top(2),
            _last(self._left, b0),
            _last(self._left, s0),
            _last(self._right, s0),
        ]

    def valid(self) -> NDArray[np.bool_]:
        """Return which of the five kinds of actions are possible, (5,)."""
        b0, b1, buffered = self._buffer(0), self._buffer(1), self._buffered()
        if not self._stack:
            shift, reduce, arc = True, False, False
        else:
            arc = buffered > 0 and b0 not in self._sentence_starts
            shift = arc and buffered > 1 and not self._was_returned[b0]
            reduce = True
        breaks = buffered > 1 and b1 == b0 + 1 and b1 not in self._sentence_starts
        return np.array([shift, reduce, arc, arc, breaks])

    def apply(self, action: int, label: str) -> None:
        """Do an action that is possible."""
        if action == BREAK:
            self._sentence_starts.add(self._buffer(1))
        elif action == SHIFT:
            self._push()
        elif action == LEFT:
            head = self._buffer(0)
            self._attach(head, self._stack.pop(), label)
            self._was_returned[head] = False
        elif action == RIGHT:
            self._attach(self._stack[-1], self._buffer(0), label)
            self._push()
        elif self.governors[self._stack[-1]] >= 0 or len(self._stack) == 1:
            self._stack.pop()
        else:
            word = self._stack.pop()
            self._was_returned[word] = True
            self._returned.append(word)

    def _attach(self, head: int, child: int, label: str) -> None:
        previous = self.governors[child]
        if previous >= 0:
            (self._left if previous > child else self._right)[previous].remove(child)
        (self._left if head > child else self._right)[head].append(child)
        self.governors[child], self.labels[child] = head, label

    def _push(self) -> None:
        self._stack.append(self._buffer(0))
        if self._returned:
            self._returned.pop()
        else:
            self._next += 1

    def _top(self, index: int) -> int:
        return self._stack[-1 - index] if index < len(self._stack) else -1

    def _buffer(self, index: int) -> int:
        if index < len(self._returned):
            return self._returned[-1 - index]
        at = self._next + index - len(self._returned)
        return at if at < self._length else -1

    def _buffered(self) -> int:
        return self._length - self._next + len(self._returned)


def _last(children: dict[int, list[int]], head: int) -> int:
    found = children.get(head)
    return found[-1] if found else -1


def unmoved(governors: Sequence[int], labels: Sequence[str]) -> tuple[list[int], list[str]]:
    """Return governors and labels with the arcs that were moved up in training where they belong.

    "X||Y" is an arc X from the first word labelled Y below the head, breadth first. A word without a head is its own.
    """
    governors = [head if head >= 0 else at for at, head in enumerate(governors)]
    labels = [label if governors[at] != at else "ROOT" for at, label in enumerate(labels)]
    for at, label in enumerate(labels):
        if _MOVED in label:
            labels[at], wanted = label.split(_MOVED)
            governors[at] = _first_below(governors, labels, at, wanted)
    return governors, labels


def _first_below(governors: Sequence[int], labels: Sequence[str], word: int, wanted: str) -> int:
    """Return the first word with a label below the head of a word; that head if there is none."""
    seen, queue = {word, governors[word]}, deque([governors[word]])
    while queue:
        above = queue.popleft()
        for child in (at for at, head in enumerate(governors) if head == above and at not in seen):
            if labels[child] == wanted:
                return child
            seen.add(child)
            queue.append(child)
    return governors[word]
