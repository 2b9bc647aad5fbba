"""Encodings: short texts in each legacy encoding are read as they were written, or said to be a guess."""

# ruff: noqa: E501 - a text is a line

import pytest

from pagelens.ingest.text.decoding import PLAUSIBLE_SHARE, SURE_CHARACTERS, decode, wide_encoding

# Two texts of a language, about a library and about a harbour; and the encodings it was written in.
TEXTS = {
    "ja": (
        "市立図書館は月曜日に休館します。本の貸し出しは一人五冊までで、期間は二週間です。返却が遅れた場合は次の貸し出しができません。",
        "港の水門の重さは四十二トンで、昭和三十年に作られました。毎年春に点検を行い、錆びた部分を塗り直しています。",
    ),
    "zh": (
        "市图书馆星期一闭馆。每人最多可以借五本书，借期为两个星期。逾期不还的读者不能再借新书，请按时归还。",
        "港口的水闸重四十二吨，建于一九五五年。每年春天进行检查，并重新油漆生锈的部分，费用由市政府承担。",
    ),
    "tw": (
        "市立圖書館星期一休館。每人最多可以借五本書，借期為兩個星期。逾期不還的讀者不能再借新書，請按時歸還。",
        "港口的水閘重四十二噸，建於一九五五年。每年春天進行檢查，並重新油漆生鏽的部分，費用由市政府承擔。",
    ),
    "ko": (
        "시립 도서관은 월요일에 쉽니다. 책은 한 사람이 다섯 권까지 두 주 동안 빌릴 수 있습니다. 늦게 돌려주면 새 책을 빌릴 수 없습니다.",
        "항구의 수문은 무게가 사십이 톤이며 천구백오십오년에 만들어졌습니다. 해마다 봄에 점검하고 녹슨 곳을 다시 칠합니다.",
    ),
    "ru": (
        "Поезд на станцию Лесная отправляется каждый день в семь часов утра. Билеты можно купить в кассе вокзала или у кондуктора.",
        "Шлюзовые ворота в порту весят сорок две тонны и были построены в тысяча девятьсот пятьдесят пятом году. Каждую весну их осматривают.",
    ),
    "uk": (
        "Поїзд на станцію Лісова відправляється щодня о сьомій годині ранку. Квитки можна придбати в касі вокзалу або у провідника.",
        "Шлюзові ворота в порту важать сорок дві тонни, їх збудували в тисяча дев'ятсот п'ятдесят п'ятому році. Щовесни їх оглядають.",
    ),
    "bg": (
        "Влакът за гара Горска тръгва всеки ден в седем часа сутринта. Билети могат да се купят на касата на гарата или от кондуктора.",
        "Шлюзът на пристанището тежи четиридесет и два тона и е построен през петдесет и пета година. Всяка пролет го преглеждат.",
    ),
    "el": (
        "Το τρένο για τον σταθμό Δάσος αναχωρεί κάθε μέρα στις επτά το πρωί. Τα εισιτήρια πωλούνται στο ταμείο του σταθμού.",
        "Η πύλη του λιμανιού ζυγίζει σαράντα δύο τόνους και κατασκευάστηκε το πενήντα πέντε. Κάθε άνοιξη ελέγχεται και βάφεται.",
    ),
    "he": (
        "הספרייה העירונית סגורה ביום שני. אפשר לשאול עד חמישה ספרים לאדם למשך שבועיים. מי שמאחר אינו יכול לשאול ספרים חדשים.",
        "שער הנמל שוקל ארבעים ושתיים טונות ונבנה לפני שנים רבות. בכל אביב בודקים אותו וצובעים מחדש את החלקים החלודים.",
    ),
    "ar": (
        "المكتبة العامة مغلقة يوم الاثنين. يمكن استعارة خمسة كتب لكل شخص لمدة أسبوعين. من يتأخر لا يستطيع استعارة كتب جديدة.",
        "تزن بوابة الميناء اثنين وأربعين طنا وقد بنيت منذ سنوات طويلة. يتم فحصها كل ربيع وطلاء الأجزاء الصدئة من جديد.",
    ),
    "tr": (
        "Şehir kütüphanesi pazartesi günü kapalıdır. Kişi başına en çok beş kitap iki hafta için ödünç alınabilir. Geciken okuyucu yeni kitap alamaz.",
        "Limanın su kapağı kırk iki ton ağırlığındadır ve elli beş yılında yapılmıştır. Her bahar gözden geçirilir ve paslı yerleri boyanır.",
    ),
    "pl": (
        "Biblioteka miejska jest zamknięta w poniedziałek. Można wypożyczyć do pięciu książek na dwa tygodnie. Spóźniony czytelnik nie może wypożyczać następnych.",
        "Wrota śluzy w porcie ważą czterdzieści dwie tony i zostały zbudowane w pięćdziesiątym piątym roku. Każdej wiosny są przeglądane i malowane.",
    ),
    "cs": (
        "Městská knihovna je v pondělí zavřená. Každý si může půjčit nejvýše pět knih na dva týdny. Kdo se opozdí, nemůže si půjčit další knihy.",
        "Vrata plavební komory v přístavu váží čtyřicet dvě tuny a byla postavena v padesátém pátém roce. Každé jaro se prohlížejí a natírají.",
    ),
    "hu": (
        "A városi könyvtár hétfőn zárva van. Egy ember legfeljebb öt könyvet kölcsönözhet két hétre. Aki késik, nem kölcsönözhet újabb könyveket.",
        "A kikötő zsilipkapuja negyvenkét tonna súlyú, és ötvenötben épült. Minden tavasszal átvizsgálják és újrafestik a rozsdás részeket.",
    ),
    "ro": (
        "Biblioteca orăşenească este închisă lunea. Fiecare cititor poate împrumuta cinci cărţi pentru două săptămâni. Cine întârzie nu mai poate împrumuta.",
        "Poarta ecluzei din port cântăreşte patruzeci şi două de tone şi a fost construită acum mulţi ani. În fiecare primăvară este verificată.",
    ),
    "de": (
        "Die Stadtbücherei ist am Montag geschlossen. Jeder darf höchstens fünf Bücher für zwei Wochen ausleihen. Wer säumig ist, muss eine Gebühr zahlen.",
        "Das Schleusentor im Hafen wiegt zweiundvierzig Tonnen und wurde vor vielen Jahren für große Schiffe gebaut. Jedes Frühjahr wird es überprüft.",
    ),
    "fr": (
        "La bibliothèque municipale est fermée le lundi. Chaque lecteur peut emprunter cinq livres pour deux semaines. Les retards coûtent un euro par jour à l'élève.",
        "La porte de l'écluse du port pèse quarante-deux tonnes et a été construite il y a des années. Elle est vérifiée et repeinte à chaque printemps où c'est nécessaire.",
    ),
    "es": (
        "La biblioteca municipal está cerrada los lunes. Cada lector puede llevarse cinco libros durante dos semanas. ¿Quién paga los daños del año?",
        "La compuerta del puerto pesa cuarenta y dos toneladas y se construyó hace muchos años. Cada primavera los técnicos la revisan y pintan las partes dañadas.",
    ),
    "pt": (
        "A biblioteca municipal não abre à segunda-feira. Cada leitor pode levar cinco livros por duas semanas. Os atrasos são cobrados até à devolução.",
        "A comporta do porto pesa quarenta e duas toneladas e foi construída há muitos anos. Em cada primavera há uma inspeção e pintam-se as peças com ferrugem, então não há danos.",
    ),
    "da": (
        "Byens bibliotek er lukket om mandagen. Hver låner må tage fem bøger i to uger. De, der afleverer for sent, må ikke låne nye bøger før næste år.",
        "Havnens sluseport vejer toogfyrre ton og blev bygget for mange år siden. Hvert forår bliver den gennemgået, og rustne steder får ny maling på.",
    ),
    "sv": (
        "Stadens bibliotek är stängt på måndagar. Varje låntagare får ta fem böcker i två veckor. Den som lämnar för sent får inte låna nya böcker.",
        "Hamnens slussport väger fyrtiotvå ton och byggdes för många år sedan. Varje vår går man igenom den och målar över de rostiga ställena.",
    ),
    "lt": (
        "Miesto biblioteka pirmadienį uždaryta. Vienas skaitytojas gali pasiimti penkias knygas dviem savaitėms. Vėluojantis negalės imti naujų knygų.",
        "Uosto šliuzo vartai sveria keturiasdešimt dvi tonas ir buvo pastatyti prieš daug metų. Kiekvieną pavasarį jie tikrinami ir dažomi.",
    ),
    "lv": (
        "Pilsētas bibliotēka pirmdienās ir slēgta. Viens lasītājs drīkst paņemt piecas grāmatas uz divām nedēļām. Kas kavējas, nevarēs ņemt jaunas grāmatas.",
        "Ostas slūžu vārti sver četrdesmit divas tonnas un tika uzbūvēti pirms daudziem gadiem. Katru pavasari tos pārbauda un krāso.",
    ),
    "th": (
        "ห้องสมุดประชาชนปิดวันจันทร์ สมาชิกยืมหนังสือได้คนละห้าเล่มเป็นเวลาสองสัปดาห์ ผู้ที่คืนช้าจะยืมหนังสือเล่มใหม่ไม่ได้",
        "ประตูน้ำของท่าเรือหนักสี่สิบสองตันและสร้างขึ้นเมื่อหลายปีก่อน ทุกฤดูใบไม้ผลิจะมีการตรวจสอบและทาสีใหม่",
    ),
}
ENCODINGS = {
    "ja": ("cp932", "euc_jp", "utf-16-le", "utf-16-be", "iso2022_jp"),
    "zh": ("gb18030", "utf-16-le"),
    "tw": ("big5", "utf-16-be"),
    "ko": ("cp949", "utf-16-le"),
    "ru": ("cp1251", "koi8_r", "iso8859_5", "cp866", "utf-16-le"),
    "uk": ("cp1251", "koi8_u"),
    "bg": ("cp1251", "iso8859_5"),
    "el": ("cp1253", "iso8859_7"),
    "he": ("cp1255", "iso8859_8"),
    "ar": ("cp1256", "iso8859_6"),
    "tr": ("cp1254", "iso8859_9"),
    "pl": ("cp1250", "iso8859_2"),
    "cs": ("cp1250", "iso8859_2"),
    "hu": ("cp1250", "iso8859_2"),
    "ro": ("cp1250",),
    "de": ("cp1252", "iso8859_15", "utf-16-le", "cp850", "mac_roman"),
    "fr": ("cp1252", "iso8859_15"),
    "es": ("cp1252",),
    "pt": ("cp1252",),
    "da": ("cp1252", "iso8859_1"),
    "sv": ("cp1252",),
    "lt": ("cp1257", "iso8859_13"),
    "lv": ("cp1257", "iso8859_13"),
    "th": ("cp874",),
}
CASES = [(language, encoding) for language, encodings in ENCODINGS.items() for encoding in encodings]


