"""Plain sentences a job says in the run's language."""

from typing import Any

from forecast.english import counted
from pipelines.phrases import PHRASES

_SENTENCES = PHRASES | {
    "late_data": (
        "{as_of} 的数据未到齐: 按 {origin} 为最后完整月份预测",
        "{as_of} is not complete in the data: forecast from {origin}, the last complete month",
    ),
    "unplaced": (
        "{count} 件工单 ({share}) 无法落到社区, 未计入预测; 最多的写法: {values} → 补进 areas 表或其别名",
        "{count} orders ({share}) could not be placed and are not forecast; most frequent: {values} -> add them to "
        "the areas file or its aliases",
    ),
    "unclassified": (
        "{count} 件工单 ({share}) 没有可识别的类别; 最多的写法: {values} → 写进 categories 的 values, "
        "或去掉 categories: 来源中的写法即为类别",
        "{count} orders ({share}) have no known category; most frequent: {values} -> add them to the `values` of "
        "`categories`, or leave `categories` out: the texts of the source are then the categories",
    ),
    "rejected": (
        "{count} 行 ({share}) 未采用, 原因见 rejects 表",
        "{count} rows ({share}) were refused; reasons in the rejects table",
    ),
    "repeated": (
        "{count} 件工单在多个文件中重复出现, 以最后一个文件为准",
        "{count} orders came in more than one file; the last file holds",
    ),
    "counts_twice": (
        "{count} 个计数 (社区×类别×月) 在多个文件中出现, 以最后一个文件为准",
        "{count} counts (area, category, month) came in more than one file; the last file holds",
    ),
    "doubled_pairs": (
        "{month} 有 {orders} 件, 约为平常 ({usual} 件) 的两倍, 且各项计数几乎都是偶数: 可能导入了两次 → 核对该月文件",
        "{month} holds {orders} orders, about twice the usual {usual}, and nearly every count is even: perhaps it "
        "came in twice -> check the files of that month",
    ),
    "doubled": (
        "{month} 有 {orders} 件, 约为平常 ({usual} 件) 的两倍, {share} 除编号外与另一件相同: 可能导入了两次 "
        "→ 核对该月文件",
        "{month} holds {orders} orders, about twice the usual {usual}, and {share} of them are like another in all "
        "but the id: perhaps it came in twice -> check the files of that month",
    ),
    "silent_days": (
        "自 {first} 起连续 {days} 天没有一件工单, 平常约有 {expected} 件: 可能漏导 → 补齐这几天",
        "not one order in the {days} days from {first}, where about {expected} were to be expected: perhaps they "
        "were left out -> add them",
    ),
    "lost_column": (
        "{file} 没有 {field} 一栏, 以前的文件有 ({had}) → 核对列名",
        "{file} has no column for {field}; earlier files had one ({had}) -> check the names of its columns",
    ),
    "lost_column_near": (
        "{file} 没有 {field} 一栏, 以前的文件有 ({had}); 是不是改名为 {near!r} → 加进 columns.{field}",
        "{file} has no column for {field}; earlier files had one ({had}); is it {near!r} now? -> add that to "
        "columns.{field}",
    ),
    "gained": (
        "{month} 比上次计划时多了 {count} 件 (补报或更正); 已发布的预测不改",
        "the month {month} gained {count} orders since the last plan (late or revised); forecasts as issued stay",
    ),
    "lost": (
        "{month} 比上次计划时少了 {count} 件 (撤销或更正); 已发布的预测不改",
        "the month {month} lost {count} orders since the last plan (withdrawn or revised); forecasts as issued stay",
    ),
    "playbook_unknown": (
        "任务手册中的类别在数据中没有出现: {categories}",
        "categories of the playbook that the data do not hold: {categories}",
    ),
    "unpublished": (
        "{years} 年调休未公布: 工作日按法定节假日估算",
        "moved working days of {years} are not published: workdays are estimated from statutory holidays",
    ),
    "estates_read": (
        "小区表 {rows} 行: 采用 {kept}, 去掉 {dropped}, 置空 {blanked} 处 (estate_rejects 表); 共 {estates} 个小区",
        "estate ledgers: {rows} rows, {kept} kept, {dropped} dropped, {blanked} cells blanked "
        "(table estate_rejects); {estates} estates",
    ),
    "estate_fault": (
        "{source} 第 {rows} 行 {column}: {what}, {count} 处, {fate}; 原值 {values} → {fix}",
        "{source}, row {rows}, {column}: {what}, {count} in all, {fate}; was {values} -> {fix}",
    ),
    "dropped": ("整行去掉", "row dropped"),
    "blanked": ("置空, 小区保留", "blanked, estate kept"),
    "told": ("保留", "kept"),
    "one_estate": (
        "只有 1 个小区: 无从比较, 等级一律为蓝 → 补充其他小区",
        "only one estate: nothing to compare with, its grade is blue -> add the others",
    ),
    "no_estate_history": (
        "没有任何小区的历史诉求: 只按小区属性评分 → 工单补小区名称列, 或小区表补历年件数 (estates.history)",
        "no past incidents of any estate: scored by attributes alone -> name estates in the orders, or give yearly "
        "counts in the ledger (estates.history)",
    ),
    "unmatched_estates": (
        "{count} 起诉求的小区名称在小区表中找不到或存疑, 未计入小区历史",
        "{count} incidents name an estate that is not surely in the estates table: not in estate history",
    ),
    "doubtful_estates": (
        "{count} 对小区名称存疑 (涉及 {rows} 起), 未合并 → 在 {path} 的答复栏填 相同 或 不同, 下次运行生效",
        "{count} pairs of estate names are doubtful ({rows} incidents or rows hang on them) and stay apart -> write "
        "same or different in {path}; the next run reads it",
    ),
    "short_history": (
        "历史只有 {months} 个月: 季节规律无法估计, 区间偏宽",
        "only {months} month(s) of history: no seasonal pattern can be learned, intervals are wide",
    ),
    "all_zero": (
        "全部计数为 0: 预测为 0, 没有任务",
        "every count is 0: the forecast is 0 and there are no tasks",
    ),
    "panel": (
        "月度面板 {span}: {streets} 个街道, {areas} 个社区, {categories} 个类别, {orders} 件; 小区 {estates} 个",
        "monthly panel {span}: {streets} streets, {areas} communities, {categories} categories, {orders} orders; "
        "{estates} estates",
    ),
    "columns_read": ("{source} 读取的列: {pairs}", "{source} reads: {pairs}"),
    "columns_unread": ("{source} 未读取的列: {names}", "{source} does not read: {names}"),
    "columns_near": (
        "! {source} 未读取 {header} → 若要读取, 在 columns 写 {line}",
        "! {source} does not read {header} -> to have it read, write under columns {line}",
    ),
    "one_street": (
        '没有街道: {areas} 个社区归入一个街道, 只有一本工作簿 → 在 columns 写 area: "街道列->社区列", 或给 areas 表',
        'no streets: {areas} communities are put in one, with one workbook -> write area: "STREET->COMMUNITY" under '
        "columns, or give an areas file",
    ),
    "after_check": ("下一步: weisu monthly {path}", "next: weisu monthly {path}"),
    "far_windows": (
        "{count} 类任务的起作用时段超出预测期 {horizon} 个月: 只计到预测期末, 或未列入; 可调大 horizon",
        "{count} kinds of task act beyond the horizon of {horizon} months: cut there, or missing; raise `horizon`",
    ),
    "board": (
        "{n} 个起报月 ({first} 至 {last}), 各预测 {horizon} 个月; 每个起报月只用当时已知的数据",
        "{n} origins ({first} to {last}), {horizon} months ahead, each made with what was known then",
    ),
    "board_legend": (
        "WSPL      整个分布的误差, 按件数加权; 越小越好\n"
        "vs naive  WSPL 与季节朴素法 (照搬去年同月) 相比\n"
        "WAPE      误差之和占实际件数的比例; 越小越好\n"
        "bias      总量偏多 (+) 或偏少 (-)\n"
        "CRPS      预测分布与实际的距离, 单位是件; 越小越好\n"
        "80% held  80% 区间实际包含的比例; 件数少时取整使它偏高\n"
        "PIT       校准偏差; 0 最好\n"
        "capture   预测最高的 10% 格子抓住的件数, 占最理想名单的比例",
        "WSPL      error of the whole distribution, weighted by requests; smaller is better\n"
        "vs naive  WSPL against seasonal naive (last year's same month)\n"
        "WAPE      sum of the errors as a share of the requests; smaller is better\n"
        "bias      total too high (+) or too low (-)\n"
        "CRPS      distance of the distribution from what came, in requests; smaller is better\n"
        "80% held  share of counts inside the 80% interval; whole numbers widen it where counts are small\n"
        "PIT       miscalibration; 0 is best\n"
        "capture   requests in the 10% of cells forecast highest, of the best possible list",
    ),
    "compared": (
        "{model} 对 {rival}: WSPL {change} (95% 区间 {low} 至 {high}), 在 {share} 的重抽样中更好",
        "{model} against {rival}: WSPL {change} (95% interval {low} to {high}), better in {share} of draws",
    ),
    "lists": (
        "名单 (前 10% 格子, {months} 个月): 抓住最理想名单的 {plan}; 照搬去年 {last_year}, 12 月均值 {flat_mean};\n",
        "list (top 10% of cells, {months} months): {plan} of the best possible list; last year's {last_year}, "
        "flat mean {flat_mean};\n",
    ),
    "lists_sure": (
        "比照搬去年多 {difference} 个百分点 (95% 区间 {low} 至 {high})",
        "{difference} points on last year's list (95% interval {low} to {high})",
    ),
    "lists_rough": (
        "比照搬去年多 {difference} 个百分点 (起报月太少, 给不出区间)",
        "{difference} points on last year's list (too few origins for an interval)",
    ),
    "no_point": (
        "{all} 个小区中 {count} 个没有坐标, 不在地图层上 → 小区表补经纬度",
        "{count} of {all} estates have no point and are not on the map layer -> give lon and lat",
    ),
    "foretold": (
        ": 未来 12 个月约 {expected} 件 (八成把握 {low}–{high})",
        ": about {expected} in the next 12 months (8 times in 10: {low}–{high})",
    ),
    "judged": (
        "{n} 个起评月 ({first} 至 {last}), 各以其后 12 个月评判, 共 {lists} 份名单; risk = {models}",
        "{n} origins ({first} to {last}), each judged on the 12 months after it, {lists} lists; risk = {models}",
    ),
    "judged_legend": (
        "top 10%        名单前 10% 的小区占下一年件数的比例\n"
        "÷best          与事后最理想的名单相比\n"
        "deviance       泊松偏差; 越小越好\n"
        "80% held       80% 区间实际包含的比例; 件数少时取整使它偏高\n"
        "first 20 stay  前 20 名中下一年仍在前 20 的比例; said: 模型事先说的\n"
        "raw_counts     按以往各年平均件数排; last_year: 按上一年件数排",
        "top 10%        share of next year's incidents in the first 10% of estates\n"
        "÷best          of the best possible list\n"
        "deviance       Poisson deviance; smaller is better\n"
        "80% held       share of counts inside the 80% interval; whole numbers widen it where counts are small\n"
        "first 20 stay  share of the first 20 that are among the first 20 a year later; said: what the model said\n"
        "raw_counts     by the mean of all years before; last_year: by the year before",
    ),
    "judged_honest": (
        "说出的可能与实际发生平均相差 {off} 个百分点 (risk_calibration.csv)",
        "chances said and what came true differ by {off} points on average (risk_calibration.csv)",
    ),
    "not_replanned": (
        "配置中的 {keys} 也与原运行不同, 要重跑 weisu monthly 才生效",
        "{keys} of the config differ from the run as well and need a new `weisu monthly` to take effect",
    ),
    "moved": (
        "新增 {new} 项, 保留 {carried_over} 项 (其中 {turned} 项安排有变), 去掉 {dropped} 项",
        "{new} new, {carried_over} kept ({turned} of them with another fate), {dropped} dropped",
    ),
    "more_moves": ("     另有 {count} 项, 见 moved.parquet", "     {count} more in moved.parquet"),
    "fate.chosen": ("本月启动", "begins now"),
    "fate.later": ("以后启动", "begins later"),
    "fate.held_back": ("留作对照", "held back"),
    "fate.no_capacity": ("人手不足", "no crew"),
    "fate.late": ("转应急预案", "too late"),
    "why.due": ("到时候了", "its time has come"),
    "why.early": ("提前启动", "begun early"),
    "why.ahead": ("排在以后", "planned for later"),
    "why.in_progress": ("进行中", "under way"),
    "why.still_due": ("仍在期内", "still due"),
    "why.done": ("已完成", "done"),
    "why.declined": ("不采纳", "declined"),
    "why.passed": ("已过启动期限", "its time has passed"),
    "why.few": ("预计件数不足", "too few expected"),
    "why.not_asked": ("任务手册或名单已无此项", "no longer asked for"),
    "heard": (
        "{files} 个文件: 收下 {kept} 项, {unchanged} 行没有新内容, {refused} 处未采用; 共 {tasks} 项任务: "
        "已完成 {done}, 进行中 {in_progress}, 不采纳 {declined}, 未开始 {not_started}",
        "{files} files: {kept} kept, {unchanged} rows say nothing new, {refused} refused; {tasks} tasks in all: "
        "{done} done, {in_progress} under way, {declined} declined, {not_started} not begun",
    ),
    "refused_row": (
        "! {file} 第 {row} 行 {column}: {what}; 原值 {value!r} → {fix}",
        "! {file}, row {row}, {column}: {what}; was {value!r} -> {fix}",
    ),
    "more_refused": ("! 另有 {count} 处, 见 {path}", "! {count} more in {path}"),
    "no_zones": (
        "没有任何社区标明片区 (areas 的 zone 列): 分区表和比值比为空 → 在社区表加 zone 列",
        "no area has a zone: the tables by zone and the odds are empty -> add a `zone` column to the areas file",
    ),
    "study_share": ("{name}: 占 {share} %", "{name}: {share} % of all"),
    "study_quarters": (
        "第 {high} 季度最高 (占全年 {high_share} %), 第 {low} 季度最低 ({low_share} %)",
        "quarter {high} is highest ({high_share} % of the year), quarter {low} lowest ({low_share} %)",
    ),
    "study_odds": (
        "{name}: {level} 相对 {base} 的比值比 {ratio} (95% 区间 {low}–{high})",
        "{name}: odds in {level} against {base} {ratio} (95% interval {low}–{high})",
    ),
    "next_window": ("{month} 月的{category}", "{category} (month {month})"),
    "sources": (
        "读入 {rows} 行: 采用 {kept}, 未采用 {rejected}, 重复 {repeated}, 按规则略去 {left_out}, 未落位 {unplaced}",
        "{rows} rows: {kept} kept, {rejected} refused, {repeated} repeats, {left_out} left out, {unplaced} unplaced",
    ),
}


