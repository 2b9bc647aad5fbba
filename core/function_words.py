"""Function words of twelve languages: words that ask, bind or stand for others; and which language a text is in.

They tell a text's language, and say nothing about its subject: answers and late interaction leave them out of
questions, as the analyzer of the `words` lane does with those of English.
"""

import re
from collections.abc import Mapping
from functools import cache

import tantivy

MAX_CHARACTERS = 4_000  # of a text that are looked at
SCRIPT_SHARE = 0.3  # of the letters, from which a script decides; an ideograph counts for two letters

FUNCTION_WORDS: Mapping[str, frozenset[str]] = {
    code: frozenset(listed.split())
    for code, listed in {
        "en": """
            a about according after all also am an and any are as at be because been before being but by can could did
            do does doing don for from give given had has have he her here his how i if in into is it its just list
            many me mean means more most much must my need needs needed of off on or other our out over please same
            several she should show so some such take takes taken tell than that the their them then there these they
            this those through to too under until up us very was we were what when where whether which while who whom
            whose why will with would you your s t isn aren doesn didn wasn weren hasn haven
        """,
        "de": """
            wer wen wem wessen was wann wo wohin woher wie warum weshalb wieso wozu womit welche welcher welches
            welchen welchem wieviel wieviele viel viele hoch lange lang groß weit oft der die das den dem des ein eine
            einer eines einen einem und oder aber ist sind war waren wird werden wurde wurden hat haben hatte hatten
            kann können konnte muss müssen darf dürfen soll sollen im in am an auf aus bei mit nach von vom vor zu zum
            zur über unter durch für gegen ohne um bis seit laut es er sie ich wir ihr man sich dass daß ob als auch
            noch nur so sehr diese dieser dieses diesen diesem dort da hier gibt gab es sein seine ihre mich mir uns
            alle aller mehr denn doch bitte
        """,
        "nl": """
            wie wat wanneer waar hoe hoeveel waarom welke welk de het een en of maar is zijn was waren wordt worden
            werd werden heeft hebben had hadden kan kunnen kon moet moeten mag mogen zal zullen in op aan van voor met
            naar bij uit over onder door tegen zonder tot sinds volgens er hij zij ze ik wij we u je men dat dit die
            deze daar hier als ook nog alleen zo zeer veel te om
        """,
        "fr": """
            qui que quoi quel quelle quels quelles quand où comment combien pourquoi lequel laquelle est ce sont était
            étaient a ont avait avaient le la les l un une des du de d et ou mais au aux en dans sur sous par pour
            avec sans vers chez entre depuis jusque selon il elle ils elles je nous vous on se s y ne n qu c cette ces
            cet son sa ses leur leurs plus moins très tout tous toute toutes peut peuvent doit doivent fait font été
            être avoir a-t-il t si aussi
        """,
        "es": """
            quién quien quiénes qué que cuál cual cuáles cuándo dónde donde adónde cómo cuánto cuánta cuántos cuántas
            por porque es son era eran fue fueron está están ha han había hay el la los las lo un una unos unas y o
            pero de del al a en con sin sobre para según desde hasta entre se su sus este esta estos estas ese esa
            puede pueden debe deben tiene tienen más menos muy todo todos todas como si también le les me nos
        """,
        "pt": """
            quem que quê qual quais quando onde como quanto quanta quantos quantas porque por é são era eram foi foram
            está estão tem têm há o a os as um uma uns umas e ou mas de do da dos das ao à aos às em no na nos nas com
            sem sobre para segundo desde até entre se seu sua seus suas este esta esse essa isso pode podem deve devem
            mais menos muito todo todos todas também lhe me
        """,
        "it": """
            chi che cosa quale quali qual quando dove come quanto quanta quanti quante perché è sono era erano fu
            furono sta stanno ha hanno aveva c'è ci il lo la i gli le l un uno una e o ma di del della dei degli delle
            dello al alla ai agli alle a in nel nella nei nelle con senza su sul sulla per da dal dalla secondo tra
            fra si suo sua suoi questo questa questi può possono deve devono più meno molto tutto tutti tutte anche
            stato stata stati state
        """,
        "ru": """
            кто кого кому кем что чего чему чем когда где куда откуда как какой какая какое какие каких каким каком
            какую сколько почему зачем чей чья и или но а в во на с со к ко по из за о об от до для при у через без
            между под над является являются был была было были есть будет будут он она оно они это этот эта эти тот та
            те его её их себя ли же бы также только самый очень все всех может могут должен должны год году
        """,
        "ar": """
            من ما ماذا متى أين اين كيف كم لماذا لما أي أية اي هل هو هي هم كان كانت يكون تكون في على إلى الى عن مع بين
            حتى منذ ب ل و أو او ثم التي الذي الذين هذا هذه ذلك تلك قد لقد تم يتم كل بعد قبل عند خلال حسب وفقا عام سنة
            هناك
        """,
        "zh": """
            谁 什么 何时 什么时候 哪里 哪儿 哪年 哪一年 哪个 哪些 哪家 哪 多少钱 多少 几个 几 怎么样 怎么 怎样 如何
            为什么 为何 吗 呢 吧 了 的 地 得 是 在 于 有 和 与 或 及 对 把 被 请问 请 列出 一共 总共 共 个 张 名 位 次
            年 这 那
        """,
        "ja": """
            誰が 誰 だれ 何年 何人 何個 何枚 何時 何 なに なん いつ どこ どの どれ どちら どう どのように なぜ
            どうして いくら いくつ ですか ますか でしたか ましたか です ます でした ました している した する され れ
            ください か について における において には では とは から まで より は が を に で と の も へ や 年
        """,
        "ko": """
            누가 누구 누구의 누구입니까 누구인가요 무엇 무엇을 무엇이 무엇인가요 무엇입니까 언제 어디 어디서 어디에
            어떻게 얼마 얼마나 얼마입니까 몇 왜 어느 어떤 무슨 개 명 장 번 및 와 과 또는 그리고 에서 까지 부터 입니까
            인가요 있습니까 있나요 됩니까 되었습니까 하였습니까 했습니까 합니까 모두 그 이 저 것 년 년에
        """,
    }.items()
}
"""By ISO 639-1 code, in small letters."""

