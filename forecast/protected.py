"""Names of columns, measures and words -> whether they stand for what must never score a home."""

import re
import unicodedata

PROTECTED = re.compile(
    r"民族|种族|族群|族裔|[回维藏蒙满壮]族|宗教|信仰|信教|籍贯|户籍|户口|原籍|祖籍|出生地|国籍|外来人口|流动人口|外地人"
    r"|性别|男性|女性|婚姻|政治面貌|党员|残疾|收入|工资|薪|低保|特困|贫困|财产状况"
    r"|\b(?:ethnic\w*|races?|racial\w*|religi\w*|faiths?|muslims?|islam\w*|nationalit\w*|citizenships?|origins?"
    r"|birth ?places?|huk[ou]+|immigra\w*|migrants?|genders?|sex|males?|females?|marital|disab\w*"
    r"|incomes?|salar\w*|wages?|welfare|poverty|poor)\b"
)


def is_protected(name: str) -> bool:
    """Whether a name stands for ethnicity, faith, origin, hukou, gender, family, health, politics or income."""
    parted = re.sub(r"(?<=[a-z])(?=[A-Z])|_", " ", unicodedata.normalize("NFKC", name))
    return PROTECTED.search(parted.casefold()) is not None
