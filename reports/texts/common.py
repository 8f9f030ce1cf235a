"""Words of every report: short ones, headlines, and what is said of the data."""

from reports.texts.text import Text

TEXTS = {
    # words used everywhere
    "all": Text("全部诉求", "All requests"),
    "unclassified": Text("未分类", "Unclassified"),
    "stop": Text("。", "."),
    "colon": Text("：", ": "),
    "comma": Text("、", ", "),
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
    "points.one": Text("{driver}（1 分）", "{driver} (1 point)"),
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
}
