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
    "page.place": Text("范围", "Place"),
    "page.community": Text("社区", "Community"),
    "page.span": Text("月份", "Months"),
    "page.skip": Text("跳到正文", "Skip to the text"),
    "page.contents": Text("目录", "Contents"),
    "page.all_rows": Text("显示全部 {n} 行", "Show all {n} rows"),
    "coming.whole": Text("{name}合计", "all of {name}"),
    "coming.cut": Text(
        "社区太多，一页放不下：街道以上的线都在，社区只有有任务的和件数最多的。其余见 forecasts 表。",
        "There are too many communities for one page: streets and above have every line, communities those with "
        "tasks and the largest. The table forecasts holds the rest.",
    ),
    "trend.actual": Text("实际", "actual"),
    "trend.expected": Text("预计", "expected"),
    "trend.compared": Text("对照", "to compare"),
    "trend.then": Text("去年发出的预测", "forecast of a year ago"),
    "trend.last": Text("实际至 {month}", "actual to {month}"),
    "trend.as_of": Text("计划按{month}末的情况", "plan as of the end of {month}"),
    "trend.bands": Text(
        "实线是实际，虚线是预计。色带由深到浅：10 次里约 5 次、约 8 次、约 9 次半落在其中。",
        "Solid: actual. Dashed: expected. Bands from dark to light hold about 5, 8 and 9½ times in 10.",
    ),
    "trend.before": Text(
        "灰色点线是去年此时发出的预测，当时的数字，没有改过。",
        "Grey dots: what was forecast a year ago, as issued then.",
    ),
    "trend.year": Text(
        "灰色点线是去年同月的实际件数；一年前没有发出过预测。",
        "Grey dots: the same months of last year; no forecast was issued a year ago.",
    ),
    "trend.sentence": Text(
        "{place} · {category}：{months}预计 {expected} 件，{range}{against}。",
        "{place}, {category}: {expected} expected in {months}, {range}{against}.",
    ),
    "trend.none": Text("没有可画的预测。", "There is no forecast to draw."),
    "trend.wide": Text("八成以上区间", "80 % interval or wider"),
    "trend.band": Text("{band} % 区间", "{band} % interval"),
    "trend.table": Text("以表格查看这条线", "This line as a table"),
    "map.sentence": Text(
        "各{place}的预计件数；颜色越深件数越多，分档见图例。单月的分档各月相同，可以逐月对比。",
        "Requests expected in each {place}; the key is below the map. Single months share one key.",
    ),
    "map.tiles": Text(
        "没有边界，改用方格：一格一个{place}，按上级排列；格内是预计件数。单月的分档各月相同，可以逐月对比。",
        "No boundaries are known: one tile a {place}, by what it lies in, with the requests expected. Single months "
        "share one key.",
    ),
    "map.streets": Text(
        "社区太多，图上按街道合计；社区的数字见计划和各街道工作簿。",
        " Communities are too many to draw: these are streets; communities stand in the plan and the workbooks.",
    ),
    "map.missing": Text(
        "{n} 个{place}没有边界，未画在图上，但列在表格里。", "{n} × {place} without a boundary are not drawn."
    ),
    "map.top": Text("件数最多的{place}", "Largest by {place}"),
    "map.none": Text("没有社区的预测可画。", "There is no community forecast to draw."),
    "map.table": Text("以表格查看全部{place}", "Every {place} as a table"),
    "map.tile": Text("{name}：{n} 件", "{name}: {n}"),
    "place.community": Text("社区", "community"),
    "place.street": Text("街道", "street"),
    "col.where": Text("地点", "Place"),
    "col.within": Text("属于", "Within"),
    "plan.search": Text("搜索", "Search"),
    "plan.search.hint": Text("社区、类别、措施……", "community, category, action…"),
    "plan.every_street": Text("全部街道", "All streets"),
    "plan.every_lead": Text("全部牵头方", "All lead parties"),
    "plan.order": Text("排序", "Sort by"),
    "plan.every_fate": Text("全部安排", "All fates"),
    "plan.every_change": Text("全部", "All"),
    "plan.why": Text("依据", "Why"),
    "plan.show": Text("看走势图", "Show the trend"),
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
    "silent.title": Text("哪些小区可能反映得太少", "Estates that may report too little"),
    "silent.none": Text(
        "没有哪个小区有足够把握说它反映得太少。",
        "Of no estate can it be said with confidence that it reports too little.",
    ),
    "silent.not_sought": Text(
        "没有小区数据，因此没有找过反映偏少的小区。", "There are no estate data, so silent estates were not sought."
    ),
    "silent.sentence": Text(
        "{n} 个小区反映的可能比实际发生的少，宜上门核实；少有人反映不等于没有问题。下面是最有把握的 {top} 个。",
        "{n} estates may report less than happens there and are worth a visit. The {top} surest:",
    ),
    "silent.chance": Text("10 次里约 {n} 次", "about {n} times in 10"),
}
