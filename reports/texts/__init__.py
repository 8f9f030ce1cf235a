"""Key + language -> the words a report shows; numbers, months and intervals in the house's wording."""

import math
from dataclasses import dataclass
from typing import NamedTuple

import pandas as pd

FONTS = '"Source Han Sans SC", "Noto Sans CJK SC", "Microsoft YaHei", sans-serif'
OFFICE_FONT = "Microsoft YaHei"
"""A workbook names one font; office programs without it take their own default for Chinese."""

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


class Text(NamedTuple):
    zh: str
    en: str


TEXTS = {
    # words used everywhere
    "all": Text("全部诉求", "All requests"),
    "unclassified": Text("未分类", "Unclassified"),
    "stop": Text("。", "."),
    "colon": Text("：", ": "),
    "comma": Text("、", ", "),
    "no": Text("否", "no"),
    "yes": Text("是", "yes"),
    "none": Text("无", "none"),
    "requests": Text("{n} 件", "{n} requests"),
    "range": Text("{low}–{high} 件", "{low}–{high} requests"),
    "8_in_10": Text("约八成把握 {low}–{high} 件", "about 8 times in 10: {low}–{high}"),
    "8_in_10.at_least": Text(
        "10 次里至少约 8 次落在 {low}–{high} 件", "at least about 8 times in 10 between {low} and {high}"
    ),
    "8_in_10.short": Text("八成以上把握 {low}–{high} 件", "8 in 10 or better: {low}–{high}"),
    "no_interval": Text("没有区间可报", "no interval is known"),
    "late": Text("来不及：转应急预案", "too late: prepare the response"),
    "on_time": Text("来得及", "in time"),
    "grade.red": Text("红", "red"),
    "grade.orange": Text("橙", "orange"),
    "grade.yellow": Text("黄", "yellow"),
    "grade.blue": Text("蓝", "blue"),
    "points": Text("{driver}（{points} 分）", "{driver} ({points} points)"),
    # headlines
    "headline.total": Text(
        "{months}{city}预计 {expected} 件诉求，{range}{against}。",
        "{months}: {expected} requests expected in {city}, {range}{against}.",
    ),
    "headline.against": Text("，{change}（去年同期 {last_year} 件）", "; {change} (last year {last_year})"),
    "headline.against.part": Text(
        "；两年都有数据的 {n} 个社区{change}（去年同期 {last_year} 件）",
        "; in the {n} communities known in both years {change} (last year {last_year})",
    ),
    "headline.no_last_year": Text(
        "；去年同期数据不全，不作比较", "; last year's months are incomplete, no comparison"
    ),
    "headline.category": Text(
        "增加最多的是{category}：预计 {expected} 件，{range}{against}；最集中的街道是{street}（预计 {there} 件）。",
        "The largest rise is {category}: {expected} expected, {range}{against}; most in {street} ({there}).",
    ),
    "headline.no_rise": Text("没有一个类别预计多于去年同期。", "No category is expected to exceed last year."),
    "headline.plan": Text(
        "{month}应启动 {tasks} 项预防任务{late}；量最大的是 {where} · {category}"
        "（{when}预计 {expected} 件，{range}）。",
        "{tasks} preventive tasks to begin in {month}{late}; the largest: {where} · {category} "
        "({expected} expected in {when}, {range}).",
    ),
    "headline.late": Text("，其中 {n} 项已来不及，转应急预案", ", {n} of them too late to prevent"),
    "headline.no_plan": Text("{month}无需启动的任务", "No task needs to begin in {month}"),
    "headline.next": Text("：最近的窗口是 {next}。", "; the nearest window: {next}."),
    "headline.next_peak": Text(
        "：预计诉求最多的月份是 {month}（{n} 件）。", "; the busiest month ahead is {month} ({n} requests)."
    ),
    "headline.no_forecast": Text("没有可用的预测。", "There is no forecast to show."),
    "change.more": Text("比去年同期多 {n} 件", "{n} more than last year"),
    "change.fewer": Text("比去年同期少 {n} 件", "{n} fewer than last year"),
    "change.same": Text("与去年同期持平", "the same as last year"),
    # data
    "data.rows": Text(
        "用到的数据：{first}至{last}。读入 {rows} 行，采用 {kept} 行；拒收 {rejected} 行，重复 {repeated} 行，"
        "按规则不计（咨询等）{left_out} 行。",
        "Data from {first} to {last}. {rows} rows read, {kept} kept; {rejected} refused, {repeated} repeated, "
        "{left_out} left out by rule (consultations and the like).",
    ),
    "data.gaps": Text(
        "{unplaced} 行没有找到所属社区，不进入预测；{unclassified} 行没有分到类别，单列为“未分类”。",
        "{unplaced} rows found no community and are not forecast; {unclassified} found no category and stand apart.",
    ),
    "data.months": Text(
        "覆盖 {n} 个月，{communities} 个社区，{categories} 个类别。",
        "{n} months, {communities} communities, {categories} categories.",
    ),
    "data.later": Text("文件里晚于{origin}的记录，本次没有用。", "Rows later than {origin} were not used."),
    "data.none": Text("没有来源记录。", "No source was recorded."),
    "data.stale": Text(
        "数据只到{origin}，比计划的基准月{as_of}早：越靠后的预测越不确定。",
        "The data end in {origin}, before the plan's month {as_of}: forecasts are less sure.",
    ),
    "blank": Text("（空）", "(blank)"),
    "unresolved.most": Text(
        "没有对上的值，最多的是：{values}。", "Most frequent values that matched nothing: {values}."
    ),
    "unresolved.value": Text("“{value}”（{count} 次）", "“{value}” ({count}×)"),
    # accuracy
    "accuracy.coverage": Text(
        "预测区间可信吗：{band} % 区间应当 {of_ten}，实测 {share} %{rounded}。",
        "Can the interval be trusted: the {band} % interval should hold {of_ten}; it held {share} %{rounded}.",
    ),
    "accuracy.rounded": Text(
        "（件数少的格子取整后区间变宽，因此偏高）", " (more than meant: in small cells whole numbers widen it)"
    ),
    "accuracy.capture": Text(
        "重点抓得准吗：按预测每月排出的前 10 %（社区×类别），抓住了事后最理想名单所含件数的 {share} %。",
        "The top 10 % by forecast (community × category) held {share} % of what the best possible list would hold.",
    ),
    "accuracy.lift": Text(
        "与照去年同月排名单相比，同样长的名单里的实际件数是它的 {ratio} 倍。",
        "Against a list by last year's same month, a list as long held {ratio} times the requests.",
    ),
    "accuracy.of_ten": Text("10 次里约 {n} 次落在区间内", "about {n} times in 10"),
    "accuracy.wape": Text(
        "每个社区每类每月的误差加起来，约为实际件数的 {share} %（越小越好；小数字本来就难猜）。",
        "All errors by community, category and month add up to {share} % of the real requests (the smaller the "
        "better; small counts are hard).",
    ),
    "accuracy.bias": Text(
        "总量偏差：平均{direction} {share} %。", "In total, forecasts were {share} % {direction} on average."
    ),
    "accuracy.high": Text("偏高", "too high"),
    "accuracy.low": Text("偏低", "too low"),
    "accuracy.basis": Text(
        "依据：{n} 个以往的月末（{first}至{last}），每次只用当时已有的数据，按今天的方法重做预测，"
        "再与后来的实际件数比对。",
        "Basis: {n} past month ends ({first} to {last}), each forecast anew with today's method and only the data "
        "known then.",
    ),
    "accuracy.none": Text("还没有足够长的历史来检验以往的预测。", "The history is too short to test past forecasts."),
    "accuracy.horizon": Text("提前月数", "Months ahead"),
    "accuracy.held": Text("落在 80 % 区间内", "Inside the 80 % interval"),
    "accuracy.error": Text("误差合计占实际", "Errors as share of actual"),
    # method
    "method.count": Text(
        "数的是什么：按受理月份统计的工单件数，咨询等按规则不计；没有数据的月份当作未知，不当作 0。",
        "What is counted: work orders by month received, consultations left out; a month without data is unknown, "
        "not 0.",
    ),
    "method.forecast": Text(
        "怎么预测：几种不同的统计与机器学习模型各做一次，再合成一个；社区、街道、全市的数字能加得拢。",
        "How: several statistical and learning models are combined; communities, streets and city add up.",
    ),
    "method.interval": Text(
        "区间怎么来：按以往预测错了多少来定，因此是整数且不小于 0；几个月合计的区间由逐月区间相加，偏宽。",
        "Intervals come from past errors, in whole requests, never below 0; sums of months add the months' "
        "intervals and are on the wide side.",
    ),
    "method.plan": Text(
        "任务怎么排：倒推各任务需要的准备时间，本月必须动手的才列入；按窗口期内预计件数从多到少排序。",
        "How tasks are ranked: only work that must begin this month is listed, by requests expected in its window.",
    ),
    "method.caution": Text(
        "怎么用：预测说的是会有多少诉求，不是谁有过错；措施、牵头方和可预防比例来自配置，不是官方标准。",
        "Use: a forecast tells how many requests may come, not who is at fault; actions, parties and preventable "
        "shares come from the configuration and are no official standard.",
    ),
    # columns
    "col.rank": Text("序", "No."),
    "col.community": Text("社区", "Community"),
    "col.street": Text("街道", "Street"),
    "col.estate": Text("先查小区", "Estate to check first"),
    "col.estate_name": Text("小区", "Estate"),
    "col.category": Text("类别", "Category"),
    "col.action": Text("做什么", "What to do"),
    "col.lead": Text("牵头", "Leads"),
    "col.support": Text("配合", "Supports"),
    "col.start_by": Text("最迟开始", "Start by"),
    "col.window": Text("起作用的时段", "Window"),
    "col.expected": Text("预计件数", "Expected"),
    "col.sure": Text("把握", "How sure"),
    "col.normal": Text("常年", "Normal"),
    "col.excess": Text("较常年", "Against normal"),
    "col.last_year": Text("去年同期", "Last year"),
    "col.against_last_year": Text("较去年", "Against last year"),
    "col.on_time": Text("来得及吗", "In time?"),
    "col.risk": Text("小区风险", "Estate risk"),
    "col.reason": Text("理由", "Reason"),
    "col.proof": Text("需留的依据", "Proof to keep"),
    "col.chosen": Text("列入本月", "Chosen"),
    "col.status": Text("状态", "Status"),
    "col.done_on": Text("完成日期", "Done on"),
    "col.evidence": Text("证据", "Evidence"),
    "col.override": Text("不采纳原因", "Why not done"),
    "col.task_id": Text("任务编号", "Task id"),
    "col.month": Text("月份", "Month"),
    "col.low80": Text("八成区间下限", "80 % low"),
    "col.high80": Text("八成区间上限", "80 % high"),
    "col.low50": Text("五成区间下限", "50 % low"),
    "col.high50": Text("五成区间上限", "50 % high"),
    "col.in_window": Text("在任务时段内", "In task window"),
    "col.grade": Text("等级", "Grade"),
    "col.score": Text("风险分（0–100）", "Score (0–100)"),
    "col.households": Text("户数", "Households"),
    "col.built_year": Text("建成年份", "Built"),
    "col.expected_year": Text("未来 12 个月预计", "Expected in 12 months"),
    "col.reason_n": Text("原因 {n}", "Reason {n}"),
    "col.reasons": Text("主要原因", "Main reasons"),
    "col.tasks": Text("本月任务", "Tasks this month"),
    "col.tasks_late": Text("其中来不及", "Of these too late"),
    "col.expected_ahead": Text("{months}预计", "Expected {months}"),
    "col.red": Text("红色小区", "Red estates"),
    "col.orange": Text("橙色小区", "Orange estates"),
    "col.source": Text("来源", "Source"),
    "col.file": Text("文件", "File"),
    "col.rows": Text("读入行数", "Rows read"),
    "col.kept": Text("采用", "Kept"),
    "col.rejected": Text("拒收", "Refused"),
    "col.repeated": Text("重复", "Repeated"),
    "col.left_out": Text("按规则不计", "Left out by rule"),
    "col.unplaced": Text("未落到社区", "Unplaced"),
    "col.unclassified": Text("未分类", "Unclassified"),
    "col.first_day": Text("最早一天", "First day"),
    "col.last_day": Text("最晚一天", "Last day"),
    "col.column": Text("栏目", "Column"),
    "col.value": Text("没有对上的值", "Value not matched"),
    "col.count": Text("次数", "Times"),
    "status.open": Text("未开始", "not begun"),
    "status.going": Text("进行中", "going on"),
    "status.done": Text("已完成", "done"),
    "status.refused": Text("不采纳", "not adopted"),
    # workbooks
    "sheet.tasks": Text("任务清单", "Tasks"),
    "sheet.waiting": Text("候补任务", "Waiting tasks"),
    "sheet.basis": Text("依据", "Basis"),
    "sheet.risk": Text("小区风险", "Estate risk"),
    "sheet.notes": Text("数据说明", "Data"),
    "sheet.overview": Text("总览", "Overview"),
    "sheet.categories": Text("分类预测", "By category"),
    "book.tasks": Text("{place} · {month}应启动的预防任务", "{place} · preventive tasks to begin in {month}"),
    "book.tasks.sum": Text(
        "共 {n} 项{late}。按起作用时段内预计的诉求件数从多到少排列。",
        "{n} tasks{late}, ranked by the requests expected in their window.",
    ),
    "book.tasks.waiting": Text(
        "另有 {n} 项因力量有限未列入本月，见“列入本月”一栏。",
        "{n} more were left out for capacity, see column Chosen.",
    ),
    "book.tasks.fill": Text(
        "请在右侧浅色栏填写：状态、完成日期、证据；不采纳的请写明原因。填好后原文件退回，勿改任务编号。",
        "Please fill in the shaded columns on the right: status, date, evidence, or why not. Return this file; "
        "leave the task ids as they are.",
    ),
    "book.waiting": Text("{place} · {month}因力量有限未列入的任务", "{place} · tasks not chosen for {month}"),
    "book.waiting.note": Text(
        "本月可承担的任务数有限，以下 {n} 项未列入；有余力时从上往下补。",
        "Capacity is limited: these {n} tasks were left out; take them from the top when there is time.",
    ),
    "book.basis": Text("{place} · 任务背后的逐月预测", "{place} · the monthly forecasts behind the tasks"),
    "book.basis.note": Text(
        "八成区间：10 次里约 8 次落在其中。常年 = 以往各年同月的平均；空格 = 没有数据。",
        "80 % interval: about 8 times in 10 inside. Normal = mean of the same month of past years; blank = no data.",
    ),
    "book.basis.none": Text("没有任务，因此没有依据可列。", "There are no tasks, so there is no basis to list."),
    "book.risk": Text("{place} · 小区风险", "{place} · estate risk"),
    "book.risk.note": Text(
        "分数越高，未来 12 个月诉求偏多的可能越大；每项原因后面是它贡献的分数。",
        "The higher the score the likelier many requests in the next 12 months; each reason shows its points.",
    ),
    "book.risk.none": Text(
        "没有小区数据，因此没有风险排序。", "There are no estate data, so there is no risk ranking."
    ),
    "book.overview": Text("{city} · {month}工作总览", "{city} · overview of {month}"),
    "book.overview.note": Text(
        "预计为{months}合计；区间由逐月八成区间相加，偏宽；“较去年”只比较两年都有数据的社区。",
        "Expected is the sum of {months}; the interval adds the months' 80 % intervals and is on the wide side; "
        "last year is compared where both years have data.",
    ),
    "book.categories": Text("{city} · 各类诉求逐月预测", "{city} · monthly forecast by category"),
    "book.notes": Text("数据说明", "About these data"),
    "note.city": Text("城市", "City"),
    "note.as_of": Text("计划基准月（月末）", "Plan issued at the end of"),
    "note.origin": Text("数据截至", "Data through"),
    "note.run": Text("运行编号", "Run"),
    "note.version": Text("程序版本", "Version"),
    "note.data": Text("用了哪些数据", "Data used"),
    "note.accuracy": Text("以往准不准", "Past accuracy"),
    "note.method": Text("方法", "Method"),
    "note.warning": Text("提醒", "Warning"),
    "print.page": Text("第 &P 页，共 &N 页", "Page &P of &N"),
    # page
    "page.title": Text("{city} · 未诉先办 · {month}", "{city} · before the complaint · {month}"),
    "page.made": Text(
        "计划按{as_of}月末的情况编制，数据截至{origin}。运行编号 {run}，版本 {version}。",
        "Plan as of the end of {as_of}, data through {origin}. Run {run}, version {version}.",
    ),
    "page.headlines": Text("要点", "In short"),
    "page.data": Text("用了哪些数据", "Which data"),
    "page.coming": Text("接下来会怎样", "What is coming"),
    "page.map": Text("哪里最多", "Where"),
    "page.plan": Text("现在要启动什么", "What must start now"),
    "page.risk": Text("哪些小区风险高", "Estates at risk"),
    "page.accuracy": Text("以往预测准不准", "How good were past forecasts"),
    "page.method": Text("方法", "Method"),
    "page.category": Text("类别", "Category"),
    "page.sources": Text("逐个文件", "File by file"),
    "page.more_categories": Text("图上列出诉求最多的 {n} 个类别。", "The charts offer the {n} largest categories."),
    "trend.actual": Text("实际", "actual"),
    "trend.expected": Text("预计", "expected"),
    "trend.last": Text("实际截至 {month}", "actual to {month}"),
    "trend.bands": Text(
        "实线是实际，虚线是预计。色带由深到浅：10 次里约 5 次、约 8 次、约 9 次半落在其中。",
        "Solid: actual. Dashed: expected. Bands from dark to light hold about 5, 8 and 9½ times in 10.",
    ),
    "trend.sentence": Text(
        "{category}：{months}预计 {expected} 件，{range}{against}。",
        "{category}: {expected} expected in {months}, {range}{against}.",
    ),
    "trend.none": Text("没有全市的预测可画。", "There is no city forecast to draw."),
    "trend.wide": Text("八成以上区间", "80 % interval or wider"),
    "trend.band": Text("{band} % 区间", "{band} % interval"),
    "map.sentence": Text(
        "{months}各社区预计件数合计；颜色分档见图例。",
        "Requests expected in {months} by community; the key is below the map.",
    ),
    "map.bars": Text(
        "没有社区边界，改用条形图：{months}预计件数最多的社区。",
        "No boundaries are known; the largest communities in {months}.",
    ),
    "map.missing": Text(
        "{n} 个社区没有边界，未画在图上，但列在右侧和计划里。", "{n} communities have no boundary and are not drawn."
    ),
    "map.top": Text("最多的社区", "Largest communities"),
    "map.none": Text("没有社区的预测可画。", "There is no community forecast to draw."),
    "plan.search": Text("搜索", "Search"),
    "plan.search.hint": Text("社区、类别、措施……", "community, category, action…"),
    "plan.every_street": Text("全部街道", "All streets"),
    "plan.every_lead": Text("全部牵头方", "All lead parties"),
    "plan.copy": Text("复制", "Copy"),
    "plan.copied": Text("已复制", "Copied"),
    "plan.download": Text("下载 CSV", "Download CSV"),
    "plan.shown": Text("显示 {shown} / {all} 项。", "{shown} of {all} tasks shown."),
    "plan.more": Text("再显示 50 项", "Show 50 more"),
    "plan.cut": Text(
        "本页只列前 {n} 项，其余 {rest} 项见 workplan.csv。",
        "Only the first {n} tasks; the other {rest} are in workplan.csv.",
    ),
    "plan.no_match": Text("没有符合条件的任务。", "No task matches."),
    "plan.sort": Text("点击列名可排序。", "Click a column name to sort."),
    "plan.support": Text("配合 {who}", "with {who}"),
    "plan.waiting": Text("候补", "waiting"),
    "plan.first": Text("先查 {estate}", "start at {estate}"),
    "risk.none": Text("没有小区数据，因此没有风险排序。", "There are no estate data, so there is no risk ranking."),
    "risk.sentence": Text(
        "共 {n} 个小区，其中红色 {red} 个、橙色 {orange} 个。等级由本程序按分数划分，不是官方评定。"
        "下面是分数最高的 {top} 行。",
        "{n} estates, {red} red and {orange} orange. Grades follow from the score and are not official. "
        "The {top} highest:",
    ),
    # page of a backtest
    "board.title": Text("{city} · 回测", "{city} · backtest"),
    "board.part.short": Text("要点", "In short"),
    "board.part.board": Text("排行", "Leaderboard"),
    "board.part.horizon": Text("看多远", "By months ahead"),
    "board.part.segment": Text("分组看", "By segment"),
    "board.part.honest": Text("区间诚实吗", "Honest about doubt"),
    "board.part.sure": Text("差别可靠吗", "Surely better?"),
    "board.part.meaning": Text("指标含义", "What the figures mean"),
    "board.part.made": Text("如何得出", "How it was made"),
    "board.none": Text("没有足够的数据可画。", "There is too little to show."),
    "board.months": Text("{n} 个月", "{n} months"),
    "board.skill": Text(
        "{model} 的分布误差（WSPL）比季节朴素法（照搬去年同月）{ratio} %（95 % 区间 {low} % 至 {high} %）。",
        "{model}: error of the whole distribution (WSPL) {ratio} % against seasonal naive, that is last year's same "
        "month (95 % interval {low} % to {high} %).",
    ),
    "board.best": Text(
        "按 WSPL，{model} 在 {n} 个模型中最好（{own}）。", "By WSPL {model} is the best of {n} models ({own})."
    ),
    "board.not_best": Text(
        "按 WSPL，{n} 个模型中最好的是 {best}（{value}）；{model} 为 {own}。",
        "By WSPL the best of {n} models is {best} ({value}); {model} is at {own}.",
    ),
    "board.held": Text(
        "80 % 区间实际包含了 {share} % 的件数（件数少时取整使它偏高）；校准偏差（PIT）{pit}，0 为最好。",
        "The 80 % interval held {share} % of the counts (whole numbers widen it where counts are small); "
        "miscalibration (PIT) {pit}, 0 is best.",
    ),
    "board.list": Text(
        "按预测排出的前 10 % 名单抓住了最理想名单件数的 {share} %，是照去年排名单的 {lift} 倍。",
        "The top 10 % by forecast held {share} % of what the best possible list would, {lift} times what last year's "
        "list held.",
    ),
    "board.basis": Text(
        "{n} 个起报月（{first}至{last}），各预测 {horizon} 个月；下面的数字都是各起报月的平均。",
        "{n} origins ({first} to {last}), {horizon} months ahead; every figure below is a mean over the origins.",
    ),
    "board.how": Text(
        "按 WSPL 从好到差；每列最好的数字加亮。指标的含义见本页末尾，指向列名也会显示。",
        "Best WSPL first; the best figure of each column is marked. The meaning of each stands below, and when the "
        "pointer rests on its name.",
    ),
    "board.ratio": Text(
        "误差除以 {rival} 的误差：低于 1（虚线）就是更好。",
        "Error divided by that of {rival}: below 1 (dashed) is better.",
    ),
    "board.segments": Text(
        "各组的 WSPL 除以 {rival} 的 WSPL，预测期合计：在 1（虚线）左边就是更好。菱形是组合。",
        "WSPL of each segment divided by that of {rival}, all months ahead together: left of 1 (dashed) is better. "
        "The diamond is the combination.",
    ),
    "board.reliability": Text(
        "上图：实际件数落在各分位数以下的比例，应落在对角虚线上。下图：PIT 直方图，应与虚线齐平；两头高 = 区间太窄，"
        "中间高 = 太宽，偏向一边 = 预测整体偏低（右高）或偏高（左高）。并列的小件数按概率分摊。",
        "Above: share of counts at or below each quantile, which should lie on the dashed diagonal. Below: PIT "
        "histogram, which should be level with the dashed line; high ends = intervals too narrow, a high middle = "
        "too wide, high on the right = too few forecast, on the left = too many. Ties of small counts are shared "
        "out.",
    ),
    "board.compared": Text(
        "{model} 的误差除以对手的误差：点是结果，横条是 95 % 区间（社区与起报月成对重抽样 {draws} 次）。横条整个在 1"
        " 左边才算可靠地更好。起报月少时区间只是粗略的。",
        "Error of {model} divided by that of the rival: the dot is what was found, the bar its 95 % interval "
        "({draws} paired draws of areas and origins). Only a bar wholly left of 1 is surely better. With few origins "
        "the bars are rough.",
    ),
    "board.table": Text("列成表格", "As a table"),
    "board.promise": Text(
        "每个起报月只用当时已知的件数、当时可知的日历和天气的常年值；与每月正式预测是同一段程序。"
        "未覆盖的月份不计分；上级合计只在已覆盖的社区上比较。",
        "At each origin only counts known then, the calendar as known then and normals of the weather were used, by "
        "the code of the monthly job. Months nobody listened to are not scored; sums are scored over the communities "
        "that were covered.",
    ),
    "made.origins": Text("起报月", "Origins"),
    "made.horizon": Text("预测期", "Horizon"),
    "made.last": Text("数据截至", "Data through"),
    "made.members": Text("组合成员", "Members of the combination"),
    "made.seed": Text("随机种子", "Seed"),
    "made.run": Text("运行编号", "Run"),
    "made.version": Text("程序版本", "Version"),
    "made.inputs": Text("数据指纹 SHA-256", "SHA-256 of the data"),
    "made.config": Text("配置指纹 SHA-256", "SHA-256 of the config"),
    "made.code": Text("程序指纹 SHA-256", "SHA-256 of the code"),
    "axis.ahead": Text("提前几个月", "months ahead"),
    "axis.ratio": Text("与季节朴素法之比", "ratio to the rival"),
    "axis.level": Text("分位水平", "quantile level"),
    "axis.below": Text("实际在其下的比例", "share at or below"),
    "axis.pit": Text("PIT", "PIT"),
    "axis.even": Text("与均匀之比", "against even"),
    "axis.from": Text("从", "from"),
    "axis.to": Text("到", "to"),
    "col.model": Text("模型", "Model"),
    "col.rival": Text("对手", "Rival"),
    "col.metric": Text("指标", "Metric"),
    "col.ratio": Text("比值", "Ratio"),
    "col.interval": Text("95 % 区间", "95 % interval"),
    "col.difference": Text("差值", "Difference"),
    "col.better": Text("更好的抽样占比", "Better in draws"),
    "col.segment": Text("分组", "Segment"),
    "col.forecasts": Text("预测个数", "Forecasts"),
    "class.all": Text("全部", "All cells"),
    "class.low": Text("件数少的三分之一", "Third with fewest requests"),
    "class.mid": Text("件数中等的三分之一", "Middle third"),
    "class.high": Text("件数多的三分之一", "Third with most requests"),
    "group.volume": Text("按件数多少", "By volume"),
    "group.level": Text("按层级", "By level"),
    "group.category": Text("按类别", "By category"),
    "group.zone": Text("按片区", "By zone"),
    "group.note.volume": Text(
        "社区×类别按前 12 个月件数分三等份", "community × category, thirds by the requests of the 12 months before"
    ),
    "group.note.level": Text("分类别或全部类别合计到各级", "sums over areas, by category or over all categories"),
    "group.note.category": Text("最多列 30 个变化最大的", "at most the 30 that differ most"),
    "group.note.zone": Text("最多列 30 个变化最大的", "at most the 30 that differ most"),
    "volume.low": Text("少", "low"),
    "volume.mid": Text("中", "middle"),
    "volume.high": Text("多", "high"),
    "level.community": Text("社区 · 分类", "community, by category"),
    "level.street": Text("街道 · 分类", "street, by category"),
    "level.district": Text("区 · 分类", "district, by category"),
    "level.city": Text("全市 · 分类", "city, by category"),
    "total.community": Text("社区 · 合计", "community, total"),
    "total.street": Text("街道 · 合计", "street, total"),
    "total.district": Text("区 · 合计", "district, total"),
    "total.city": Text("全市 · 合计", "city, total"),
    "metric.wspl": Text("WSPL", "WSPL"),
    "metric.skill": Text("较朴素法", "vs naive"),
    "metric.wape": Text("WAPE", "WAPE"),
    "metric.bias": Text("偏差", "Bias"),
    "metric.wrmsse": Text("WRMSSE", "WRMSSE"),
    "metric.wql": Text("WQL", "WQL"),
    "metric.wis": Text("WIS", "WIS"),
    "metric.crps": Text("CRPS", "CRPS"),
    "metric.coverage_50": Text("50 % 区间", "50 % held"),
    "metric.coverage_80": Text("80 % 区间", "80 % held"),
    "metric.coverage_95": Text("95 % 区间", "95 % held"),
    "metric.pit": Text("PIT", "PIT"),
    "metric.capture": Text("抓住", "Capture"),
    "metric.surge": Text("抓突增", "Surge"),
    "metric.precision": Text("名单准确", "Precision"),
    "metric.lift": Text("提升", "Lift"),
    "meaning.wspl": Text(
        "整个分布的误差：分位数损失除以各自 12 个月变化的平均幅度，按前 12 个月件数加权。越小越好。",
        "Error of the whole distribution: quantile loss over each cell's usual 12-month change, weighted by the "
        "requests of the 12 months before. Smaller is better.",
    ),
    "meaning.skill": Text(
        "WSPL 比季节朴素法高（+）或低（−）多少。", "WSPL above (+) or below (−) that of seasonal naive."
    ),
    "meaning.wape": Text(
        "每格每月误差的绝对值之和占实际件数的比例。越小越好。",
        "Sum of the absolute errors of every cell and month as a share of the requests. Smaller is better.",
    ),
    "meaning.bias": Text(
        "预测总量比实际多（+）或少（−）的比例。0 最好。",
        "Total forecast above (+) or below (−) what came. 0 is best.",
    ),
    "meaning.wrmsse": Text(
        "均值的均方根误差除以 12 个月变化的幅度，按件数加权；看重大的失误。越小越好。",
        "Root mean squared error of the mean over the usual 12-month change, weighted by requests; large misses "
        "weigh most. Smaller is better.",
    ),
    "meaning.wql": Text(
        "分位数损失之和占实际件数的比例。越小越好。",
        "Sum of the quantile losses as a share of the requests. Smaller is better.",
    ),
    "meaning.wis": Text(
        "区间得分，单位是件：区间宽度加上落在区间外的代价。越小越好。",
        "Interval score in requests: width of the intervals plus what fell outside. Smaller is better.",
    ),
    "meaning.crps": Text(
        "预测分布与实际件数的距离，单位是件；对没有区间的预测就是绝对误差。越小越好。",
        "Distance of the distribution from what came, in requests; the absolute error, were there no doubt. "
        "Smaller is better.",
    ),
    "meaning.coverage_50": Text(
        "50 % 区间实际包含的比例，应接近 50 %。", "Share of counts inside the 50 % interval; should be near 50 %."
    ),
    "meaning.coverage_80": Text(
        "80 % 区间实际包含的比例，应接近 80 %；件数少时取整使它偏高。",
        "Share of counts inside the 80 % interval; should be near 80 %, above it where counts are small and whole.",
    ),
    "meaning.coverage_95": Text(
        "95 % 区间实际包含的比例，应接近 95 %。", "Share of counts inside the 95 % interval; should be near 95 %."
    ),
    "meaning.pit": Text(
        "校准偏差：随机化 PIT 与均匀分布的最大距离。0 最好。",
        "Miscalibration: largest distance of the randomised PIT from even. 0 is best.",
    ),
    "meaning.capture": Text(
        "每月预测最高的 10 % 格子里的实际件数，占最理想名单的比例。越大越好。",
        "Requests in the 10 % of cells forecast highest each month, as a share of the best possible list. "
        "Larger is better.",
    ),
    "meaning.surge": Text(
        "同上，按比平时多出的件数排前 5 %：抓突增的本事。越大越好。",
        "The same for the excess over the usual, top 5 %: how well surges are seen. Larger is better.",
    ),
    "meaning.precision": Text(
        "名单（前 10 %）中真正属于最高 10 % 的比例。越大越好。",
        "Share of the list (top 10 %) that truly belongs to the highest 10 %. Larger is better.",
    ),
    "meaning.lift": Text(
        "名单里的实际件数是照去年同月排的名单的几倍。大于 1 才有用。",
        "Requests in the list over those in a list by last year's same month. Above 1 is of use.",
    ),
}


