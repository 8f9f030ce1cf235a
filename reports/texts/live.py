"""How good the forecasts issued last month were."""

from reports.texts.text import Text

TEXTS = {
    "live.none": Text(
        "本城市还没有上月发出的预测，下月起可复盘。",
        "No earlier forecast for this city covers a month that has come; from next month on there will be one.",
    ),
    "live.calm": Text(
        "没有警报：{n} 个项目（全市、各类别、各街道）的偏差都在控制限以内。",
        "No alarm: {n} sums (city, categories, streets) are within their control limits.",
    ),
    "live.alarm.more": Text(
        "警报：{segment}大约自{since}起实际件数持续高于预测，看{segment}的预测时请往高处留余地，并查明原因。",
        "Alarm: {segment} has run above forecast since about {since}. Allow for more there, and find out why.",
    ),
    "live.alarm.fewer": Text(
        "警报：{segment}大约自{since}起实际件数持续低于预测，看{segment}的预测时请往低处留余地，并查明是否漏收数据。",
        "Alarm: {segment} has run below forecast since about {since}. Allow for fewer there, and check that no data "
        "are missing.",
    ),
    "live.far.more": Text(
        "警报：{segment}{month}的实际件数远高于预测，偶然很难解释，请查明当月发生了什么。",
        "Alarm: {segment} was far above forecast in {month}, more than chance explains. Find out what happened.",
    ),
    "live.far.fewer": Text(
        "警报：{segment}{month}的实际件数远低于预测，偶然很难解释，请先查是否漏收数据。",
        "Alarm: {segment} was far below forecast in {month}, more than chance explains. Are data missing?",
    ),
    "live.more": Text("另有 {n} 个警报，见 drift 表。", "{n} more alarms are in the table drift."),
    "live.city": Text("{city}全市", "{city} as a whole"),
    "live.ahead": Text("提前 {n} 个月发出", "issued {n} month(s) ahead"),
    "live.total": Text(
        "{month}（{ahead}）预计 {expected} 件，{range}；实际 {observed} 件，{held}。",
        "{month} ({ahead}): {expected} expected, {range}; {observed} came, {held}.",
    ),
    "live.total.bare": Text(
        "{month}（{ahead}）预计 {expected} 件，实际 {observed} 件（没有可比的区间）。",
        "{month} ({ahead}): {expected} expected, {observed} came (no interval to compare with).",
    ),
    "live.inside": Text("落在区间内", "inside the interval"),
    "live.outside": Text("落在区间外", "outside the interval"),
    "live.categories": Text(
        "{n} 个类别中有 {outside} 个落在各自的八成区间之外（碰巧也会有约 {usual} 个）。",
        "{outside} of {n} categories fell outside their 80 % interval (about {usual} would by chance).",
    ),
    "live.farthest": Text("偏得最远：{names}。", " The farthest: {names}."),
    "live.category": Text("{name} {observed} 件（区间 {range}）", "{name} {observed} (interval {range})"),
    "live.cells": Text(
        "逐格看（社区×类别，共 {n} 格）：{held} % 落在八成区间内，误差合计占实际件数的 {wape} %。",
        "By community × category ({n} cells): {held} % fell inside the 80 % interval; errors add up to {wape} % of "
        "what came.",
    ),
    "live.basis": Text(
        "预测以{issued}末发出时的数字为准，事后不改；补到或更正的数据只改变实际件数。已复盘 {n} 个月。",
        "Forecasts stand as issued at the end of {issued}; data that came late or were corrected change only what "
        "came. {n} months scored so far.",
    ),
    "live.chart": Text(
        "控制图：点是各月的偏差（以标准差计，0 = 与预测相同），实线是近几月的滑动平均，虚线是它的控制限。"
        "红点表示有警报。",
        "Control chart: a point is the miss of a month in standard deviations (0 = as forecast), the line its moving "
        "mean, dashed its limits. Red: alarm.",
    ),
    "live.axis": Text("偏差（标准差）", "miss (standard deviations)"),
    "live.z": Text("当月偏差", "miss"),
    "live.e": Text("滑动平均", "moving mean"),
    "live.u": Text("控制限", "limit"),
}