_REFUSALS = {
    "neither an id nor a name": ("既无编号也无名称", "补编号或名称", "give it one"),
    "explains the columns": ("是填表说明, 不是小区", "从表中删去", "take the row out"),
    "an earlier row has this id; the first is kept": ("编号重复, 以先出现的一行为准", "改编号或删去一行",
                                                     "correct the id or remove one row"),
    "ended before the month planned": ("已停用", "若仍在用, 改停用日期", "if it still stands, mend the day"),
    "begins after the month planned": ("尚未启用", "若已在用, 改启用日期", "if it stands already, mend the day"),
    "community not found; the estate is kept without one": (
        "找不到所属社区", "改社区名称, 或在社区表加别名, 或补坐标",
        "mend the name, add an alias to the areas file, or give a point"),
    "no household": ("户数为 0", "填实际户数, 不知则留空", "give the number, or leave it empty"),
    "below 0": ("小于 0", "改正", "correct it"),
    "not whole": ("不是整数", "改正", "correct it"),
    "not a number": ("不是数字", "只填数字", "write a number alone"),
    "not a year": ("不是年份", "写成 1985", "write it as 1985"),
    "not a day": ("不是日期", "写成 2026-06-30", "write it as 2026-06-30"),
    "outside 1900..2100": ("日期超出范围", "改正", "correct it"),
    "outside 0..100 %": ("比率不在 0–100 % 内", "改成 85 % 一类", "write it like 85 %"),
    "neither yes nor no": ("不是 是/否", "填 是 或 否", "write yes or no"),
    "not a known system": ("坐标系不认识", "填 WGS-84, GCJ-02 或 BD-09", "write WGS-84, GCJ-02 or BD-09"),
    "lon and lat look swapped": ("经纬度像是写反了", "对调两列", "swap the two"),
    "not a point on earth": ("不是有效坐标", "改正经纬度", "correct the point"),
    "outside the city": ("坐标在市外", "改正经纬度, 或核对坐标系 coord_crs", "correct the point, or see coord_crs"),
    "similar name": ("名称相近", "", ""),
    "more than one estate fits": ("有不止一个小区符合", "", ""),
    "same name in another community": ("同名, 但在另一社区", "", ""),
    "same id, another name": ("编号相同, 名称不同", "", ""),
}  # fmt: skip