@dataclass(frozen=True)
class Words:
    """The words of one language."""

    language: str

    def __call__(self, key: str, /, **values: object) -> str:
        text = TEXTS[key]
        return (text.en if self.language == "en" else text.zh).format(**values)

    def month(self, month: pd.Timestamp) -> str:
        return f"{_short(month)} {month.year}" if self.language == "en" else f"{month.year}年{month.month}月"

    def months(self, first: pd.Timestamp, last: pd.Timestamp) -> str:
        """First to last month; the year is said once when it is the same."""
        same = first.year == last.year
        if same and first.month == last.month:
            return self.month(first)
        if self.language == "en":
            return f"{_short(first) if same else self.month(first)}–{self.month(last)}"
        return f"{self.month(first)}–{'' if same else f'{last.year}年'}{last.month}月"

    def day(self, day: pd.Timestamp) -> str:
        return f"{day.day} {self.month(day)}" if self.language == "en" else f"{day.year}年{day.month}月{day.day}日"

    def count(self, value: float) -> str:
        """A whole number with thousands separated."""
        return f"{whole(value):,}"

    def percent(self, share: float) -> str:
        return f"{100 * share:.1f}".removesuffix(".0")

    def change(self, difference: float) -> str:
        """Against last year, in words."""
        n = whole(difference)
        if n == 0:
            return self("change.same")
        return self("change.more" if n > 0 else "change.fewer", n=self.count(abs(n)))

    def signed(self, difference: float) -> str:
        """+9 件."""
        n = whole(difference)
        return self("requests", n="0" if n == 0 else f"{n:+,}".replace("-", "−"))

    def grade(self, grade: object) -> str:
        return self(f"grade.{grade}") if isinstance(grade, str) and f"grade.{grade}" in TEXTS else ""


def whole(value: float) -> int:
    """Rounded half up; counts are shown as whole requests."""
    return math.floor(value + 0.5)


def _short(month: pd.Timestamp) -> str:
    return MONTHS[month.month - 1]