@pytest.mark.parametrize(("language", "encoding"), CASES)
@pytest.mark.parametrize("length", [30, 60, 300])
def test_short_texts_are_read_in_each_encoding(language: str, encoding: str, length: int) -> None:
    for text in (text[:length] for text in TEXTS[language]):
        try:
            data = text.encode(encoding)
        except UnicodeEncodeError:
            continue
        decoded = decode(data)
        assert decoded.text == text, decoded
        characters = sum(byte > 127 for byte in data)
        is_wide = "utf-16" in encoding or "iso2022" in encoding
        assert decoded.is_guess == (not is_wide and 0 < characters < SURE_CHARACTERS)


def test_a_guess_is_said_from_too_few_characters_and_not_from_enough() -> None:
    word = "\u044f"  # one byte in windows-1251
    sentence = "\u043f\u043e\u0435\u0437\u0434 \u043d\u0430 \u0441\u0442\u0430\u043d\u0446\u0438\u044e "
    text = (sentence * 3).replace(" ", "")[: SURE_CHARACTERS - 1]
    assert decode(text.encode("cp1251")).problem == "its encoding is a guess: windows-1251"
    assert decode((text + word).encode("cp1251")).problem == ""
    assert SURE_CHARACTERS == 20


def test_a_declared_encoding_counts_before_any_statistics() -> None:
    text = "\u0428"
    assert decode(text.encode("koi8-r"), declared="KOI8-R").text == text
    assert decode(b"<?xml version='1.0' encoding='koi8-r'?>" + text.encode("koi8-r")).text.endswith(text)
    assert decode(b"<meta charset=x-sjis>" + "\u56f3".encode("cp932")).text.endswith("\u56f3")
    assert decode("caf\u00e9 \u20ac".encode("cp1252"), declared="iso-8859-1").text == "caf\u00e9 \u20ac"
    for codec in ("unicode_escape", "utf-7", "punycode", "rot13", "base64"):
        assert decode(b"# coding: " + codec.encode() + b"\n\\x41 +AGE- words").text.endswith("\\x41 +AGE- words")
    assert decode("caf\u00e9".encode(), declared="no-such-encoding").text == "caf\u00e9"
    assert decode(b"<meta charset=utf-16>" + "caf\u00e9".encode()).text.endswith("caf\u00e9")


