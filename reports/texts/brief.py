"""The monthly brief for the leader."""

from reports.texts.text import Text

TEXTS = {
    "brief.title": Text("{city}未诉先办工作专报", "{city}: act before the complaint, monthly brief"),
    "brief.month": Text("（{month}）", "({month})"),
    "brief.overview": Text("一、总体情况", "1. Overview"),
    "brief.ahead": Text("二、重点预测", "2. What is coming"),
    "brief.tasks": Text("三、任务与责任", "3. Tasks and who leads them"),
    "brief.risk": Text("四、老旧小区风险", "4. Old estates at risk"),
    "brief.live": Text("五、上月预测复盘", "5. Last month's forecasts"),
    "brief.rates": Text("六、三率", "6. Response, resolution, satisfaction"),
    "brief.last": Text(
        "{month}，全市诉求 {n} 件{before}{year}。", "{month}: {n} requests in the city{before}{year}."
    ),
    "brief.last.none": Text(
        "{month}没有可用的诉求数据，本期只列预测与任务。",
        "No requests are known for {month}; forecasts and tasks only.",
    ),
    "brief.before": Text("，比上月{change}", "; {change} against the month before"),
    "brief.year": Text("，比去年同月{change}", "; {change} against the same month last year"),
    "brief.more": Text("多 {n} 件", "{n} more"),
    "brief.fewer": Text("少 {n} 件", "{n} fewer"),
    "brief.same": Text("持平", "the same"),
    "brief.shares": Text("从类别看，{shares}。", "By category: {shares}."),
    "brief.share": Text("{category}占 {share} %{change}", "{category} {share} %{change}"),
    "brief.share.change": Text("（比去年同月{change}）", " ({change} against the same month last year)"),
    "points.up": Text("上升 {n} 个百分点", "up {n} points"),
    "points.down": Text("下降 {n} 个百分点", "down {n} points"),
    "points.same": Text("持平", "unchanged"),
    "brief.figure.trend": Text(
        "图1  全市诉求件数：实线为实际，虚线为预计，深浅阴影为五成、八成区间",
        "Figure 1. Requests in the city: solid as they came, dashed as expected; shaded: 50 and 80 % intervals",
    ),
    "brief.figure.places": Text("图2  {months}各社区预计件数", "Figure 2. Requests expected by community, {months}"),
    "brief.figure.none": Text("没有预测，因此没有图。", "There is no forecast, so there is no picture."),
    "brief.category": Text("预计 {expected} 件，{range}{against}。", "{expected} expected, {range}{against}."),
    "brief.order": Text("（{n}）{name}。", "({n}) {name}. "),
    "brief.streets": Text(
        "表1  {months}预计件数最多的街道", "Table 1. Streets with most requests expected, {months}"
    ),
    "brief.tasks.lead": Text("按牵头单位：{list}。", "By lead party: {list}."),
    "brief.tasks.one": Text("{party} {n} 项", "{party} {n}"),
    "brief.tasks.table": Text("表2  本月启动的重点任务", "Table 2. The largest tasks to begin this month"),
    "brief.tasks.rest": Text(
        "其余 {n} 项见各街道工作簿。请各牵头单位在最迟启动日前启动，并按月退回任务清单。",
        "The other {n} are in the workbooks of the streets. Leads begin by the day given and return lists monthly.",
    ),
    "brief.tasks.return": Text(
        "请各牵头单位在最迟启动日前启动，并按月退回任务清单。",
        "Leads begin by the day given and return their lists monthly.",
    ),
    "brief.risk.sum": Text(
        "共评估小区 {n} 个，其中 2000 年底前建成的老旧小区 {old} 个{unknown}；"
        "有红色项的 {red} 个，有橙色项而无红色项的 {orange} 个。",
        "{n} estates were scored, {old} of them built by the end of 2000{unknown}; {red} have a red grade, {orange} "
        "an orange one and no red.",
    ),
    "brief.risk.unknown": Text("（另有 {n} 个建成年份不详）", " (year unknown for {n} more)"),
    "brief.risk.table": Text("表3  风险最高的小区", "Table 3. Estates most at risk"),
    "brief.rates.city": Text(
        "{months}，全市有效回访 {n} 件：{rates}{score}。",
        "{months}: {n} effective call-backs in the city: {rates}{score}.",
    ),
    "brief.rates.rate": Text("{name} {share} %{change}", "{name} {share} %{change}"),
    "brief.rates.change": Text("，比上年同期{change}", ", {change} against a year before"),
    "brief.rates.score": Text("；综合得分 {score} 分", "; score {score}"),
    "brief.rates.unasked": Text("{name}无法计算（没有问到或回访太少）", "{name} unknown (not asked, or too few)"),
    "brief.rates.table": Text("表4  各街道三率（%）", "Table 4. The three rates by street (%)"),
    "brief.rates.targets": Text(
        "{season}（{months}）全市目标：{list}。", "City targets for {season} ({months}): {list}."
    ),
    "brief.rates.none": Text(
        "本期没有回访记录，三率无法计算。请在工单导出中带上“是否有效回访、是否联系、是否解决、是否满意”四栏；"
        "只有汇总件数的来源没有回访。",
        "There are no call-backs, so the three rates cannot be told. Export the orders with the columns effective "
        "call-back, contacted, resolved and satisfied; ready-made counts hold no call-backs.",
    ),
    "brief.rates.note": Text(
        "分母为有效回访，剔除单不计；目标与四类评价的算法是本系统的假设，不是官方口径。",
        "The base is effective call-backs without excluded orders; targets and classes follow rules of this system, "
        "not official ones.",
    ),
    "brief.note": Text(
        "说明：计划发出于{as_of}底，数据截至{origin}。预测说的是会有多少诉求，不是谁有过错；措施、牵头方来自配置，"
        "不是官方标准。运行编号 {run}。",
        "Note: issued at the end of {as_of} with data through {origin}. A forecast tells how many requests may come, "
        "not who is at fault; actions and leads come from the configuration and are no official standard. Run {run}.",
    ),
    "rate.response": Text("响应率", "response"),
    "rate.resolution": Text("解决率", "resolution"),
    "rate.satisfaction": Text("满意率", "satisfaction"),
    "season.heating": Text("供暖季", "the heating season"),
    "season.flood": Text("汛期", "the flood season"),
    "class.advanced": Text("先进", "advanced"),
    "class.progress": Text("进步", "progress"),
    "class.rectify": Text("整改", "rectify"),
    "class.govern": Text("治理", "govern"),
    "col.share_score": Text("综合得分", "Score"),
    "col.class": Text("评价", "Class"),
    "col.do": Text("任务", "Task"),
    "col.who": Text("牵头（配合）", "Leads (supports)"),
    "col.expected80": Text("预计件数（八成把握）", "Expected (8 in 10)"),
}
