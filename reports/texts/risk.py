"""The list of estates at risk: its workbook."""

from reports.texts.text import Text

TEXTS = {
    "sheet.homes": Text("小区风险清单", "Estates at risk"),
    "sheet.by_category": Text("分类风险", "By category"),
    "sheet.silent": Text("沉默小区", "Silent estates"),
    "sheet.fairness": Text("公平性", "Fairness"),
    "risk.title": Text("{city} · 小区风险清单 · {month}底", "{city} · estates at risk, end of {month}"),
    "risk.sum": Text(
        "共 {n} 个小区：红 {red}、橙 {orange}、黄 {yellow}、蓝 {blue}。",
        "{n} estates: {red} red, {orange} orange, {yellow} yellow, {blue} blue.",
    ),
    "risk.read": Text(
        "等级按 {category} 的风险分排；分数越高，未来 12 个月诉求超过本街道中位小区的可能越大；"
        "同分的按预计件数排；原因后面是它贡献的分数。",
        "Graded by the score ({category}): the higher, the likelier more requests in the next 12 months than the "
        "median estate of the street; equal scores go by what is expected; each reason shows its points.",
    ),
    "risk.read.points": Text(
        "等级按小区属性打分的总分排（没有可用的历史件数，因此没有预计件数）；原因后面是它贡献的分数。",
        "Graded by points for attributes (no usable past incidents, so none are foretold); each reason shows "
        "its points.",
    ),
    "risk.cut": Text("只列前 {shown} 个；其余见 risk.csv。", "The first {shown} only; the others are in risk.csv."),
    "risk.categories": Text("{city} · 分类风险", "{city} · risk by category"),
    "risk.categories.note": Text(
        "每类列前 {shown} 个小区；用“类别”栏筛选。", "The first {shown} estates of each category; filter by Category."
    ),
    "risk.silent": Text(
        "{city} · 沉默小区：预计多、反映少，宜上门核实",
        "{city} · silent estates: much expected, little reported, to visit",
    ),
    "risk.silent.note": Text(
        "少有人反映不等于没有问题。可能性为模型估计。",
        "Few reports do not mean few faults. Probabilities are estimates.",
    ),
    "risk.fairness": Text("{city} · 名额与需要是否相称", "{city} · do slots go where the need is?"),
    "risk.fairness.note": Text(
        "名额 = 红、橙小区。比值 1 = 名额与需要相称，大于 1 = 名额偏多；区间含 1 或空缺时不能说有偏。",
        "Slots = estates in red and orange. Ratio 1 = slots as need, above 1 = more slots than need; where "
        "the 95 % interval holds 1 or is blank, no bias can be claimed.",
    ),
    "risk.fairness.top": Text(
        "名额 = 分数最高的 {top} 个小区。比值 1 = 名额与需要相称，大于 1 = 名额偏多；区间含 1 或空缺时不能说有偏。",
        "Slots = the first {top} estates by score. Ratio 1 = slots as need, above 1 = more slots than need; "
        "where the 95 % interval holds 1 or is blank, no bias can be claimed.",
    ),
    "risk.fairness.incidents": Text(
        "需要 = 预计件数。同一来电人对同一小区同类问题一年只计 {cap} 件（本清单的假设）；"
        "“不设上限”两栏是全计的结果。",
        "Need = incidents expected. Of one caller about one estate and category {cap} incidents a year count (our "
        "assumption); the uncapped columns count all.",
    ),
    "risk.fairness.households": Text(
        "需要 = 户数：没有历史件数，无从预计。", "Need = households: without past incidents none can be foretold."
    ),
    "fair.one": Text("{by} {group}（比值 {ratio}）", "{by} {group} (ratio {ratio})"),
    "fair.more": Text("名额多于需要的：{groups}。", "More slots than need: {groups}."),
    "fair.fewer": Text("名额少于需要的：{groups}。", "Fewer slots than need: {groups}."),
    "fair.none": Text("没有哪一组的名额明显偏离需要。", "No group's slots are surely off its need."),
    "fair.zone": Text("功能区", "Zone"),
    "fair.building_age": Text("楼龄（年）", "Building age (years)"),
    "fair.tenure": Text("产权", "Title"),
    "fair.elderly_share": Text("老年人占比", "Residents above 60"),
    "fair.mgmt_type": Text("管理方式", "Management"),
    "fair.owners_body": Text("业主组织", "Owners' body"),
    "fair.heat_type": Text("供暖方式", "Heating"),
    "fair.unknown": Text("不详", "unknown"),
    "col.by": Text("分组", "By"),
    "col.group": Text("组", "Group"),
    "col.estates": Text("小区数", "Estates"),
    "col.slots": Text("名额", "Slots"),
    "col.slots_share": Text("名额占比", "Share of slots"),
    "col.need": Text("需要", "Need"),
    "col.need_share": Text("需要占比", "Share of need"),
    "col.fair_ratio": Text("比值", "Ratio"),
    "col.low": Text("区间下限", "Low"),
    "col.high": Text("区间上限", "High"),
    "col.uncapped_share": Text("需要占比（不设上限）", "Share of need, uncapped"),
    "col.uncapped_ratio": Text("比值（不设上限）", "Ratio, uncapped"),
    "col.in_top": Text("进前 {top} 的把握", "Chance in top {top}"),
    "col.main": Text("件数最多的类别", "Most of them"),
    "col.reported": Text("上年反映", "Reported last year"),
    "col.expected_then": Text("上年预计", "Expected last year"),
    "col.probability": Text("少报的可能", "Chance of silence"),
    "col.scored_by": Text("方法", "Model"),
    "note.issued": Text("评分时点（月末）", "Scored at the end of"),
    "note.unknown": Text("不详", "Unknown"),
    "note.assumed": Text("假设", "Assumed"),
    "note.fair": Text("公平", "Fairness"),
    "risk.about.score": Text(
        "风险分 = 未来 12 个月件数超过本街道中位小区的可能 × 100（没有历史的，为属性打分）；"
        "预计件数、区间与进前 {top} 的"
        "把握来自同一模型（进前 {top} 的把握未计同批小区近期多发）。名次请看区间与把握，相邻名次往往分不出高低。",
        "Score = 100 x the chance of more incidents in the next 12 months than the median estate of the "
        "street (points for "
        "attributes where there is no history); expected, interval and chance in the top {top} come from the "
        "same model (that chance leaves out recent incidents of siblings). "
        "Neighbours on the list can often not be told apart.",
    ),
    "risk.about.cuts": Text(
        "等级：前 {red} 为红，至 {orange} 为橙，至 {yellow} 为黄，其余为蓝；并列同级。比例是本清单的假设，"
        "不是官方标准。",
        "Grades: the first {red} red, to {orange} orange, to {yellow} yellow, the rest blue; equals share a "
        "grade. These "
        "shares are our assumption, not an official rule.",
    ),
    "risk.about.relative": Text(
        "等级只在本清单内比较；不详的属性有单独的水平，不按 0 计。",
        "Grades compare within this list; what is unknown has a level of its own and is never taken for 0.",
    ),
    "risk.about.people": Text(
        "从不读取民族、宗教、籍贯、户籍、性别、收入等；老年人占比只加分（本次 {n} 个小区加分，无一减分）。",
        "Ethnicity, faith, origin, hukou, gender, income and the like are never read; the share of old "
        "people only adds "
        "points (to {n} estates here, taken from none).",
    ),
    "risk.about.map": Text(
        "地图层 estate_risk.geojson（WGS-84）有 {n} 个小区；{without} 个没有坐标，不在图上。",
        "Map layer estate_risk.geojson (WGS-84) has {n} estates; {without} have no point and are not on it.",
    ),
    "unknown.area": Text("社区", "community"),
    "unknown.lon": Text("坐标", "point"),
    "unknown.households": Text("户数", "households"),
    "unknown.built_year": Text("建成年份", "year built"),
    "unknown.tenure": Text("产权", "title"),
    "unknown.mgmt_type": Text("管理方式", "management"),
    "unknown.heat_type": Text("供暖方式", "heating"),
    "unknown.fee_collection_rate": Text("物业费收缴率", "fees collected"),
    "unknown.elderly_share": Text("老年人占比", "residents above 60"),
    "unknown.none": Text("主要栏目都有。", "No main field lacks a value."),
    "unknown.some": Text("{what} {n}", "{what} {n}"),
    "unknown.of": Text("{n} 个小区中不详的：{list}。", "Unknown among {n} estates: {list}."),
}
