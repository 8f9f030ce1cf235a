"""Text people typed -> the same text without what tells of a person: names, telephones, papers, plates, mail, doors.

A pattern finds what has a form. A name alone in a sentence has none: names are found beside a title, a label, another
fact, or standing alone, and only with frequent surnames. What is free text by nature is therefore never kept at all.
"""

import re
import unicodedata
from collections.abc import Callable, Iterable
from functools import lru_cache

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

HIDDEN = "***"

SURNAMES = (
    "欧阳|司马|上官|诸葛|夏侯|皇甫|尉迟|公孙|慕容|司徒|"
    "[王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗梁宋郑谢韩唐冯于董萧程曹袁邓许傅沈曾彭吕苏卢蒋蔡贾丁魏薛叶阎余潘杜戴夏钟汪田任"
    "姜范方石姚谭廖邹熊金陆郝孔白崔康毛邱秦江史顾侯邵孟龙万段雷钱汤尹黎易常武乔贺赖龚文庞樊兰殷施洪翟安颜倪严牛温芦季俞章鲁葛]"
)
LIKELY = (
    "[王李张刘陈杨赵周吴徐孙胡朱何郭罗梁宋郑谢韩唐冯董萧曹袁邓许傅沈曾彭吕苏卢蒋蔡贾丁魏薛阎潘杜戴姚谭廖邹熊郝崔邱孟]"
)
"""Surnames that begin few other words."""
GIVEN = (
    "[伟芳娜秀英敏静丽强磊军洋勇艳杰娟涛超霞刚桂兰玉萍红玲芬燕彬辉鹏飞浩宇欣怡婷雪琳倩莉慧颖洁琴梅凤淑珍华健俊峰斌波"
    "志国建庆利德福祥荣贵宝文博子轩涵梓晨思佳嘉晓小春冬梓豪毅晶莹蕾薇瑶娇媛嫣璐琪瑞鑫森淼宁凯旭阳楠翔立卫民]"
)
TITLES = "先生|女士|小姐|太太|阿姨|大爷|大妈|大姐|大哥|师傅|老师|奶奶|爷爷|某某|某"
LABELS = (
    "姓名|联系人|投诉人|来电人|诉求人|反映人|当事人|申请人|报修人|业主|居民|住户|租户|租客|房东|户主|产权人|负责人"
    "|经办人|签字人|网格员|楼长"
)
SAYS = "家|本人|来电|反映|称|投诉|签字|签收|确认|同意|拒绝|电话|手机|身份证|住址"
PROVINCES = "京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼使领"
HAN = "[\u4e00-\u9fff]"
LATIN = r"[A-Z](?:['’][A-Z])?[a-z]+(?:[-'’][A-Z]?[a-z]+)?"
NO_YEAR = r"(?!(?:19|20)\d\d(?!\d))"
NO_UNIT = r"(?!\d|年|月|日|人|元|米|户|件|平|次|起)"
GAP = r"[\s,;:、，。；：()（）-]*"

CONTACTS = (
    r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+",
    r"(?<![0-9A-Za-z])\d{6}(?:19|20)\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])\d{3}[\dXx](?!\d)",
    r"(?<!\d)(?:\+?86[ -]?)?1[3-9]\d[ -]?\d{4}[ -]?\d{4}(?!\d)",
    r"(?<!\d)\(?0\d{2,3}[ )-]{1,2}\d{3,4}[ -]?\d{4}(?!\d)",
    r"(?<!\d)\(?\d{3,4}[ .)-]{1,2}\d{3,4}[ .-]\d{4}(?!\d)",
    rf"[{PROVINCES}][A-Z][ ·.-]?[A-Z0-9]{{4,5}}[A-Z0-9挂学警港澳](?![A-Z0-9])",
    r"\b[A-Z]{3}[- ]?\d{4}\b",
    r"(?P<keep>\b(?i:plate|licen[cs]e)\b\W{1,3}(?:(?i:no|number)\b\W{0,3})?)[A-Z0-9]{2,4}[ -]?[A-Z0-9]{2,4}\b",
)
"""Mail, identity papers, mobile and fixed telephones, number plates."""

