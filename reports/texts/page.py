"""The page of a plan."""

from reports.texts.text import Text

TEXTS = {
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
    "page.live": Text("上月预测复盘", "How good was last month"),
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
    "plan.first": Text("先查 {estate}", "start at {estate}"),
    "risk.none": Text("没有小区数据，因此没有风险排序。", "There are no estate data, so there is no risk ranking."),
    "risk.sentence": Text(
        "共 {n} 个小区，其中红色 {red} 个、橙色 {orange} 个。等级由本程序按分数划分，不是官方评定。"
        "下面是分数最高的 {top} 行。",
        "{n} estates, {red} red and {orange} orange. Grades follow from the score and are not official. "
        "The {top} highest:",
    ),
}
