"""Function words of English questions, analyzed as the index analyzes them: they ask, they do not describe."""

STOPWORDS = frozenset(
    """
    a about after all also am an and ani are as at be been befor by can could did do doe doesn don for from had has
    have he her his how i if in into is it it its just me more most my no not of off on onli or our out over s same
    she should so some such t than that the their them then there these they this those through to too under until up
    us veri was we were what when where which while who whom whose whi will with would you your accord
    pleas tell show give list find mani much
    """.split()
)