PEOPLE = (
    rf"(?:{SURNAMES}){HAN}{{0,2}}?(?:{TITLES})",
    rf"(?P<keep>(?:{LABELS})(?:[:：]|\s|为|是)\s*)(?:{SURNAMES}){HAN}{{1,2}}",
    rf"(?P<keep>(?:{LABELS}))(?:{SURNAMES}){GIVEN}{{1,2}}",
    rf"(?<!{HAN})(?:{SURNAMES}){GIVEN}{{1,2}}(?={SAYS})",
    rf"(?<!{HAN})(?:{LIKELY}){GIVEN}{{1,2}}(?!{HAN})",
    rf"(?P<keep>[由向与和给经找为被]){LIKELY}{GIVEN}{{1,2}}(?!{HAN})",
    rf"\b(?:Mr|Mrs|Ms|Miss|Dr|Mx)\b\.? ?{LATIN}(?: {LATIN})?",
    rf"(?P<keep>\b(?i:name|contact|caller|tenant|resident|owner|complainant|landlord)\b ?(?:is|was|[:,]) ?)"
    rf"{LATIN}(?: {LATIN}){{0,2}}",
)
"""Names by what stands beside them, and frequent names that stand between marks."""

BESIDE = (
    rf"(?<!{HAN})(?:{SURNAMES}){HAN}{{0,2}}(?={GAP}\*\*\*)",
    rf"(?P<keep>\*\*\*{GAP})(?:{SURNAMES}){HAN}{{1,2}}(?!{HAN})",
    rf"\b{LATIN} {LATIN}(?={GAP}\*\*\*)",
    rf"(?P<keep>\*\*\*{GAP}){LATIN} {LATIN}\b",
)
"""Any name beside a number that was hidden."""

DOORS = (
    rf"(?:\d+|[A-Za-z]|[一二三四五六七八九十]+) ?(?:单元|门洞?)(?: ?\d+ ?[层楼])? ?-?\d{{1,4}} ?[室号]?{NO_UNIT}",
    r"(?<!\d)\d{3,4}(?:室|房间|号房)",
    rf"(?P<keep>\d(?:号楼|栋|幢|座|弄|号|#楼?)) ?-?{NO_YEAR}(?:\d{{1,2}}-)?\d{{3,4}}{NO_UNIT}[室号]?",
    rf"(?<![\d-])(?:\d{{1,3}}-)?\d{{1,2}}-{NO_YEAR}\d{{3,4}}(?![\d-]){NO_UNIT}",
    r"\b(?i:apt|apartment|unit|flat|room|rm|suite|ste|door)\b\.? ?(?i:no\b\.? ?|# ?)?"
    r"(?:\d{1,4}-?[A-Za-z]?|[A-Z]\d{0,3})\b",
    r"# ?\d{1,4}[A-Za-z]\b",
)
"""What tells one home from its neighbours; the building stays, for work is done on buildings."""

FOUND = {
    name: tuple(re.compile(form) for form in forms)
    for name, forms in {"contacts": CONTACTS, "people": PEOPLE, "beside": BESIDE, "doors": DOORS}.items()
}
ALONE = re.compile(rf"(?:{SURNAMES}){GIVEN}{{1,2}}|{LIKELY}{HAN}{{1}}{GIVEN}")
"""A cell that is a name and nothing else."""
CODE = re.compile(r"(?!1[3-9]\d{9}$)(?!\d{6}(?:19|20)\d{2}[01]\d[0-3]\d{4}\d$)\d+")
"""Digits alone, no telephone and no identity paper: the code of an area or a grid."""
AGAIN = re.compile(rf"\*\*\*(?:{GAP}\*\*\*)+")
IDS_HIDE = CONTACTS[:5]
"""What an id may turn out to be: mail, an identity paper, a telephone."""
_ASIDE = r"\(\?<?[!=](?:[^()]|\([^()]*\))*\)|(?<=\()\?P<keep>"


def _loose(forms: Iterable[str]) -> str:
    """Any of the forms for RE2, which does not look at what stands beside: it finds no less."""
    bare = (re.sub(_ASIDE, "", form) for form in forms)
    return "|".join(f"(?:{form})" for form in bare)


BARE = r"^[!-?A-~]+$"
"""ASCII without blanks and without @: no word, no mail."""
NUMBERS = f"^(?:{_loose(IDS_HIDE[1:])})$"
"""A whole cell that is a paper or a telephone, if it is BARE."""
EVEN = r"^[ -~\x{4e00}-\x{9fff}]*$"
"""Letters that mean the same to RE2 and to `re`, and that NFKC leaves alone."""
SUSPECT = _loose((*CONTACTS, *PEOPLE, *DOORS, r"\d{7}", f"^ *(?:{ALONE.pattern}) *$"))
"""What `kept` may change, if it is EVEN."""


