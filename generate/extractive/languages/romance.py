"""French, Spanish, Portuguese and Italian."""

from pagelens.generate.extractive.languages.question_language import QuestionLanguage, words

FRENCH = QuestionLanguage(
    code="fr",
    name="French",
    common_words="""
jour jours année années an ans mois semaine heure heures temps coûte coût prix fait faire commence commença finit
s'élève élevé appelle trouve payer paie payé arrivé personne personnes raison nombre sorte société délai
""",
    form_words="page pages figure tableau document rapport texte nom noms liste citez montre couleur couleurs pourcentage",
    measure=r"\bcombien\s+(?:de\b|d['’])",
    page=r"\bpages?\s+\d+",
    asks={
        "meaning": r"\bsigle\b|\babréviation\b|\bque signifie\w*\b|\bacronyme\b",
        "percent": r"\bpour ?cent(?:age)?s?\b|%|\bquelle (?:part|proportion)\b",
        "money": r"\bcombien (?:coûte\w*|a coûté|ont coûté)|\bquel(?:le)? (?:est|était) (?:le|la)\b.{0,40}\b(?:prix|coût|tarif|salaire|loyer|amende|budget)\b"
        r"|\bquel (?:est|était) le chiffre d['’]affaires\b",
        "year": r"\bquelles? années?\b",
        "date": r"\bquand\b|\bquelle (?:date|heure)\b|\bquel (?:jour|mois)\b",
        "number": r"\bcombien\b|\bquel est le nombre\b|\bnombre de\b|\bquelle est la (?:taille|hauteur|longueur|durée)\b",
        "person": r"\b(?:^qui|par qui|de qui|à qui|qui (?:a|ont|est|sont|dirige|signe))\b",
        "organisation": r"\bquelle (?:entreprise|société|organisation|université)\b",
        "place": r"(?<!\w)où\b|\b(?:quel pays|quelle ville|quel lieu|quel endroit)\b",
        "colour": r"\bcouleurs?\b",
        "reason": r"\bpourquoi\b|\bpour quelle raison\b",
        "how-to": r"\bcomment\b",
        "list": r"^(?:citez|énumérez|listez)\b|\bquels sont\b|\bquelles sont\b",
        "yes-no": r"^est-ce qu|^(?:est|sont|a|ont|peut|peuvent|doit|doivent)-|^\w+(?: \w+){0,4} (?:est|sont|peut)-(?:il|elle|ils|elles)\b",
    },
    negation=words("ne n['’]\\w+ pas jamais rien personne aucune? ni non sans"),
    exclusion=words("sauf excepté exceptions? hormis exclue?s? exclut exclusions? interdite?s? exemptée?s? à_moins"),
    comparisons=(
        words("(?:le|la|les)_plus maximum maximale?s? meilleure?s?"),
        words("(?:le|la|les)_moins minimum minimale?s?"),
        words("premi(?:er|ère)s?"),
        words("derni(?:er|ère)s?"),
        words("seule?s? seulement uniquement"),
    ),
    number_words=words(
        "deux trois quatre cinq six sept huit neuf dix onze douze vingt trente quarante cinquante cent mille "
        "douzaine moitié treize quatorze quinze seize une_fois million millions"
    ),
    times=words(
        "janvier février mars avril mai juin juillet août septembre octobre novembre décembre "
        "lundi mardi mercredi jeudi vendredi samedi dimanche midi minuit "
        "heures? jours? semaines? mois avant après pendant jusqu avant"
    ),
    reasons=words("car parce puisque à_cause en_raison grâce cause raisons? afin pour"),
    follow_up=r"^(?:et|mais|ou|alors|aussi)\b|\b(?:il|elle|ils|elles|son|sa|ses|leur|leurs|celui|celle|ceux)\b",
    participles=r"\w+ée?s?|\w+us?|\w+ies?|\w+irent|\w+èrent",
    count=r"\bcombien d(?:e\b|['’])",
    pictured=words("figures? graphiques? diagrammes? schémas? photos? images? icônes? logos? dessins?"),
    computed=words("différence somme plus_d[e'’] moins_d[e'’] au_moins au_plus"),
    colours=words("rouges? bleue?s? verte?s? jaunes? noire?s? blanch?e?s? grise?s? orange violet(?:te)?s? rose marron"),
)

