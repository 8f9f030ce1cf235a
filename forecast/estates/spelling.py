"""Names of estates as people write them -> keys that are equal where the names surely mean one estate."""

import re
import unicodedata
from typing import NamedTuple

import numpy as np

ROMAN = {chr(0x2160 + n): str(n + 1) for n in range(12)} | {chr(0x2170 + n): str(n + 1) for n in range(12)}
SIMPLE = str.maketrans(
    ROMAN
    | dict(
        zip(
            "園苑邨區號樓東門華國莊灣橋頭龍鳳麗陽興義寶運鐵學農場電車礦廠機關軍團萬業聯達錦鄉鎮縣蘭蘇陳劉馬羅衛紅綠銀"
            "湖濱單雲溫銅遠順維實輝慶潤岡崗嶺澤濟漢滬廣聖曉業愛倫際景觀逸駿騰飛鵬島灘經緯緣綜橫縱舊後黃鑫鴻鶴瀾楓楊樺榮",
            "园苑村区号楼东门华国庄湾桥头龙凤丽阳兴义宝运铁学农场电车矿厂机关军团万业联达锦乡镇县兰苏陈刘马罗卫红绿银"
            "湖滨单云温铜远顺维实辉庆润冈岗岭泽济汉沪广圣晓业爱伦际景观逸骏腾飞鹏岛滩经纬缘综横纵旧后黄鑫鸿鹤澜枫杨桦荣",
            strict=True,
        )
    )
)
"""Roman numerals, and the traditional letters frequent in names of places; not a full table."""
DIGITS = {letter: n for n, letter in enumerate("零一二三四五六七八九")} | {"〇": 0}
NUMERAL = re.compile(r"[零〇一二三四五六七八九十]+")
LATIN_ROMAN = re.compile(r"(?<![a-z])(viii|vii|iii|vi|iv|ix|ii|i|v|x)(?=期|区)")
LATIN = {"i": 1, "ii": 2, "iii": 3, "iv": 4, "v": 5, "vi": 6, "vii": 7, "viii": 8, "ix": 9, "x": 10}

TAIL = r"(?=$|第?\d+(?:期|区|号院|院)|[a-z](?:区|座)?$|[东南西北中](?:区|院)$)"
GENERIC = re.compile(r"(?<=..)(?:住宅小区|居民小区|居住小区|住宅区|居民区|居住区|小区|社区)" + TAIL)
"""Words that say no more than that it is an estate."""
GARDEN = re.compile(r"(?<=..)(?:花园|家园|嘉园|佳园|公寓)" + TAIL)
"""Words that are left out in speech, but tell two estates apart where both are written."""
BUILDING = re.compile(r"(?<=..)(?:第?\d+(?:-\d+)*(?:号楼|栋|幢|座|楼|单元|号门)|[a-z]座).*$")
"""A building or what follows it: the estate stands before."""

MARKS = tuple(
    (re.compile(form), instead)
    for form, instead in (
        (r"(?<=\d)[\W_]+(?=\d)", "-"),
        (r"(?<=[a-z0-9])[^\w-]+(?=[a-z0-9])|_+", " "),
        (r"(?<!\d)-|-(?!\d)|[^\w -]|第(?=\d)|(?<![a-z0-9]) +| +(?![a-z0-9])", ""),
    )
)
"""Marks between numbers stay, since 12-1 is not 121; those between words of Latin letters become a blank."""
NUMBER = re.compile(r"\d+(?:-\d+)*|(?<![a-z])[a-z](?=区|座|栋|期)")
SIDE = re.compile(r"[东南西北甲乙丙丁戊]")


class Spelling(NamedTuple):
    """full: evened out, without GENERIC words. short: also without GARDEN words. base: `full` without the building
    or unit behind it. numbers, sides: what in `base` tells phases, yards and wings apart."""

    full: str
    short: str
    base: str
    numbers: str
    sides: str


def spell(name: str) -> Spelling:
    """Keys of a name."""
    text = even(name)
    full, base = GENERIC.sub("", text), GENERIC.sub("", BUILDING.sub("", text))
    return Spelling(full, GARDEN.sub("", full), base, ",".join(NUMBER.findall(base)), "".join(SIDE.findall(base)))


def even(name: str) -> str:
    """Width, case, blanks, punctuation, numerals and traditional letters evened out."""
    text = unicodedata.normalize("NFKC", name.translate(SIMPLE)).casefold()
    text = NUMERAL.sub(lambda found: str(_number(found[0])), text)
    text = LATIN_ROMAN.sub(lambda found: str(LATIN[found[0]]), text)
    for form, instead in MARKS:
        text = form.sub(instead, text)
    return text


def pieces(key: str) -> list[str]:
    """Short runs of letters that two alike names have in common: two of Chinese, three of others."""
    runs = (key[n : n + 2] for n in range(max(len(key) - 1, 1)))
    return list({run if not run.isascii() else key[n : n + 3]: None for n, run in enumerate(runs)})


def apart(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Whether two signs (numbers or sides; "" = none written) tell two estates apart."""
    return (one != "") & (other != "") & (one != other)


def _number(word: str) -> int | str:
    """十二 is 12, 二十一 is 21, 一〇二 is 102."""
    if "十" not in word:
        return "".join(str(DIGITS[letter]) for letter in word)
    head, _, tail = word.partition("十")
    if "十" in tail or len(head) > 1 or len(tail) > 1:
        return word
    return (DIGITS[head] if head else 1) * 10 + (DIGITS[tail] if tail else 0)
