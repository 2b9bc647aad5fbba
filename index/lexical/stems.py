"""Stems of words by script and by the language of the text, beside the words' plain terms.

Stemmers are Snowball's, from tantivy. Words in Latin letters are stemmed in the language whose function words the text
has; the plain terms are English stems, so English needs no others. A page mostly in English with passages in another
language has the stems of that one. A short text without function words, as queries
are, gets the stems of every language that writes in its letters. Stems have a mark before them: they equal no plain
term, so that pages in English are found as without them.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import cache, lru_cache

import tantivy

from pagelens.index.lexical.piecewise import PiecewiseAnalyzer

MARK = "~"
SHORT_TEXT = 16  # words; without function words, a longer one is a table or in a language without a stemmer
MIN_COUNT = 0.5  # of the function words of a short text; one that n languages have counts 1/n
MIN_DISTINCT = 2  # function words of the language on a page; one may be a part of an address or a column's name
MIN_SHARE = 0.04  # of the words of a longer text that are function words of its language
LEAD = 1.5  # languages with at least 1 / LEAD of the most function words are likely too: Danish and Norwegian
MIN_DISTINCT_BESIDE = 4  # function words, none of them English, of a further language on a page
MIN_SHARE_BESIDE = 0.015  # of the page's words that are function words of a further language
_CACHED_WORDS = 65_536
_MAX_DETECTED = 400  # words of a text that are looked at
_MIN_STEMMED = 2  # letters of a word

# Function words by which a language is recognized.
_FUNCTION_WORDS = {
    "english": """
        no yes all any but more than other such only over been would could should these those them into about per am
        up out so me us new use see then now man
        the of and to in is for that with on was by are be this from it as at which or an have not what who
        when where how does did has were a i you we they he his her its if can will do my our your there
    """.split(),
    "german": """
        der die das und ist nicht mit von den dem des ein eine einen einem einer zu im auf für fur wie wann
        wer wo was sind wird werden auch bei aus nach dass oder zum zur wurde welche welcher welches hat haben
        kein keine sich als
    """.split(),
    "french": """
        le la les des et est du une que qui dans pour pas sur avec sont au aux ce cette par ou où quel quelle
        quels quelles il elle nous vous leur ne plus comment quand combien un de en être l d
    """.split(),
    "spanish": """
        el la los las de y es en que un una del por para con no se su al como más cuál cual cuándo cuando
        dónde donde cuánto cuanto quién son fue está este esta lo qué
    """.split(),
    "portuguese": """
        o a os as de e é do da dos das em que um uma para com não nao no na nos nas por se ao qual quando onde
        quanto quem são foi está mais como pelo pela
    """.split(),
    "italian": """
        il lo la i gli le di e è del della dei delle dello in che un una per con non si al alla nel nella
        quando dove quanto chi sono da come qual quale più ha
    """.split(),
    "dutch": """
        de het een en van is in op te dat niet met voor zijn wordt worden die er aan door wat wie waar wanneer
        hoe ook naar bij of om heeft deze welke
    """.split(),
    "swedish": """
        och att det som en är på av för med den inte till ett har om var vad vem när hur vilken vilket kan
        från ska de i
    """.split(),
    "danish": """
        og at det som en er på af for med den ikke til et har om hvad hvem hvor hvornår hvordan hvilken kan
        fra skal de i
    """.split(),
    "norwegian": """
        og å det som en er på av for med den ikke til et har om hva hvem hvor når hvordan hvilken kan fra skal
        de i
    """.split(),
    "finnish": """
        ja on ei että oli se hän kuin mutta ovat tai mitä missä milloin kuka mikä miten myös sekä joka jotka
        niin kuinka olla voi jos kun tämä voit sen ole olet eivät et sitä niitä ne siitä siinä sinun jolloin
        jonka jota kaikki vain vielä nyt esimerkiksi kuten kautta kanssa jälkeen mukaan ennen
    """.split(),
    "polish": """
        i w z na do się nie to że jest o od za po jak ale co dla są być lub oraz przez który która które
        kiedy gdzie czy aby można jeśli tego tym jego ich już tylko także przy ze we
    """.split(),
    "czech and slovak": """
        a v s z na se sa je že do o k po od za i ale jak ako co pro pre nebo alebo si jsou sú být byť který
        která které ktorý ktorá ktoré když keď kde kdy kdo pokud ak aby také tak již jeho není nie ve ke
        ze mezi při pri
    """.split(),
    "hungarian": """
        a az és hogy nem is egy van volt meg ez mi ki hol mikor mennyi milyen de vagy csak már lesz között
    """.split(),
    "romanian": """
        și si de la în in cu pe nu este sunt care un o din pentru ce cine unde când cât a al ale sau mai fi
        lui
    """.split(),
    "turkish": """
        ve bir bu için ile da de ne kim nerede zaman kaç mi mı mu daha çok olan olarak değil var yok gibi
        kadar hangi
    """.split(),
}
_LANGUAGES_OF: dict[str, tuple[str, ...]] = {
    word: tuple(name for name, words in _FUNCTION_WORDS.items() if word in words)
    for words in _FUNCTION_WORDS.values()
    for word in words
}
_ENGLISH = frozenset(_FUNCTION_WORDS["english"])
# The plain terms are English stems; there is no stemmer of the others.
_WITHOUT_STEMMER = ("english", "polish", "czech and slovak")
_LATIN = tuple(name for name in _FUNCTION_WORDS if name not in _WITHOUT_STEMMER)
# Letters of other scripts, and their stemmers.
_SCRIPTS = (
    (re.compile("[а-яё]+"), "russian"),
    (re.compile("[\u0370-\u03ff]+"), "greek"),
    (re.compile("[\u0620-\u064a]+"), "arabic"),
    (re.compile("[\u0b80-\u0bff]+"), "tamil"),
)
_ARABIC_ARTICLE = re.compile("^[وف]?(?:ال|بال|كال|لل)(?=.{2})")  # "and the", "in the"
_HEBREW_PREFIX = re.compile("^[הובלמשכ](?=[א-ת]{3})")
_WORD = tantivy.TextAnalyzerBuilder(
    tantivy.Tokenizer.regex(
        r"[\p{Latin}\p{M}]+|[\p{Cyrillic}\p{M}]+|\p{Greek}+|\p{Arabic}+|\p{Hebrew}+|[\p{Tamil}\p{M}]+"
    )
)
_WORDS_OF = PiecewiseAnalyzer(_WORD.filter(tantivy.Filter.remove_long(80)).filter(tantivy.Filter.lowercase()).build())


def is_function_word(word: str) -> bool:
    """Tell whether a word in small letters is a function word of a language known here."""
    return word in _LANGUAGES_OF


def words_to_stem(text: str) -> list[str]:
    """Return the words of a text in small letters that may have stems beside their plain terms."""
    return _WORDS_OF(text)


def languages_of(words: Sequence[str], *, of_page: bool = False) -> tuple[str, ...]:
    """Return the languages in whose stems words in Latin letters are indexed; none for English, and if none is found.

    Every one for a short text whose language its words do not show; of a page, only if it has letters with accents:
    three stems of each word of a short page in English would make it a long one.
    """
    considered, is_short = words[:_MAX_DETECTED], len(words) <= SHORT_TEXT
    if _LANGUAGES_OF.keys().isdisjoint(considered):  # nothing to count
        return _LATIN if is_short and not (of_page and all(map(str.isascii, words))) else ()
    counts: dict[str, float] = dict.fromkeys(_FUNCTION_WORDS, 0.0)
    for names in [names for word in considered if (names := _LANGUAGES_OF.get(word))]:
        share = 1 / len(names)
        for name in names:
            counts[name] += share
    distinct = Counter(name for word in _LANGUAGES_OF.keys() & considered for name in _LANGUAGES_OF[word])
    least = MIN_DISTINCT if of_page else 1
    likely = _likely({name: count for name, count in counts.items() if distinct[name] >= least})
    most = max((counts[name] for name in likely), default=0.0)
    if not most or most < (MIN_COUNT if is_short else MIN_SHARE * len(considered)):
        if is_short:
            return () if of_page and all(map(str.isascii, words)) else _LATIN
        likely = ["english"]
    if of_page and "english" in likely:
        likely = _beside_english(counts, considered)
    return () if any(name in likely for name in _WITHOUT_STEMMER) else tuple(likely)


def _likely(counts: Mapping[str, float]) -> list[str]:
    """Return the languages of most function words, and those with about as many; one alone that has no stemmer."""
    most = max(counts.values(), default=0.0)
    without = [name for name in _WITHOUT_STEMMER if counts.get(name) == most]
    return without[:1] or [name for name, count in counts.items() if LEAD * count > most and name in _LATIN]


def _beside_english(counts: Mapping[str, float], words: Sequence[str]) -> list[str]:
    """Return the languages of passages on an English page, by their function words that English does not have."""
    foreign = (_LANGUAGES_OF.keys() & words) - _ENGLISH
    own = Counter(name for word in foreign for name in _LANGUAGES_OF[word])
    least = MIN_SHARE_BESIDE * len(words)
    return _likely(
        {name: count for name, count in counts.items() if own[name] >= MIN_DISTINCT_BESIDE and count >= least}
    )


def foreign_function_words(text: str) -> list[str]:
    """Return the function words by which a text is in another language than English; none if it does not show one."""
    words = words_to_stem(text)
    languages = set(languages_of(words))
    found = [word for word in words if (of := _LANGUAGES_OF.get(word)) and "english" not in of and languages & set(of)]
    return list(dict.fromkeys(found))


def latin_stems(words: Sequence[str]) -> list[frozenset[str]]:
    """Return what `stems_of` returns for each word of the letters a to z alone, in no order: it is a short text without
    function words, or a function word, which has no stems."""
    stemmed = [word for word in words if word not in _LANGUAGES_OF and len(word) >= _MIN_STEMMED]
    text = " ".join(stemmed)
    of_language = [_stemmer(language).analyze(text) for language in _LATIN]
    of_word = {
        word: frozenset(f"{MARK}{stem}" for stem in set(stems) if stem)
        for word, *stems in zip(stemmed, *of_language, strict=True)
    }
    return [of_word.get(word, frozenset()) for word in words]


@lru_cache(_CACHED_WORDS)
def stems_of(word: str, languages: tuple[str, ...]) -> tuple[str, ...]:
    """Return the different stems of a word in small letters, each with its mark."""
    return tuple(f"{MARK}{stem}" for stem in dict.fromkeys(_stems(word, languages)) if stem)


def _stems(word: str, languages: tuple[str, ...]) -> Iterator[str]:
    for letters, language in _SCRIPTS:
        if letters.fullmatch(word):
            if len(word) >= _MIN_STEMMED:
                yield _stem(_ARABIC_ARTICLE.sub("", word) if language == "arabic" else word, language)
            return
    if "\u05d0" <= word[0] <= "\u05ea":
        yield word
        yield from _without_hebrew_prefix(word)
    elif word[0] < "\u0370" and len(word) >= _MIN_STEMMED and word not in _LANGUAGES_OF:
        for language in languages:
            yield _stem(word, language)


def _without_hebrew_prefix(word: str) -> Iterator[str]:
    for _ in range(2):  # "and the"
        prefix = _HEBREW_PREFIX.match(word)
        if prefix is None:
            return
        word = word[prefix.end() :]
        yield word


def _stem(word: str, language: str) -> str:
    return "".join(_stemmer(language).analyze(word))


@cache
def _stemmer(language: str) -> tantivy.TextAnalyzer:
    filters = tantivy.Filter
    builder = tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.whitespace())
    for step in (filters.remove_long(80), filters.stemmer(language), filters.ascii_fold()):
        builder = builder.filter(step)
    return builder.build()
