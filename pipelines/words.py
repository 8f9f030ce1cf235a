"""Plain sentences a job says in the run's language."""

from typing import Any

_SENTENCES = {
    "late_data": (
        "{as_of} 的数据未到齐: 按 {origin} 为最后完整月份预测",
        "{as_of} is not complete in the data: forecast from {origin}, the last complete month",
    ),
    "unplaced": (
        "{count} 件工单 ({share}) 无法落到社区, 未计入预测; 最多的写法: {values}",
        "{count} orders ({share}) could not be placed and are not forecast; most frequent: {values}",
    ),
    "unclassified": (
        "{count} 件工单 ({share}) 没有可识别的类别; 最多的写法: {values}",
        "{count} orders ({share}) have no known category; most frequent: {values}",
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
    "playbook_unknown": (
        "任务手册中的类别在数据中没有出现: {categories}",
        "categories of the playbook that the data do not hold: {categories}",
    ),
    "unpublished": (
        "{years} 年调休未公布: 工作日按法定节假日估算",
        "moved working days of {years} are not published: workdays are estimated from statutory holidays",
    ),
    "estate_rejects": (
        "小区表有 {count} 处数据未采用, 原因见 estate_rejects 表",
        "{count} figures of the estates table were refused; reasons in the estate_rejects table",
    ),
    "unmatched_estates": (
        "{count} 件工单的小区名称在小区表中找不到, 未计入小区历史",
        "{count} orders name an estate that is not in the estates table; they do not enter estate history",
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
        "月度面板 {span}: {areas} 个社区, {categories} 个类别, {orders} 件; 小区 {estates} 个",
        "monthly panel {span}: {areas} communities, {categories} categories, {orders} orders; {estates} estates",
    ),
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
    "next_window": ("{month} 月的{category}", "{category} (month {month})"),
    "sources": (
        "读入 {rows} 行: 采用 {kept}, 未采用 {rejected}, 重复 {repeated}, 按规则略去 {left_out}, 未落位 {unplaced}",
        "{rows} rows: {kept} kept, {rejected} refused, {repeated} repeats, {left_out} left out, {unplaced} unplaced",
    ),
}


def say(language: str, key: str, **facts: Any) -> str:
    """A sentence in zh or en."""
    return _SENTENCES[key][language == "en"].format(**facts)


def share(part: int, whole: int) -> str:
    """A share with one decimal."""
    return f"{100 * part / max(whole, 1):.1f} %"
