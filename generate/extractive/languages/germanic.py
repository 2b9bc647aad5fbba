"""English, German and Dutch."""

from pagelens.generate.extractive.languages.question_language import QuestionLanguage, cased_words, words

_MEASURE = "long|old|far|high|tall|large|big|wide|deep|heavy|often|fast|soon|thick|hot|cold|strong"

ENGLISH = QuestionLanguage(
    code="en",
    name="English",
    common_words="""
cost costs price spend spends spent pay pays paid make makes made happen happens happened leave leaves left day days date
year years time times month months week weeks hour hours use uses used get gets got begin begins began start starts started end ends ended
last lasts work works worked kind kinds type types way ways reason reasons cause caused high low long find found stand stands come comes
came go goes went say says said state states stated call called look looks apply applies charge charged done different distinct people
person company country city place thing things one ones term terms period amounts score scores combined overall between among within during
represent represents given write down main value values group groups require required requires mention
higher lower greater larger smaller difference compare compared comparing individual regarding concerning considering collectively together altogether appear appears occur occurs
average sum ratio rupee rupees dollar dollars euro euros part parts contain contains include includes included belong request requests amount number related
""",
    form_words="""
answer answers article brochure chapter chart column describe described direct directly display displayed document
documents enumerate example figure float following form format formatted graph guide guidebook handbook illustrate
illustrated image int integer introduce introduced left mention mentioned name names page pages paper
papers picture report respectively right section show shown shows slide slides specified stand string survey table text
title topic heading theme total value write written colour colours color colors percent percentage proportion
""",
    measure=rf"\bhow\s+(?:many|much|{_MEASURE})\b",
    page=r"\b(?:page|pages|slide|slides)\s+(?:no\.?\s*|number\s+)?\d+(?:\s*(?:-|–|to|and)\s*\d+)?",
    asks={
        "meaning": r"\bstands? for\b|\b(?:abbreviation|acronym|initialism)\b",
        "percent": r"\bper ?cent(?:age)?s?\b|%|\b(?:what|which) (?:share|proportion|fraction)\b",
        "money": r"\bhow much (?:money|do(?:es)?\b.*\bcost|did\b.*\bcost|is the (?:price|cost|fee))"
        r"|\b(?:what|how high) (?:is|was|are|were) the\b.{0,40}\b(?:prices?|costs?|fees?|salary|salaries|revenues?|dividends?|"
        r"budget|penalty|fine|rent|deposit|turnover|income|profit)\b|\bcosts?\s*\??$|\bwhat (?:do|does|did)\b.*\bcost\b",
        "year": r"\b(?:which|what) years?\b",
        "date": r"^when\b|[,;] when\b|\b(?:what|which) (?:date|day|month|time)\b|\b(?:deadline|due date)\b"
        r"|\b(?:until|since) when\b",
        "number": rf"\bhow\s+(?:many|much|{_MEASURE})\b|^how \w+s (?:are|were) (?:needed|required|there|shown|involved)\b"
        r"|\b(?:number|amount|average|total|score|maximum|minimum|rate) of\b|\bwhat (?:number|amount|score)\b",
        "person": r"\b(?:who|whom|whose)\b|\bwhich (?:person|individual|author|director)\b",
        "organisation": r"\b(?:which|what) (?:company|companies|organi[sz]ations?|firm|agency|institution|university)\b",
        "place": r"\bwhere\b|\b(?:which|what) (?:country|countries|city|cities|place|location|address|state|town)\b",
        "colour": r"\bcolou?rs?\b",
        "reason": r"\bwhy\b|\bwhat (?:is|was|are|were) the (?:reason|cause)s?\b|\bhow come\b",
        "how-to": r"\bhow (?:do|can|should|to|must)\b(?! (?:many|much))",
        "list": r"^(?:list|name|enumerate)\b|\b(?:what|which) (?:are|were)\b",
        "yes-no": r"^(?:is|are|was|were|do|does|did|can|could|may|must|should|has|have|had|will|would)\b",
    },
    negation=words(
        r"not never no(?!\.) none neither nor nobody nothing nowhere cannot without "
        "(?:is|are|was|were|do|does|did|has|have|had|can|could|should|would|must|need)n['’]t can['’]t won['’]t"
    ),
    exclusion=words(
        "except excepted exceptions? excluding excludes? excluded exclusions? unless prohibited forbidden "
        "barred exempt(?:ed)? ineligible unlike other_than apart_from"
    ),
    comparisons=(
        words(
            "most highest largest biggest greatest maximum max top longest tallest heaviest widest deepest best main"
        ),
        words("least lowest smallest fewest minimum min shortest lightest narrowest worst"),
        words("first earliest oldest"),
        words("last latest newest youngest"),
        words("only sole solely"),
    ),
    number_words=words(
        "one two three four five six seven eight nine ten eleven twelve twenty thirty forty fifty sixty seventy "
        "eighty ninety hundred thousand dozen half twice none thirteen fourteen fifteen sixteen seventeen eighteen nineteen "
        "once daily weekly monthly yearly every a_couple million billion"
    ),
    times=cased_words(
        "Jan(?:uary)? Feb(?:ruary)? Mar(?:ch)? Apr(?:il)? May June? July? Aug(?:ust)? Sept?(?:ember)? Oct(?:ober)? "
        "Nov(?:ember)? Dec(?:ember)? JANUARY FEBRUARY MARCH APRIL MAY JUNE JULY AUGUST SEPTEMBER OCTOBER NOVEMBER "
        "DECEMBER (?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)days?"
    )
    + "|"
    + words(
        r"at_(?:\d{1,2}|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve) noon midnight hours? days? weeks? months? before after during until daily weekly monthly yearly o['’]clock "
        "first second third fourth fifth sixth seventh eighth ninth tenth"
    ),
    reasons=words(
        "because due_to since owing_to caused? causes therefore as_a_result so_that in_order_to reasons? thanks_to"
    ),
    follow_up=r"^(?:and|but|or|so|then|also|ok(?:ay)?|what about|how about|what of|same)\b"
    r"|\b(?:it|its|they|them|their|theirs|he|him|his|she|her|hers|that|those|these|this|former|latter|there)\b"
    r"|\b(?:year|month|quarter|page|one) (?:before|after|earlier|later)\b"
    r"|\b(?:previous|preceding|following|next|last|other|another|same) (?:year|one|ones|page)\b"
    r"|\b(?:instead|else|more) ?\?? ?$",
    participles=r"\w+ed",
    main_verb=r"\b(?:did|does|do)\b(?:\s+\w+){1,4}?\s+(\w+)"
    r"(?:\s+(?:to|for|from|in|at|on|by|with|of|into|over|during|per|before|after)\b|\s*\??$)",
    wants_list=r"\b(?:list|enumerate)\b|^name\b|\b(?:what|which|who|where) (?:are|were)\b"
    r"|\b(?:what|which) (?:(?!(?:does|did|do|is|was|has)\b)\w+ ){0,3}?(?!(?:does|is|was|has)\b)\w+s "
    r"(?:are|were|do|did|have|can|should|must)\b",
    count=r"\bhow many\b|^how(?= \w+s (?:are|were) (?:needed|required|there|shown|involved)\b)",
    pictured=words(
        "figures? charts? graphs? diagrams? maps? photos? pictures? pictured images? icons? logos? "
        "cartoons? screenshots? flow_?charts? illustrations? illustrated drawings? infographics? slide "
        "axis axes how_many_pages how_many_tables"
    ),
    computed=words(
        "differences? sum combined altogether averaged ratio more_than less_than fewer_than greater_than higher_than "
        "lower_than at_least at_most how_much_(?:more|less|higher|lower)"
    ),
    colours=words(
        "red blue green yellow black white gr[ae]y orange purple pink brown violet gold(?:en)? silver turquoise "
        "teal cyan magenta beige navy maroon"
    ),
)