_SNOWBALL = {  # languages of which tantivy has Snowball's lists of stop words
    "de": "german",
    "nl": "dutch",
    "fr": "french",
    "es": "spanish",
    "pt": "portuguese",
    "it": "italian",
    "ru": "russian",
}
UNSPACED = frozenset({"zh", "ja"})
"""Languages whose words are not separated by blanks."""

_WORD = re.compile(r"[^\W\d_]+")
_SCRIPTS = (  # kana before the ideographs, which Japanese shares
    ("ja", re.compile(r"[\u3040-\u30ff]")),
    ("ko", re.compile(r"[\uac00-\ud7af]")),
    ("zh", re.compile(r"[\u4e00-\u9fff]")),
    ("ru", re.compile(r"[\u0400-\u04ff]")),
    ("ar", re.compile(r"[\u0600-\u06ff]")),
)
_LATIN = {
    code: frozenset(word for word in FUNCTION_WORDS[code] if len(word) > 1)
    for code in ("en", "de", "nl", "fr", "es", "pt", "it")
}


def detect_language(text: str) -> str | None:
    """Return the ISO 639-1 code of the language that a text is in, of those known here: by its script, else the one
    with the most function words in it (of several, English); None where nothing tells."""
    text = text[:MAX_CHARACTERS].lower()
    if by_script := language_of_script(text):
        return by_script
    counts = count_function_words(text)
    best = max(counts, key=lambda code: (counts[code], code == "en"))
    return best if counts[best] else None


def is_function_word(word: str, language: str) -> bool:
    """Tell whether a word in small letters is a function word of a language, here or in Snowball's list."""
    return word in FUNCTION_WORDS[language] or (
        language in _SNOWBALL and not _without_stop_words(language).analyze(word)
    )


@cache
def _without_stop_words(language: str) -> tantivy.TextAnalyzer:
    stop_words = tantivy.Filter.stopword(_SNOWBALL[language])
    return tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.raw()).filter(stop_words).build()


def language_of_script(text: str) -> str | None:
    """Return the language of the first script, if any, that has enough of the letters of a text in small letters."""
    letters = sum(map(len, _WORD.findall(text)))
    for code, script in _SCRIPTS:
        found = len(script.findall(text)) * (2 if code in UNSPACED else 1)
        if found and found >= SCRIPT_SHARE * letters:
            return code
    return None


def count_function_words(text: str) -> dict[str, int]:
    """Return how many function words of each language with Latin letters a text in small letters has."""
    words = _WORD.findall(text)
    return {code: sum(word in known for word in words) for code, known in _LATIN.items()}