SPANISH = QuestionLanguage(
    code="es",
    name="Spanish",
    common_words="""
día días año años mes meses semana hora horas tiempo cuesta costo precio hace hizo empieza empezó comienza termina llama
encuentra paga pagó pagar ocurrió persona personas razón número cantidad tipo empresa
""",
    form_words="página páginas figura tabla documento informe texto nombre nombres lista enumere muestra color colores porcentaje",
    measure=r"\bcuánt[oa]s?\b",
    page=r"\bpáginas?\s+\d+",
    asks={
        "meaning": r"\bqué significa\b|\bsiglas?\b|\babreviatura\b|\bacrónimo\b",
        "percent": r"\bpor ?ciento\b|\bporcentajes?\b|%|\bqué (?:proporción|parte)\b",
        "money": r"\bcuánto (?:cuesta|costó|costaron|cuestan)|\bcuál(?:es)? (?:es|era|son|fue)\b.{0,40}\b(?:precio|coste|costo|tarifa|salario|presupuesto|alquiler|multa)s?\b",
        "year": r"\bqué años?\b",
        "date": r"\bcuándo\b|\bqué (?:fecha|día|mes)\b|\ba qué hora\b",
        "number": r"\bcuánt[oa]s?\b|\bnúmero de\b|\bcantidad de\b",
        "person": r"\bqui[eé]n(?:es)?\b",
        "organisation": r"\bqué (?:empresa|compañía|organización|universidad)\b",
        "place": r"\b(?:a)?dónde\b|\bqué (?:país|ciudad|lugar)\b",
        "colour": r"\bcolor(?:es)?\b",
        "reason": r"\bpor qué\b",
        "how-to": r"\bcómo\b",
        "list": r"^(?:enumere|liste)\b|\bcuáles son\b",
        "yes-no": r"^[¿\s]*(?:es|son|está|están|ha|han|hay|puede|pueden|debe|deben|tiene|tienen|se (?:puede|permite))\b",
    },
    negation=words("no nunca jamás nada nadie ningun[oa]? ningún ni sin"),
    exclusion=words(
        "excepto salvo excepción excepciones excluid[oa]s? excluye exclusión exclusiones prohibid[oa]s? exent[oa]s?"
    ),
    comparisons=(
        words("(?:el|la|los|las)_(?:\\w+_)?más máxim[oa]s? mayor mejor"),
        words("(?:el|la|los|las)_(?:\\w+_)?menos mínim[oa]s? menor"),
        words("primer[oa]?s?"),
        words("últim[oa]s?"),
        words("sólo solo solamente únic[oa]s?"),
    ),
    number_words=words(
        "dos tres cuatro cinco seis siete ocho nueve diez once doce veinte treinta cuarenta cincuenta cien mil "
        "docena mitad trece catorce quince dieciséis una_vez millón millones"
    ),
    times=words(
        "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre "
        "lunes martes miércoles jueves viernes sábados? domingos? mediodía medianoche "
        "horas? días? semanas? mes(?:es)? antes después durante hasta"
    ),
    reasons=words("porque debido pues ya_que a_causa causa raz(?:ón|ones) gracias para por"),
    follow_up=r"^[¿\s]*(?:y|e|pero|o|también)\b|\b(?:él|ella|ellos|ellas|su|sus|eso|esa|ese|allí)\b",
    participles=r"\w+[ai]d[oa]s?|\w+(?:aron|ieron|eron)",
    count=r"\bcuánt[oa]s\b",
    pictured=words("figuras? gráfic[oa]s? diagramas? mapas? fotos? imágenes imagen iconos? logos? dibujos?"),
    computed=words("diferencia suma más_de menos_de al_menos como_máximo"),
    colours=words("roj[oa]s? azul(?:es)? verdes? amarill[oa]s? negr[oa]s? blanc[oa]s? gris(?:es)? naranja rosa marrón"),
)