def refusal(language: str, reason: str) -> tuple[str, str]:
    """(why a cell of a ledger was refused or a pair is doubtful, what to do) in the language of the run."""
    if reason.startswith("outside ") and reason not in _REFUSALS:
        zh, fix_zh, fix_en = f"年份超出 {reason.removeprefix('outside ')}", "改成实际年份", "correct the year"
    else:
        zh, fix_zh, fix_en = _REFUSALS.get(reason, (reason, "改正", "correct it"))
    return (reason, fix_en) if language == "en" else (zh, fix_zh)


_NOT_HEARD = {
    "unknown_task": ("不是发出过的任务编号", "恢复原任务编号", "is no task that was issued", "put the task id back"),
    "unknown_status": (
        "状态不认识",
        "填 未开始/进行中/已完成/不采纳",
        "no known status",
        "write not begun, going on, done or not adopted",
    ),
    "no_status": ("填了内容却没有状态", "补状态", "something is filled in without a status", "add the status"),
    "not_begun": (
        "有完成日期, 状态却是未开始",
        "改状态或删日期",
        "a date of completion of a task not begun",
        "correct the status or the date",
    ),
    "no_date": ("已完成却没有完成日期", "补完成日期", "done without a date", "add the day it was done"),
    "bad_date": ("完成日期读不懂", "写成 2025-09-30", "no readable date", "write it as 2025-09-30"),
    "future": ("完成日期晚于今天", "改成实际日期", "a date after today", "correct the date"),
    "too_old": (
        "完成日期早于任务一年以上",
        "改成实际日期",
        "a date more than a year before the task",
        "correct the date",
    ),
    "no_reason": ("不采纳却没有原因", "补原因", "declined without a reason", "add the reason"),
    "backwards": (
        "与以前所报不符",
        "确有更正的, 写明原因",
        "takes back what was said before",
        "if it is a correction, add the reason",
    ),
    "conflict": (
        "同一任务的几行说法不一",
        "只留正确的一行",
        "rows about one task contradict one another",
        "leave the right one alone",
    ),
    "bad_figure": (
        "不是非负数字, 其余内容已收下",
        "只填数字",
        "no figure of 0 or more; the rest of the row is kept",
        "write a number alone",
    ),
    "no_columns": (
        "表中找不到这一列",
        "用原工作簿填写",
        "the column is not in the sheet",
        "fill in the workbook sent",
    ),
}


def not_heard(language: str, reason: str) -> tuple[str, str]:
    """(why a row of a returned list was not taken, what to do)."""
    zh, fix_zh, en, fix_en = _NOT_HEARD[reason]
    return (en, fix_en) if language == "en" else (zh, fix_zh)


def say(language: str, key: str, **facts: Any) -> str:
    """A sentence in zh or en."""
    english = language == "en"
    sentence = _SENTENCES[key][english].format(**facts)
    return counted(sentence) if english else sentence


def share(part: int, whole: int) -> str:
    """A share with one decimal."""
    return f"{100 * part / max(whole, 1):.1f} %"
