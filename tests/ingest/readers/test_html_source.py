"""HTML: deleted and hidden text is left out, words are neither glued nor split, superscripts stay apart."""

from html import escape
from pathlib import Path

import pytest

from pagelens.ingest.readers.html_source import sanitize_html
from tests.ingest.readers.test_reflowable_reader import read, words


def text_of(folder: Path, html: str) -> str:
    (folder / "a.html").write_text(f"<meta charset=utf-8>{html}", encoding="utf-8")
    return " ".join(words(read(folder / "a.html")[1]))


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("The fee is <del>30</del><ins>40</ins> euros.", "The fee is 40 euros."),
        ("<p>Open <s>Monday</s> <strike>Tuesday</strike> Friday", "Open Friday"),
        ("<p>a <span style='text-decoration: line-through red'>gone</span> b", "a b"),
        ("<p>a <span style='text-decoration-line:line-through'>gone</span> b", "a b"),
        ("<p hidden>gone<p>kept", "kept"),
        ("<ul><li hidden>gone<li>kept</ul>", "\u2022 kept"),
        ("<div style='DISPLAY:NONE'>gone <div>gone</div></div>kept", "kept"),
        ("<dialog>gone</dialog><dialog open>kept</dialog>", "kept"),
        ("<div><s>gone</div><p>kept</p>", "kept"),
        ("<style>p.old, .x{text-decoration: line-through}</style><p class='a old'>gone</p><p class=a>kept</p>", "kept"),
        ("<style>.y{color:red} .x i{text-decoration:line-through}</style><p class='x y'>kept</p>", "kept"),
        ("<style>@media print { .a {color: red} .x {text-decoration: line-through} }</style><p class=x>kept", "kept"),
        ("<style>.x { display: none }</style><p class=x>gone</p><p>kept</p>", "kept"),
    ],
)
def test_deleted_and_hidden_text_is_left_out_and_inserted_text_is_not(tmp_path: Path, html: str, text: str) -> None:
    assert text_of(tmp_path, html) == text


@pytest.mark.parametrize(
    "ruby",
    [
        "<ruby>\u6f22<rt>\u304b\u3093</rt>\u5b57<rt>\u3058</rt></ruby>",
        "<ruby>\u6f22\u5b57<rp>(</rp><rt>\u304b\u3093\u3058<rp>)</rp></ruby>",
        "<ruby><rb>\u6f22<rt>\u304b\u3093<rb>\u5b57<rt>\u3058</ruby>",
    ],
)
def test_ruby_is_its_base_text_once(tmp_path: Path, ruby: str) -> None:
    assert text_of(tmp_path, f"<p>{ruby}\u3092\u8aad\u3080</p>") == "\u6f22\u5b57\u3092\u8aad\u3080"


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("10<sup>3</sup> tons", "10^3 tons"),
        ("2<sup>-5</sup>", "2^-5"),
        ("40 m<sup>2</sup> and 5 km<sup>3</sup>", "40 m^2 and 5 km^3"),
        ("(a+b)<sup>2</sup>", "(a+b)^2"),
        ("x<sup>n</sup>", "x^n"),
        ("the 1<sup>st</sup>, le 2<sup>e</sup>, 3<sup>rd</sup>", "the 1st, le 2e, 3rd"),
        ("M<sup>me</sup> Blanc", "Mme Blanc"),
        ("the harbour<sup>1</sup> was", "the harbour 1 was"),
        ("in 1955<sup><a href='#n4'>4</a></sup>.", "in 1955 4."),
        ("in 1955<sup>[2]</sup>", "in 1955 [2]"),
        ("H<sub>2</sub>O and CO<sub>2</sub>", "H2O and CO2"),
        ("101<sub>2</sub>", "101_2"),
        ("x<sub>i</sub>", "x_i"),
        ("x<sup></sup>y", "xy"),
        ("10<sup>3", "10^3"),
    ],
)
def test_superscripts_and_subscripts_are_not_taken_for_digits_of_a_number(tmp_path: Path, html: str, text: str) -> None:
    assert text_of(tmp_path, f"<p>{html}") == text