def kept(cells: pd.Series, codes: bool = False) -> pd.Series:
    """Text that stays: evidence, reasons, names of estates. Each fact about a person is HIDDEN, the rest stands.

    Args:
        cells: text; null stays null.
        codes: whether a cell of digits alone may be a code, which stays.
    """
    number, values = pd.factorize(cells)
    text = pa.array(values, type=pa.large_string(), from_pandas=True)
    clear = pc.and_not(pc.match_substring_regex(text, EVEN), pc.match_substring_regex(text, SUSPECT))
    doubtful = np.flatnonzero(~clear.to_numpy(zero_copy_only=False))
    said = np.array([*values, None], dtype=object)
    said[doubtful] = [raw if codes and CODE.fullmatch(raw) else _kept(raw) for raw in map(str, said[doubtful])]
    return pd.Series(said[number], index=cells.index, dtype="str")


def shown(cells: pd.Series, letters: int = 40) -> pd.Series:
    """Text that is told as wrong: HIDDEN whole where it names or reaches a person; else without doors and numbers of
    five digits or more, cut to `letters`; null is empty."""
    return _each(cells, _shown).fillna("").str.slice(0, letters).astype("str")


def code(cells: pd.Series, names: bool) -> pd.Series:
    """Text that becomes an area or a category: null where it reaches a person; doors and long numbers are HIDDEN.

    Args:
        cells: text; digits alone are a code and stay.
        names: whether a name is looked for too; no, where the text was found in a list of the city's own.
    """
    return _each(cells, _with_names if names else _without_names)


def file_name(name: str) -> str:
    """A file name without names and numbers of people; days and months in it stay."""
    text, facts = _hide(unicodedata.normalize("NFKC", name), "contacts", "people")
    return _hide(text, "beside", "doors")[0] if facts else name


def marked(cells: pd.Series) -> pd.Series:
    """Whether an id is no id: a telephone, an identity paper, mail, or words."""
    text = pa.array(cells, type=pa.large_string(), from_pandas=True)
    clear = pc.and_not(pc.match_substring_regex(text, BARE), pc.match_substring_regex(text, NUMBERS))
    found = ~pc.fill_null(clear, True).to_numpy(zero_copy_only=False)
    doubtful = np.flatnonzero(found)
    found[doubtful] = [_marks(str(cell)) for cell in cells.iloc[doubtful]]
    return pd.Series(found, index=cells.index, dtype=bool)


def _each(cells: pd.Series, change: Callable[[str], str | None]) -> pd.Series:
    number, values = pd.factorize(cells)
    changed = pd.Series([*(change(str(value)) for value in values), None], dtype="str")
    return pd.Series(changed.iloc[number].array, index=cells.index, dtype="str")


def _hide(text: str, *kinds: str) -> tuple[str, int]:
    """(text, facts found)."""
    count = 0
    for form in (form for kind in kinds for form in FOUND[kind]):
        text, n = form.subn(lambda fact: (fact.groupdict().get("keep") or "") + HIDDEN, text)
        count += n
    return text, count


def _numbers(text: str, digits: int) -> tuple[str, int]:
    return re.subn(rf"\d{{{digits},}}[xX]?", HIDDEN, text)


@lru_cache(maxsize=1 << 16)
def _kept(raw: str) -> str:
    text, contacts = _hide(unicodedata.normalize("NFKC", raw), "contacts", "people")
    text, numbers = _numbers(text, 7)
    if contacts + numbers:
        text = _hide(text, "beside")[0]
    text, doors = _hide(text, "doors")
    if ALONE.fullmatch(text.strip()):
        return HIDDEN
    return AGAIN.sub(HIDDEN, text) if contacts + numbers + doors else raw


def _shown(raw: str) -> str:
    even = unicodedata.normalize("NFKC", raw)
    if _hide(even, "contacts", "people")[1] or ALONE.fullmatch(even.strip()):
        return HIDDEN
    return AGAIN.sub(HIDDEN, _numbers(_hide(even, "doors")[0], 5)[0])


def _with_names(raw: str) -> str | None:
    """Many a place is called like a person (龙华, 安宁): here only the likely surnames count."""
    return None if _hide(unicodedata.normalize("NFKC", raw), "people")[1] else _without_names(raw)


def _without_names(raw: str) -> str | None:
    text = unicodedata.normalize("NFKC", raw)
    if CODE.fullmatch(text):
        return raw
    if _hide(text, "contacts")[1]:
        return None
    text, doors = _hide(text, "doors")
    text, numbers = _numbers(text, 7)
    return AGAIN.sub(HIDDEN, text) if doors + numbers else raw


def _marks(text: str) -> bool:
    forms = FOUND["contacts"][: len(IDS_HIDE)]
    return bool(re.search(rf"{HAN}|[\s@]", text)) or any(form.fullmatch(text) for form in forms)