GERMAN = QuestionLanguage(
    code="de",
    name="German",
    nouns_in_capitals=True,
    common_words="""
jahr jahre tag tage monat monate woche wochen stunde stunden uhr zeit kostet kosten preis macht machen gemacht geht gilt gelten
beginnt begann endet heißt steht stehen betrug beträgt betragen liegt gehört passiert geschah zahlt bezahlt zahlen person personen leute
grund wofür wovon wodurch wogegen worüber höhe anzahl zahl art firma
""",
    form_words="seite seiten abbildung tabelle dokument bericht text name namen liste nenne nennen zeigt gezeigt farbe farben prozent anteil",
    measure=r"\bwie\s?(?:viele?|hoch|lange?|groß|weit|oft|alt|schwer|tief|breit)\b",
    page=r"\bseiten?\s+\d+",
    asks={
        "meaning": r"\bwofür steht\b|\babkürzung\b",
        "percent": r"\bprozent\w*|%|\bwelcher anteil\b",
        "money": r"\bwie\s?viel\b.*\bkoste|\bwie (?:teuer|hoch (?:ist|war|sind|waren) (?:der|die|das) (?:preis|gebühr|umsatz))"
        r"|\bwas kostet\w*|\bwie hoch (?:ist|war|sind|waren) (?:der|die|das)\b.{0,40}\b\w*(?:preis|gebühr|umsatz|gehalt|kosten|miete|kaution|strafe)",
        "year": r"\bwelche[mns]? jahr",
        "date": r"\bwann\b|\bwelche[mnrs]? (?:datum|tag|monat)|\bbis wann\b|\bfrist\b",
        "number": r"\bwie\s?(?:viele?|hoch|lange?|groß|weit|oft|alt|schwer|tief|breit)\b|\b(?:anzahl|zahl) (?:der|von)\b",
        "person": r"\b(?:wer|wen|wem|wessen)\b",
        "organisation": r"\bwelche[rsn]? (?:firma|unternehmen|organisation|behörde|universität)",
        "place": r"\b(?:wo|wohin|woher)\b|\b(?:welche[mnrs]?) (?:land|stadt|ort|länder|städte)",
        "colour": r"\bfarben?\b",
        "reason": r"\b(?:warum|weshalb|wieso)\b|\baus welchem grund\b",
        "how-to": r"\bwie (?:kann|muss|soll|wird|werden)\b",
        "list": r"^(?:nenne|liste)\b|\bwelche\b.*\bgibt es\b",
        "yes-no": r"^(?:ist|sind|war|waren|hat|haben|kann|können|darf|dürfen|muss|müssen|wird|werden|gibt|gilt)\b",
    },
    negation=words("nicht nie niemals nichts niemand kein(?:e|er|es|en|em)? nirgends weder ohne"),
    exclusion=words("außer ausgenommen ausgeschlossen ausschluss ausschlüsse ausnahmen? verboten untersagt befreit"),
    comparisons=(
        words("meisten? höchste\\w* größte\\w* längste\\w* maximal\\w* beste\\w* schwerste\\w* tiefste\\w*"),
        words("wenigsten? niedrigste\\w* kleinste\\w* kürzeste\\w* minimal\\w* geringste\\w*"),
        words("erste\\w* älteste\\w* früheste\\w*"),
        words("letzte\\w* jüngste\\w* neueste\\w*"),
        words("nur einzige\\w* ausschließlich"),
    ),
    number_words=words(
        "zwei drei vier fünf sechs sieben acht neun zehn elf zwölf zwanzig dreißig vierzig fünfzig hundert tausend "
        "dutzend hälfte einmal zweimal dreimal dreizehn vierzehn fünfzehn sechzehn siebzehn achtzehn neunzehn täglich "
        "wöchentlich monatlich jährlich million(?:en)?"
    ),
    times=cased_words(
        "Januar Jänner Februar März April Mai Juni Juli August September Oktober November Dezember "
        "(?:Mon|Diens|Donners|Frei|Sams|Sonn)tags? Mittwochs? Sonnabend Mittag Mitternacht"
    )
    + "|"
    + words(
        "stunden? tage?n? wochen? \\w*monate?n? \\w*ende vor nach während bis täglich wöchentlich monatlich jährlich uhr"
    ),
    reasons=words("weil da denn wegen aufgrund durch ursache\\w* grund gründe\\w* deshalb daher dank damit"),
    follow_up=r"^(?:und|aber|oder|auch)\b|\b(?:er|ihn|ihm|sein|seine[nmrs]?|ihre[nmrs]?|davon|damit|dessen|deren|dort)\b",
    participles=r"ge\w+t|\w+iert|be\w+t|ver\w+t",
    count=r"\bwie\s?viele\b",
    pictured=words(
        "abbildung(?:en)? diagramme?s? grafik(?:en)? landkarten? fotos? bild(?:er|es)? logos? symbole? skizze(?:n)?"
    ),
    computed=words("unterschied differenz summe insgesamt mehr_als weniger_als mindestens höchstens"),
    colours=words("rot\\w* blau\\w* grün\\w* gelb\\w* schwarz\\w* weiß\\w* grau\\w* orange lila rosa braun\\w*"),
)

