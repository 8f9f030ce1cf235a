"""The page of a backtest."""

from reports.texts.text import Text

TEXTS = {
    "board.title": Text("{city} · 回测", "{city} · backtest"),
    "board.part.short": Text("要点", "In short"),
    "board.part.board": Text("排行", "Leaderboard"),
    "board.part.lists": Text("名单抓得准吗", "What lists held"),
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
    "board.lists": Text(
        "站在每个起报月排名单，看预测期合计的件数：名单抓住的件数占最理想名单的比例，各起报月平均。"
        "照搬去年 = 去年同月件数；近 12 月均值 = 不看季节。计划任务只算各任务起作用的月份，"
        "其他名单在同一街道选同样多的任务。",
        "Lists drawn up at each origin, judged on all months ahead together: requests held by the list, of those "
        "held by the best possible one, mean over the origins. Last year = its same months; flat mean = the trailing "
        "12 months. Tasks of the plan are judged on the months they act on; the other lists choose as many tasks in "
        "each street.",
    ),
    "board.ahead": Text(
        "计划名单比其他名单多抓住几个百分点。区间按互不重叠的时段算（时段均值的配对 t）；起报月太少时给不出。",
        "Points by which the plan is ahead of the other lists. The interval is taken from stretches of time (a "
        "paired t of their means); too few origins give none.",
    ),
    "board.by_origin": Text("逐个起报月（前 10 % 格子）", "Every origin (top 10 % of cells)"),
    "list.plan": Text("计划（按预测）", "Plan (by forecast)"),
    "list.last_year": Text("照搬去年", "Last year"),
    "list.flat_mean": Text("近 12 月均值", "Flat mean"),
    "list.size.1": Text("前 1 % 格子", "Top 1 % of cells"),
    "list.size.5": Text("前 5 %", "Top 5 %"),
    "list.size.10": Text("前 10 %", "Top 10 %"),
    "list.size.20": Text("前 20 %", "Top 20 %"),
    "list.size.slots": Text("与名额同数", "As many as slots"),
    "list.size.tasks": Text("计划任务", "Tasks of the plan"),
    "list.surge": Text("超常部分（前 10 %）", "Excess (top 10 %)"),
    "list.kept": Text("下个起报月仍在（前 10 %）", "Still listed at the next origin (top 10 %)"),
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
    "col.list": Text("名单", "List"),
    "col.points": Text("多几个百分点", "Points ahead"),
    "col.ahead": Text("领先的起报月", "Origins ahead"),
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
