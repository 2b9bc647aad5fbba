"""Page numbers that a query names in other languages than English: "Seite 12", "páginas 3 y 4", "第 25 页".

Numbers are digits, or words to ten in languages with Latin letters, or Chinese numerals. A number of pages
("25 Seiten", "全25ページ", "有多少页") names none. Ordinals to five, and the last page, are positions
("третьей странице").
"""

import re

MAX_RANGE = 100  # pages; "Seiten 3 bis 5000" names the two ends only

_PAGE = (
    r"seiten?|folien?|s\.|pages?|diapositives?|páginas?|paginas?|pagine|diapositivas?|lâminas?|slides?|bladzijden?|"
    r"pagina's|stron\w{0,3}|страниц\w{0,3}|стр\.|слайд\w{0,2}|(?:ال|بال|لل)?(?:صفحة|صفحات|صفحتين|شريحة)"
)
_WORDS = {
    word: number
    for words in (
        "eins zwei drei vier fünf sechs sieben acht neun zehn",
        "une deux trois quatre cinq six sept huit neuf dix",
        "uno dos tres cuatro cinco seis siete ocho nueve diez",
        "um dois três quatro cinco seis sete oito nove dez",
        "uno due tre quattro cinque sei sette otto nove dieci",
        "een twee drie vier vijf zes zeven acht negen tien",
    )
    for number, word in enumerate(words.split(), 1)
}
_NUMBER = rf"(?:\d{{1,4}}|{'|'.join(sorted(_WORDS, key=len, reverse=True))})(?!\w)"
_RANGE = r"-|–|—|bis|à|hasta|até|до|tot|إلى"
_LINK = rf"\s*(?:{_RANGE}|,|und|et|y|e|en|и|و)\s*"
_BEFORE = re.compile(
    rf"(?<![\w.])(?<!\bweb )(?<!\bhome )(?:{_PAGE})\s*(?:(?:nr|n)\.?\s*|[№°º]\s*)?"
    rf"({_NUMBER}(?:{_LINK}{_NUMBER})*)(?!\s*%|[.,]\d)",
    re.IGNORECASE,
)
_ORDINALS = {
    1: "erst|premi[eè]re|primera|primeira|prima|eerst|перв|الأولى|الاولى",
    2: "zweit|deuxi[eè]me|segunda|seconda|tweede|втор|الثانية",
    3: "dritt|troisi[eè]me|tercera|terceira|terza|derde|трет|الثالثة",
    4: "viert|quatri[eè]me|cuarta|quarta|vierde|четв[её]рт|الرابعة",
    5: "fünft|cinqui[eè]me|quinta|vijfde|пят|الخامسة",
    -1: "letzt|derni[eè]re|última|ultima|laatst|последн|الأخيرة|الاخيرة",
}
_ORDINAL = rf"(?:{'|'.join(_ORDINALS.values())})"
_ORDINAL_BEFORE = re.compile(
    rf"(?<!\w)({_ORDINAL})\w{{0,3}}(?:\s+(?:und|et|y|e|en|и)\s+({_ORDINAL})\w{{0,3}})?\s+(?:{_PAGE})(?!\w)",
    re.IGNORECASE,
)
_ORDINAL_AFTER = re.compile(rf"(?:صفحة|صفحتين|صفحات)\s+({_ORDINAL})(?:\s+و({_ORDINAL}))?(?!\w)")
_LAST = re.compile("最后一[页頁]|最後の(?:ページ|頁)|마지막\\s*(?:쪽|페이지)")
_COVER = re.compile(
    r"(?<!\w)(?:titel(?:seite|blatt|folie)|deckblatt|(?:page de|première de|en|sur la) couverture|page de titre|"
    r"(?:en|de) la portada|(?:na|da) capa|(?:in|della) copertina|titelpagina|(?:op|van) de (?:omslag|voorpagina)|"
    r"на обложке|титульн\w+ (?:лист|страниц|слайд)\w*|الغلاف)(?!\w)|封面|表紙|표지",
    re.IGNORECASE,
)
_ITEM = re.compile(rf"({_RANGE})|({_NUMBER})", re.IGNORECASE)

_DIGITS = dict(zip("一二三四五六七八九", range(1, 10), strict=True))
_AFTER = (
    re.compile(r"第\s*(\d{1,4}|[一二三四五六七八九十]{1,3})\s*(?:[页頁]|[张張]幻)"),
    re.compile(r"(?<![\d全])(\d{1,4})\s*(?:ページ|頁|スライド)(?=目|[のにでとは、])"),
    re.compile(r"(?<!\d)(\d{1,4})\s*(?:쪽|페이지|슬라이드)(?=[의에를은는이가과와])"),
)


def find_page_numbers(query: str) -> list[str]:
    """Return the numbers of the pages that a query names, in its order, as they are written on pages."""
    numbers = [number for match in _BEFORE.finditer(query) for number in _listed(match[1])]
    numbers += [_value(match[1]) for pattern in _AFTER for match in pattern.finditer(query)]
    return [str(number) for number in dict.fromkeys(numbers)]


def find_page_positions(query: str) -> list[int]:
    """Return the positions of the pages that a query names by ordinals, or as the cover; -1 is the last page."""
    matches = [*_ORDINAL_BEFORE.finditer(query), *_ORDINAL_AFTER.finditer(query)]
    written = [word for match in matches for word in match.groups() if word]
    positions = [
        position
        for word in written
        for position, words in _ORDINALS.items()
        if re.fullmatch(words, word, re.IGNORECASE)
    ]
    positions += [position for position, pattern in ((-1, _LAST), (1, _COVER)) if pattern.search(query)]
    return list(dict.fromkeys(positions))


def _listed(text: str) -> list[int]:
    """Turn "3 y 4" into [3, 4] and "drei bis 6" into [3, 4, 5, 6]."""
    items = [(bool(link), 0 if link else _value(number)) for link, number in _ITEM.findall(text)]
    numbers = [number for is_link, number in items if not is_link]
    for (_, first), (is_link, _), (_, last) in zip(items, items[1:], items[2:], strict=False):
        if is_link and first < last <= first + MAX_RANGE:
            numbers += range(first + 1, last)
    return sorted(numbers) if any(is_link for is_link, _ in items) else numbers


def _value(written: str) -> int:
    """Return the value of digits, a word, or Chinese numerals to 99."""
    if written.isdecimal():
        return int(written)
    if written.lower() in _WORDS:
        return _WORDS[written.lower()]
    tens, ten, units = written.rpartition("十")
    return (_DIGITS.get(tens, 1) * 10 if ten else 0) + _DIGITS.get(units, 0)
