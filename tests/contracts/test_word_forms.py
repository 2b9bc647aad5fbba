"""Words are found in every spelling and form, alike on both lexical indexes."""

from pathlib import Path

import pytest

from pagelens.index.lexical.analysis import analyze
from pagelens.index.lexical.lexical_index import indexed_text
from tests.contracts.test_lexical_indexes import NAMES, collection, path_of, search
from tests.index.fixtures import new_pages, write

# Of each kind: texts, and queries with the text that is best for each.
KINDS = {
    "numbers": (
        {
            "tickets": "Tickets sold in 2023: 1,043,250.",
            "other tickets": "Tickets sold in 2020: 250,104. Fuel bought: 44 048 litres.",
            "fuel": "Fuel bought: 48 200 litres. Repairs cost 12.750 euros.",
            "population": "Die Stadt hat 1.043.987 Einwohner.",
            "crore": "The dam cost 10,43,871 rupees, of which 48,201 were lent.",
            "plain": "There were 77120 visitors and 250 dogs.",
            "swiss": "The bridge weighs 3'914'002 kilograms; of it 914 were repaired.",
            "same digits": "Eggs: 1,250,043 in 43 farms. The 250 hens are 1 year old.",
            "narrow": "La ville compte 2\u202f345\u202f678 habitants.",
            "bengali": "জাদুঘরে ৪৮,৭১৩ দর্শক এসেছিলেন।",
            "arabic": "بلغ عدد الزوار ٩١٬٤٠٧ زائرا.",
            "book": "ISBN 978-3-16-148410-0, 148 pages, 3 parts.",
        },
        {
            "1043250": "tickets",
            "1.043.250 tickets": "tickets",
            "44048": "other tickets",
            "48200 litres": "fuel",
            "12,750 euros": "fuel",
            "1043987": "population",
            "1 043 987": "population",
            "1043871": "crore",
            "1,043,871": "crore",
            "77,120": "plain",
            "3914002": "swiss",
            "1 043 250 tickets": "tickets",
            "77 120": "plain",
            "2345678": "narrow",
            "48713": "bengali",
            "91,407": "arabic",
            "9783161484100": "book",
        },
    ),
    "dates": (
        {
            "iso": "The committee met on 2024-03-05 and again on 17.06.2024.",
            "american": "The committee met on March 7, 2024 and again on 2 July 2024.",
            "other year": "The committee met on 5 May 2023. It will meet on 3 June.",
            "slashes": "Invoice of 11/12/2021, paid.",
            "german": "Die Sitzung vom 9. März 2022 wurde vertagt.",
            "spanish": "La reunión del 14 de septiembre de 2020 fue breve.",
            "japanese": "会議は2019年8月21日に開かれた。",
            "ordinal": "Deadline: the 23rd of October 2018.",
            "era": "契約日は令和3年11月30日です。",
            "korean": "회의는 2017. 4. 12. 에 열렸다.",
            "vietnamese": "Họp ngày 8 tháng 1 năm 2016 tại Hà Nội.",
            "hindi": "बैठक १९ फ़रवरी २०१५ को हुई।",
            "ukrainian": "Засідання відбулося 27 липня 2014 року.",
        },
        {
            "5 March 2024": "iso",
            "March 5th, 2024": "iso",
            "5. März 2024": "iso",
            "June 17, 2024": "iso",
            "2024-03-07": "american",
            "07.03.2024": "american",
            "2024-07-02": "american",
            "02/07/2024": "american",
            "5 May": "other year",
            "11 December 2021": "slashes",
            "12 November 2021": "slashes",
            "2022-03-09": "german",
            "14 September 2020": "spanish",
            "21 August 2019": "japanese",
            "10/23/2018": "ordinal",
            "30 November 2021": "era",
            "2017-04-12": "korean",
            "8 January 2016": "vietnamese",
            "2015-02-19": "hindi",
            "July 27, 2014": "ukrainian",
        },
    ),
    "acronyms": (
        {
            "who": "The WHO published the hand washing leaflet that hangs at every sink.",
            "it": "The IT desk answers calls until nine. The printers are on floor two.",
            "desk": "The desk on floor one answers calls until six. Leaflets lie on the counter.",
            "us": "The US branch in Ohio sends the gloves. Vitamin A is kept in the blue box.",
            "branch": "The branch in Wales sends the masks. Vitamin boxes are ordered in May.",
            "play": "The play To Be or Not to Be was given by the nurses in the hall.",
            "dotted": "Parts made in the U.S.A. arrive on Mondays.",
            "heading": "WHO SHOULD READ ALL OF IT",
        },
        {
            "WHO": "who",
            "What did the WHO publish?": "who",
            "IT desk": "it",
            "US branch": "us",
            "U.S. branch": "us",
            "vitamin A box": "us",
            "parts from the USA": "dotted",
            "to be or not to be": "play",
        },
    ),
    "codes": (
        {
            "part": "Order the valve AB-1234/5 and the hose AB-1235/5.",
            "valve": "The valve 1234 was sold out in 5 shops.",
            "release": "Fixed in v2.3.1 of the program.",
            "section": "2 chapters, 3 pages, 1 release.",
            "share": "The share of women rose to 12.5%, of 120 members.",
            "prozent": "Der Anteil sank auf 7,5 Prozent.",
            "weight": "Each bag weighs 5kg when it is dry.",
            "numbers": "On page 5 of 12 there are 7 photos.",
        },
        {
            "AB1234/5": "part",
            "ab12355": "part",
            "version 2.3.1": "release",
            "2.3.1": "release",
            "12,5 %": "share",
            "12.5 per cent": "share",
            "7.5%": "prozent",
            "5 kg": "weight",
            "５ｋｇ": "weight",
        },
    ),
    "arabic script": (
        {
            "rent": "وَقَّعَ المُدِيرُ عَقْدَ الإيجَارِ في مَارِس. العُربُونُ ألفَا دِينَار.",
            "farm": "يحصد المزارع البطاطس في الخريف. الـقـمـح في المخزن.",
            "museum": "يعرض المتحف الجرار القديمة. الدخول مجاني للأطفال. إشراف أحمد الإدريسي.",
            "school": "تنظم المدرسة سباق الجري في يونيو. الطلاب يحصلون على ميداليات.",
            "market": "يبيع التجار السمك في السوق كل صباح ويستخدمون الثلج.",
            "persian": "کتاب‌ها در کتابخانه‌ی مرکزی هستند.",
            "persian road": "راه‌آهن تهران ۱۲۳۴ کیلومتر است.",
        },
        {
            "العربون": "rent",
            "عقد الإيجار": "rent",
            "القمح": "farm",
            "قمح": "farm",
            "احمد الادريسي": "museum",
            "مدرسه": "school",
            "والمدرسة": "school",
            "كتابها": "persian",
            "کتاب ها": "persian",
            "راهآهن": "persian road",
            "1234": "persian road",
        },
    ),
    "korean": (
        {
            "lease": "세입자는 계약서를 삼월까지 제출해야 합니다. 보증금은 이천만 원입니다.",
            "farm": "농부는 감자를 가을에 수확합니다. 창고에는 쌀이 있습니다.",
            "hospital": "병원에는 의사가 열두 명 있습니다. 간호사들은 밤에도 일합니다.",
            "market": "부산의 생선 시장은 새벽에 열립니다. 상인들은 얼음을 사용합니다.",
            "museum": "박물관에서 도자기를 전시합니다. 입장료가 없습니다.",
            "school": "학교에서는 유월에 운동회를 엽니다. 학생들이 달리기를 합니다.",
            "library": "도서관은 월요일에 문을 닫습니다. 사서가 책을 정리합니다.",
            "bus": "버스는 십 분마다 다닙니다. 기사들이 교대로 운전합니다. 고속버스터미널에서 출발합니다.",
        },
        {
            "계약서": "lease",
            "보증금 얼마": "lease",
            "쌀": "farm",
            "수확": "farm",
            "감자가": "farm",
            "간호사": "hospital",
            "얼음": "market",
            "도자기": "museum",
            "운동회": "school",
            "도서관에서": "library",
            "책": "library",
            "터미널": "bus",
            "ᄐ\u1165미널": "bus",
        },
    ),
    "other scripts": (
        {
            "hebrew": "הַבַּיִת הַגָּדוֹל נִמְכַּר בְּחֵיפָה.",
            "greek": "Οι δρόμοι της Αθήνας είναι κλειστοί.",
            "russian": "Самолёты стояли на аэродроме, пилоты читали книги.",
            "turkish": "İstanbul ve Iğdır arasında evlerden biri satıldı.",
            "thai": "ห้องสมุดปิดทุกวันจันทร์",
            "thai market": "ตลาดปลาเปิดทุกเช้า",
            "japanese": "図書館は月曜日に休みです。ﾀﾞﾑの工事は終わった。",
            "hindi": "हिन्दी की किताबें चाँद पर हैं।",
            "vietnamese": "Hợp đồng thuê nhà ở Đà Nẵng.",
            "chinese": "合同规定押金为两千元。",
        },
        {
            "בית": "hebrew",
            "בחיפה": "hebrew",
            "ΑΘΗΝΑΣ": "greek",
            "δρομους": "greek",
            "самолет": "russian",
            "книга": "russian",
            "istanbul": "turkish",
            "IĞDIR": "turkish",
            "igdir": "turkish",
            "ev": "turkish",
            "ห้องสมุด": "thai",
            "ตลาด": "thai market",
            "月曜日": "japanese",
            "ダム": "japanese",
            "押金": "chinese",
            "हिंदी": "hindi",
            "चांद": "hindi",
            "hop dong": "vietnamese",
            "ĐÀ NẴNG": "vietnamese",
        },
    ),
    "stems": (
        {
            "german": "Die Verträge über die Häuser sind von den Mietern zu unterschreiben.",
            "french": "Les chevaux nationaux sont vaccinés par les vétérinaires de la ville.",
            "spanish": "Las canciones de los niños fueron grabadas en el teatro.",
            "italian": "Le biblioteche della città sono chiuse per i restauri.",
            "dutch": "De huizen worden door de gemeente verkocht aan de bewoners.",
            "swedish": "Flickorna och pojkarna läste böckerna som låg på borden.",
            "finnish": "Kirjoissa on kuvia ja karttoja, mutta ne ovat vanhoja.",
            "english": "The contracts of the tenants are signed by the owners.",
        },
        {
            "Vertrag": "german",
            "Haus": "german",
            "Was steht in dem Vertrag der Mieter?": "german",
            "cheval vaccination": "french",
            "canción": "spanish",
            "biblioteca": "italian",
            "huizen": "dutch",
            "flicka": "swedish",
            "kirja": "finnish",
            "contract": "english",
        },
    ),
    "words in parts": (
        {
            "mail": "Send an e-mail to the office before noon.",
            "online": "The catalogue of the shop is online since May.",
            "neill": "The drawings are by O'Neill, the frames by nobody.",
            "degree": "Candidates with a Ph.D. in botany may apply.",
            "umlaut": "Die Gebühren für Herrn Müller sind von der Behörde zu tragen.",
            "digraph": "Die Rechnung von Frau Boettcher ist in der Mappe und nicht bezahlt.",
        },
        {
            "email to the office": "mail",
            "on-line catalogue": "online",
            "ONeill": "neill",
            "PhD": "degree",
            "Mueller": "umlaut",
            "Gebuehren": "umlaut",
            "Böttcher": "digraph",
        },
    ),
    "hyphens": (
        {
            "broken": "The report on con-\ntamination near the ground-\nwater wells by the hydro-\ngeologist.",
            "soft": "The trans\u00admission lines were cut.",
            "compound": "All costs of the self-\nservice counters in Jean-\nPaul Marat street were met.",
            "typographic": "Die Strom\u2010\nversorgung der Gemeinde fiel aus.",
            "other": "The report on wells and lines near the water, its state, the service and Paul.",
        },
        {
            "contamination": "broken",
            "groundwater": "broken",
            "hydrogeologists": "broken",
            "transmission": "soft",
            "self-service": "compound",
            "selfservice": "compound",
            "Jean-Paul": "compound",
            "Stromversorgung": "typographic",
        },
    ),
}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("kind", KINDS)
def test_the_text_with_the_words_in_another_form_is_found_first(kind: str, name: str, tmp_path: Path) -> None:
    texts, queries = KINDS[kind]
    root = collection(name, tmp_path / "c")
    write(root, new_pages(path_of(tmp_path, "a.pdf"), [indexed_text(text, "") for text in texts.values()]))
    names = dict(enumerate(texts, 1))
    first: dict[str, str] = {}
    for query in queries:
        scores = search(root, analyze(query))
        best = max(scores.values(), default=0.0)
        first[query] = " = ".join(names[number] for (_, number), score in scores.items() if score == best)
    assert first == queries