@pytest.mark.parametrize(
    "html",
    [
        "<table><tr><td>one</td><td>two</td></tr></table>",
        "<table><tr><th>one<td>two</table>",
        "<p>one</p><p>two</p>",
        "one<br>two",
        "<div>one</div>two",
        "<section>one</section><section>two</section>",
        "<article>one<footer>two</footer></article>",
        "<button>one</button><button>two</button>",
        "<select><option>one<option>two</select>",
        "<dl><dt>one<dd>two</dl>",
        "<figure>one<figcaption>two</figcaption></figure>",
        "<h2>one</h2>two",
        "<details><summary>one</summary>two</details>",
    ],
)
def test_words_of_two_elements_are_not_glued(tmp_path: Path, html: str) -> None:
    assert text_of(tmp_path, html) == "one two"


@pytest.mark.parametrize(
    "html",
    [
        "<b>W</b>ord",
        "W<i>or</i>d",
        "Wo<wbr>rd",
        "Wo&shy;rd",
        "Wo\u200brd",
        "<span>W</span><span>ord</span>",
        "W<!-- x -->ord",
    ],
)
def test_a_word_is_not_split_by_tags_within_it(tmp_path: Path, html: str) -> None:
    assert text_of(tmp_path, f"<p>{html} here") == "Word here"


@pytest.mark.parametrize(
    ("formula", "text"),
    [
        (
            "<mrow><mi>x</mi><mo>=</mo><mfrac><mrow><mo>-</mo><mi>b</mi><mo>±</mo><msqrt><msup><mi>b</mi><mn>2</mn>"
            "</msup><mo>-</mo><mn>4</mn></msqrt></mrow><mrow><mn>2</mn><mi>a</mi></mrow></mfrac></mrow>",
            "x=(-b±√(b^2-4))/(2a)",
        ),
        (
            "<semantics><mrow><munderover><mo>∑</mo><mrow><mi>i</mi><mo>=</mo><mn>1</mn></mrow><mi>n</mi></munderover>"
            "<msub><mi>x</mi><mi>i</mi></msub></mrow>"
            "<annotation encoding='application/x-tex'>\\sum</annotation></semantics>",
            "∑_(i=1)^n x_i",
        ),
        ("<mover><mi>x</mi><mo>¯</mo></mover><mo>&lt;</mo><mroot><mn>5</mn><mn>3</mn></mroot>", "x¯<√[3](5)"),
        ("<mtable><mtr><mtd><mn>1</mn></mtd><mtd>2</mtd></mtr><mtr><mtd><mi>a</mi></mtd></mtr></mtable>", "[1; 2 | a]"),
        ("<mi>f</mi><mo>&#x2061;</mo><mphantom><mi>q</mi></mphantom><mi>broken", "fbroken"),
    ],
)  # fmt: skip
def test_formulas_of_web_pages_are_written_in_a_line(formula: str, text: str) -> None:
    assert sanitize_html(f"<p>For <math>{formula}</math>, so.</p>") == f"<p>For {escape(text, quote=False)}, so.</p>"


def test_a_formula_that_is_not_closed_ends_with_its_paragraph() -> None:
    assert sanitize_html("<p>a <math><mi>x</p><p>next</p>") == "<p>a x</p><p>next</p>"


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ('<p>a <math style="display:none"><mi>unseen</mi></math> b</p>', "<p>a  b</p>"),
        ("<p>a <math hidden><mi>unseen</mi></math> b</p>", "<p>a  b</p>"),
        ('<p>a <math><mi>x</mi><mtext style="display: none">unseen</mtext></math></p>', "<p>a x</p>"),
        ("<p>a <math><mi>x</mi><m:mtext hidden>unseen</m:mtext><mn>2</mn></math></p>", "<p>a x2</p>"),
        ("<p>a <math><mi>x</mi><script>unseen</script></math></p>", "<p>a x</p>"),
        ("<p>a <math><mi>x</mi><del>unseen</del></math></p>", "<p>a x</p>"),
        ("<math><mi>x</mi><p hidden>unseen</p><p>seen</p>", "x<p>seen</p>"),
    ],
)
def test_what_a_page_hides_within_a_formula_is_left_out(source: str, text: str) -> None:
    assert sanitize_html(source) == text
