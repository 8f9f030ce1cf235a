"""How good the forecasts were, and how they are made."""

from reports.texts.text import Text

TEXTS = {
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
}
