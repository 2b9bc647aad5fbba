"""Words that turn a statement round: negations, pairs of opposites, words of cause and of restriction.

Opposites and causes are English; negations are those of twelve languages. Words are folded (`claims.fold`).
"""

from collections.abc import Mapping

NEGATIONS = frozenset(
    """not no never none nothing nobody neither nor without cannot can't don't doesn't didn't isn't aren't wasn't
    weren't won't wouldn't shouldn't couldn't hasn't haven't hadn't mustn't unable fail fails failed failing
    lack lacks lacked lacking rarely seldom hardly barely refuse refuses refused avoid avoids avoided unlike non
    nicht kein keine keinen keiner keinem keines nie niemals ohne weder pas jamais rien aucun aucune sans ni
    nunca sin tampoco ningun ninguna nao sem nenhum nenhuma mai senza nessuno nessuna niet geen nooit zonder ne
    net nikogda bez не нет никогда без ни لا ليس لم لن دون""".split()
)
CAUSES = frozenset(
    """because due cause causes caused causing result results resulted resulting therefore thus hence owing thanks lead
    leads led leading since reason reasons consequently so ensure why explain explains explained attributed stem stems
    driven contributed contributing given""".split()
)
CAUSE_CLAIMS = frozenset("because due cause causes caused therefore thus hence owing thanks led consequently".split())
RESTRICTIONS = frozenset("only just alone solely exclusively merely".split())
ORDINALS = """first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth fourteenth
fifteenth sixteenth seventeenth eighteenth nineteenth twentieth""".split()
_OPPOSITES = """
more/less/fewer most/least/few increase/decrease/reduce/decline/fall/drop/shrink/lower
rise/fall/decline/drop/decrease/reduce/shrink grow/fall/decline/drop/shrink/decrease/reduce grown/fallen
increasing/decreasing up/down higher/lower high/low after/before/prior above/below over/under first/last
include/exclude/exempt accept/reject/decline approve/reject/disapprove allow/forbid/prohibit
permit/forbid/prohibit begin/end/finish start/end/stop/finish open/close/closed enable/disable enabled/disabled
on/off win/lose gain/lose/loss profit/loss/losses right/wrong true/false same/different/differ similar/different
good/bad positive/negative favorable/unfavorable favourable/unfavourable likely/unlikely always/sometimes
all/some many/few/limited long/short longer/shorter large/small larger/smaller big/small maximum/minimum best/worst
better/worse early/late earlier/later old/new young/old strong/weak stronger/weaker easy/hard/difficult
cheap/expensive active/inactive possible/impossible able/unable legal/illegal agree/disagree support/oppose
favor/against favour/against for/against inside/outside internal/external public/private buy/sell bought/sold
import/export imports/exports lend/borrow lent/borrowed push/pull connect/disconnect connected/disconnected
lock/unlock locked/unlocked visible/invisible present/absent appear/disappear remain/change stay/change
succeed/fail success/failure satisfy/violate satisfied/dissatisfied compliant/noncompliant supported/unsupported
required/optional mandatory/optional necessary/unnecessary common/rare wide/narrow widen/narrow wider/narrower fast/slow
faster/slower expand/contract expansion/contraction viable/unviable hire/dismiss hired/dismissed join/leave
joined/left enter/leave arrive/depart exit/enter focus/exit relevant/irrelevant successful/unsuccessful
formal/informal sworn/unsworn known/unknown equal/unequal majority/minority older/younger stop/continue won/lost
rose/fell grew/fell risen/fallen improve/worsen improved/worsened give/receive send/receive
"""
# Of each group one excludes all others.
_EXCLUSIVE = """
red/orange/yellow/green/blue/purple/violet/pink/brown/black/white/grey/silver/gold
north/south/east/west northern/southern/eastern/western left/right
monday/tuesday/wednesday/thursday/friday/saturday/sunday spring/summer/autumn/winter daily/weekly/monthly/quarterly
january/february/march/april/june/july/august/september/october/november/december
man/woman men/women male/female boy/girl boys/girls mother/father husband/wife
"""
_NEGATING_PREFIXES = ("un", "in", "im", "non", "dis", "il", "ir")
MIN_NEGATED = 5  # letters behind such a prefix


def is_negated_form(word: str, other: str) -> bool:
    """Return whether one of two words is the other behind "un-" or the like: available, unavailable."""
    short, long = sorted((word, other), key=len)
    return len(short) >= MIN_NEGATED and any(long == prefix + short for prefix in _NEGATING_PREFIXES)


def _pairs() -> dict[str, frozenset[str]]:
    """Return each word's opposites: the first of a group is the opposite of each other one."""
    pairs: dict[str, set[str]] = {}
    for group in _OPPOSITES.split():
        first, *others = group.split("/")
        for other in others:
            pairs.setdefault(first, set()).add(other)
            pairs.setdefault(other, set()).add(first)
    for group in _EXCLUSIVE.split():
        members = set(group.split("/"))
        for word in members:
            pairs.setdefault(word, set()).update(members - {word})
    return {word: frozenset(others) for word, others in pairs.items()}


OPPOSITES: Mapping[str, frozenset[str]] = _pairs()
