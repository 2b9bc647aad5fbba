"""Forms of Korean words: without particles and endings, and their pairs of syllables.

Particles are written at the noun ("계약서를"), and nouns are joined ("임대차계약서"). Without a dictionary, whatever
may be a particle is left out, one after another, and each form that results is a term.
"""

import re
from collections.abc import Iterator
from itertools import pairwise

_PARTICLES = """
    은 는 이 가 을 를 의 에 와 과 도 로 만 나 랑 들
    께 야 여 에서 에게 에는 에도 에만 에서는 에서도 에서의 에게서 에게는 한테 께서 으로
    으로는 으로도 으로서 으로써 로서 로써 로는 로도 까지 까지는 부터 부터는 마다 보다 처럼 만큼
    조차 마저 밖에 이나 이랑 이며 이고 이란 이라 라는 이라는 라고 이라고 하고 이다 입니다
    이었다 였다 인가 인가요 인지 이에요 예요 들은 들이 들을 들의 들에게 와의 과의 하다 한다
    하는 하고 하며 하여 해서 해야 했다 하면 하기 한 할 합니다 했습니다 합니까 하세요 하십시오
    되다 된다 되는 되어 되고 됐다 되었다 된 될 됩니다 되었습니다 됩니까 적 적인 적으로 이라도
    라도 이든지 든지
""".split()
_MAX_STEPS = 3  # particles of one word: 사람-들-에게-는
_SYLLABLES = "\uac00-\ud7a3"
_LONGEST_FIRST = sorted(set(_PARTICLES), key=len, reverse=True)
_ENDING = re.compile(f"(?<=[{_SYLLABLES}])(?:{'|'.join(_LONGEST_FIRST)})$")

HANGUL = re.compile(f"[{_SYLLABLES}]+")


def without_particles(word: str) -> Iterator[str]:
    """Yield the word without its last particle, without the last two, and so on."""
    for _ in range(_MAX_STEPS):
        ending = _ENDING.search(word)
        if ending is None:
            return
        word = word[: ending.start()]
        yield word


def syllable_pairs(word: str) -> list[str]:
    """Return each two neighbouring syllables of a word of at least three."""
    return [first + second for first, second in pairwise(word)] if len(word) > 2 else []