PORTUGUESE = QuestionLanguage(
    code="pt",
    name="Portuguese",
    common_words="""
dia dias ano anos mês meses semana hora horas tempo custa custo preço faz fez começa começou termina chama encontra paga
pagou pagar aconteceu pessoa pessoas razão número quantidade tipo empresa
""",
    form_words="página páginas figura tabela documento relatório texto nome nomes lista liste mostra cor cores porcentagem percentagem",
    measure=r"\bquant[oa]s?\b",
    page=r"\bpáginas?\s+\d+",
    asks={
        "meaning": r"\bo que significa\b|\bsiglas?\b|\babreviatura\b|\bacrônimo\b",
        "percent": r"\bpor ?cento\b|\bpercentage[nm]s?\b|\bporcentagem\b|%|\bque (?:proporção|parcela)\b",
        "money": r"\bquanto (?:custa|custou|custam|custaram)|\bqual (?:é|era|foi)\b.{0,40}\b(?:preço|custo|tarifa|salário|orçamento|aluguel|multa)s?\b",
        "year": r"\bque anos?\b|\bem qual ano\b",
        "date": r"\bquando\b|\bque (?:data|dia|mês)\b|\ba que horas\b",
        "number": r"\bquant[oa]s?\b|\bnúmero de\b|\bquantidade de\b",
        "person": r"\bquem\b",
        "organisation": r"\b(?:que|qual) (?:empresa|companhia|organização|universidade)\b",
        "place": r"\bonde\b|\b(?:que|qual) (?:país|cidade|lugar)\b",
        "colour": r"\bcor(?:es)?\b",
        "reason": r"\bpor ?qu[eê]\b",
        "how-to": r"\bcomo\b",
        "list": r"^(?:liste|enumere)\b|\bquais são\b",
        "yes-no": r"^(?:é|são|está|estão|foi|há|pode|podem|deve|devem|tem|têm)\b",
    },
    negation=words("não nunca jamais nada ninguém nenhuma? nem sem"),
    exclusion=words("exceto salvo exceç(?:ão|ões) excluíd[oa]s? exclui exclus(?:ão|ões) proibid[oa]s? isent[oa]s?"),
    comparisons=(
        words("[oa]s?_(?:\\w+_)?mais máxim[oa]s? maior(?:es)? melhor(?:es)?"),
        words("[oa]s?_(?:\\w+_)?menos mínim[oa]s? menor(?:es)?"),
        words("primeir[oa]s?"),
        words("últim[oa]s?"),
        words("só somente apenas únic[oa]s?"),
    ),
    number_words=words(
        "dois duas três quatro cinco seis sete oito nove dez onze doze vinte trinta quarenta cinquenta cem mil "
        "dúzia metade treze catorze quinze dezesseis uma_vez milhão milhões"
    ),
    times=words(
        "janeiro fevereiro março abril maio junho julho agosto setembro outubro novembro dezembro "
        "(?:segunda|terça|quarta|quinta|sexta)-feira sábados? domingos? meio-dia meia-noite "
        "horas? dias? semanas? m[êe]s(?:es)? antes depois durante até"
    ),
    reasons=words("porque devido pois já_que por_causa causa raz(?:ão|ões) graças para por"),
    follow_up=r"^(?:e|mas|ou|também)\b|\b(?:ele|ela|eles|elas|seu|sua|seus|suas|dele|dela|isso|lá)\b",
    participles=r"\w+[ai]d[oa]s?|\w+(?:aram|eram|iram)",
    count=r"\bquant[oa]s\b",
    pictured=words("figuras? gráficos? diagramas? mapas? fotos? imagens imagem ícones? logos? desenhos?"),
    computed=words("diferença soma mais_de menos_de pelo_menos no_máximo"),
    colours=words("vermelh[oa]s? azu(?:l|is) verdes? amarel[oa]s? pret[oa]s? branc[oa]s? cinza laranja rosa marrom"),
)