def test_utf_8_that_is_cut_off_or_damaged_says_what_is_lost() -> None:
    text = "Gr\u00fc\u00dfe aus K\u00f6ln \u00fcber Stra\u00dfen und Pl\u00e4tze"
    decoded = decode(text.encode()[:-3] + b"\xe2\x82")
    assert decoded.encoding == "UTF-8" and decoded.replaced == 1
    assert "cannot be decoded" in decoded.problem
    assert decode(text.encode()).problem == ""


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32", "utf-32-le", "utf-32-be", "utf-8-sig", "gb18030"])
def test_marks_and_wide_encodings_without_one(encoding: str) -> None:
    text = (
        "\ufeff\u6771\u4eac"
        if encoding == "gb18030"
        else "Plain words, \u6771\u4eac and \u041c\u043e\u0441\u043a\u0432\u0430."
    )
    assert decode(text.encode(encoding)).text.lstrip("\ufeff") == text.lstrip("\ufeff")


def test_binary_data_are_not_taken_for_utf_16() -> None:
    assert wide_encoding(bytes(range(256)) * 8) is None
    assert wide_encoding(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\1\0\0\0\1\0\x08\6\0\0\0") is None
    assert wide_encoding(b"plain text") is None
    assert PLAUSIBLE_SHARE == 0.95
    rare = "\u0700"  # Syriac: of no common block
    text = "a" * 19 + rare
    assert wide_encoding(text.encode("utf-16-le")) == "utf-16-le"
    assert wide_encoding((text + rare).encode("utf-16-le")) is None


@pytest.mark.parametrize(
    ("text", "codec"),
    [
        ("The “new” rent — 46,500 € — isn’t payable before 5 May… naïve café", "cp1252"),
        ("Price: £12.50 per box. Copyright © 2019 Harbour Office.", "cp1252"),
        ("• Roof\n• Walls\nThe surveyor’s fee is £450.", "mac-roman"),
        ("L’élève a été reçu à l’école; où est-il né ?", "cp1252"),
        ("La città è più bella perché c’è il mare.", "cp1252"),
        ("¿Cuánto cuesta el año próximo? Mañana será más.", "cp850"),
        ("El señor Núñez pagó 300 €; ¡qué barbaridad!", "cp1252"),
        ("Gælder fra 1. maj – se § 12, stk. 3.", "cp1252"),
        ("Tolerance ±0.5 mm; area 12 m²; ½ pint; 3×4.", "cp1252"),
        ("N° 12 : prix 1 200 €", "mac-roman"),
        ("Zażółć gęślą jaźń.", "cp1250"),
        ("Цена 5 руб.", "koi8-r"),
        ("IBM公司的租金", "gb18030"),
    ],
)
def test_a_short_text_is_read_by_the_encoding_that_leaves_nothing_in_odd_places(text: str, codec: str) -> None:
    decoded = decode(text.encode(codec))
    assert (decoded.text, decoded.is_guess) == (text, True)


def test_a_declaration_as_ascii_is_not_believed_of_bytes_above_it() -> None:
    """Mail programs that do not know the encoding of a text declare it as us-ascii."""
    text = "Плата за причал составляет 500 крон в год."
    assert decode(text.encode("koi8-r"), "us-ascii").text == text
    assert decode(b"Quay 5", "us-ascii").text == "Quay 5"