DUTCH = QuestionLanguage(
    code="nl",
    name="Dutch",
    common_words="""
jaar jaren dag dagen maand week uur tijd kost kosten prijs maakt gemaakt begint begon eindigt heet staat bedraagt bedroeg
betaalt gebeurde persoon mensen reden aantal soort bedrijf
""",
    form_words="pagina figuur tabel document rapport tekst naam lijst noem kleur procent percentage",
    measure=r"\bhoe\s?(?:veel|hoog|lang|groot|ver|vaak|oud|zwaar|diep|breed)\b",
    page=r"\bpagina'?s?\s+\d+",
    asks={
        "meaning": r"\bwaar staat\b.*\bvoor\b|\bafkorting\b",
        "percent": r"\bprocent\w*|\bpercentage\b|%|\bwelk (?:deel|aandeel)\b",
        "money": r"\bhoeveel kost\w*|\bwat kost\w*|\bhoe duur\b|\b(?:prijs|kosten|omzet|salaris|tarief)\w*",
        "year": r"\bwelk jaar\b",
        "date": r"\bwanneer\b|\bwelke (?:datum|dag|maand)\b",
        "number": r"\bhoe\s?(?:veel|hoog|lang|groot|ver|vaak|oud|zwaar|diep|breed)\b|\baantal\b",
        "person": r"\bwie(?:ns)?\b",
        "organisation": r"\bwelke?? (?:bedrijf|onderneming|organisatie|universiteit)\b",
        "place": r"\bwaar\b(?! staat)|\bwelke? (?:land|stad|plaats)\b",
        "colour": r"\bkleur(?:en)?\b",
        "reason": r"\bwaarom\b",
        "how-to": r"\bhoe (?:kan|moet|wordt)\b",
        "list": r"^(?:noem)\b",
        "yes-no": r"^(?:is|zijn|was|waren|heeft|hebben|kan|kunnen|mag|moet|wordt|worden)\b",
    },
    negation=words("niet nooit niets niemand geen nergens noch zonder"),
    exclusion=words("behalve uitgezonderd uitgesloten uitsluiting(?:en)? tenzij verboden vrijgesteld"),
    comparisons=(
        words("meeste hoogste grootste langste maximaal maximum beste zwaarste diepste"),
        words("minste laagste kleinste kortste minimaal minimum"),
        words("eerste oudste vroegste"),
        words("laatste jongste nieuwste"),
        words("alleen enige uitsluitend"),
    ),
    number_words=words(
        "twee drie vier vijf zes zeven acht negen tien elf twaalf twintig dertig veertig vijftig honderd duizend "
        "dozijn helft eenmaal tweemaal dertien veertien vijftien zestien zeventien achttien negentien dagelijks wekelijks"
    ),
    times=words(
        "januari februari maart april mei juni juli augustus september oktober november december "
        "(?:maan|dins|woens|donder|vrij|zater|zon)dag middernacht uur uren dag(?:en)? weken week maand(?:en)? voor na tot tijdens"
        " dagelijks wekelijks"
    ),
    reasons=words("omdat want wegens door vanwege oorzaak reden(?:en)? daarom dankzij zodat"),
    follow_up=r"^(?:en|maar|of|ook)\b|\b(?:hij|hem|zijn (?=\w+\s*\?)|haar|hun|ervan|daarvan|daar)\b",
    participles=r"ge\w+[dt]|ver\w+[dt]",
    count=r"\bhoeveel\b",
    pictured=words(
        "figuur figuren grafiek(?:en)? diagram(?:men)? landkaart foto'?s? afbeelding(?:en)? logo pictogram(?:men)?"
    ),
    computed=words("verschil som gezamenlijk meer_dan minder_dan minstens hoogstens"),
    colours=words("rood rode blauwe? groene? gele? geel zwarte? witte? wit grijze? grijs oranje paarse? roze bruine?"),
)