ITALIAN = QuestionLanguage(
    code="it",
    name="Italian",
    common_words="""
giorno giorni anno anni mese mesi settimana ora ore tempo costa costo prezzo fa fatto comincia inizia finisce chiama trova paga
pagato pagare successo persona persone ragione numero quantità tipo azienda
""",
    form_words="pagina pagine figura tabella documento rapporto relazione testo nome nomi elenco elenca mostra colore colori percentuale",
    measure=r"\bquant[oaie]\b",
    page=r"\bpagin[ae]\s+\d+",
    asks={
        "meaning": r"\bcosa significa\b|\bsigla\b|\babbreviazione\b|\bacronimo\b",
        "percent": r"\bper ?cento\b|\bpercentual[ei]\b|%|\bquale (?:parte|quota)\b",
        "money": r"\bquanto (?:costa|è costato|costano)|\b(?:qual è|quanto è|quali sono)\b.{0,40}\b(?:prezz[oi]|cost[oi]|tariffa|stipendio|fatturato|affitto|multa)\b",
        "year": r"\b(?:che|quale|quali) ann[oi]\b",
        "date": r"\bquando\b|\b(?:che|quale) (?:data|giorno|mese)\b|\ba che ora\b",
        "number": r"\bquant[oaie]\b|\bnumero di\b|\bquantità di\b",
        "person": r"\bchi\b",
        "organisation": r"\b(?:che|quale) (?:azienda|società|organizzazione|università)\b",
        "place": r"\bdove\b|\b(?:che|quale) (?:paese|città|luogo)\b",
        "colour": r"\bcolor[ei]\b",
        "reason": r"\bperch[éè]\b",
        "how-to": r"\bcome\b",
        "list": r"^(?:elenca)\b|\bquali sono\b",
        "yes-no": r"^(?:è|sono|era|ha|hanno|può|possono|deve|devono|c'è|ci sono|si può)\b",
    },
    negation=words("non mai nulla niente nessun[oa]? né senza"),
    exclusion=words("tranne salvo eccetto eccezion[ei] esclus[oaie] esclusion[ei] vietat[oaie] esent[ei]"),
    comparisons=(
        words("(?:il|la|i|gli|le)_(?:\\w+_)?più massim[oaie] maggior[ei]? miglior[ei]?"),
        words("(?:il|la|i|gli|le)_(?:\\w+_)?meno minim[oaie] minor[ei]?"),
        words("prim[oaie]"),
        words("ultim[oaie]"),
        words("solo soltanto solamente unic[oaie]"),
    ),
    number_words=words(
        "due tre quattro cinque sei sette otto nove dieci undici dodici venti trenta quaranta cinquanta cento mille "
        "dozzina metà tredici quattordici quindici sedici una_volta milion[ei]"
    ),
    times=words(
        "gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre "
        "lunedì martedì mercoledì giovedì venerdì sabato domenica mezzogiorno mezzanotte "
        "or[ae] giorn[oi] settiman[ae] mes[ei] prima dopo durante entro fino"
    ),
    reasons=words("perché poiché a_causa dovut[oa] causa ragion[ei] grazie per"),
    follow_up=r"^(?:e|ma|o|anche)\b|\b(?:lui|lei|loro|suo|sua|suoi|sue|esso|essa|ciò)\b",
    participles=r"\w+[aiu]t[oaei]",
    count=r"\bquant[ie]\b",
    pictured=words("figur[ae] grafic[oi] diagramm[ai] mapp[ae] foto immagin[ei] icon[ae] logo disegn[oi]"),
    computed=words("differenza somma più_di meno_di almeno al_massimo"),
    colours=words(
        "ross[oaie] blu azzurr[oaie] verd[ei] giall[oaie] ner[oaie] bianc(?:o|a|hi|he) grigi[oae]? rosa marrone"
    ),
)
