"""Texts of the page on effects."""

from reports.texts.text import Text

TEXTS = {
    "eff.title": Text("{city} · 做了有没有用（数据至 {month}）", "{city} · did the work help (data to {month})"),
    "eff.read": Text(
        "每项先看此前走势能否相比、多大的变化看得出、区间多宽，最后才是数字；条件不够的不下结论。",
        "Of each: did both sides run alike before, what change could be seen, how wide is the interval, and only "
        "then the number; where the ground is too weak nothing is concluded.",
    ),
    "eff.none": Text(
        "还没有可评估的任务或措施：任务回填“已完成”，或在配置里写 interventions: {{path: ...}}。",
        "Nothing to judge yet: report tasks as done, or name a file of interventions in the config "
        "(interventions: {{path: ...}}).",
    ),
    "eff.did": Text("双重差分", "difference-in-differences"),
    "eff.synthetic": Text("合成对照", "synthetic control"),
    "eff.holdback": Text("随机留置", "randomised hold-back"),
    "eff.areas": Text("多个社区", "several areas"),
    "eff.every": Text("全部任务", "all tasks"),
    "eff.head": Text("{group} · {category} · {area}（{estimator}）", "{group} · {category} · {area} ({estimator})"),
    "eff.size": Text(
        "    范围：处理 {treated} 个，对照 {controls} 个，事后 {months} 个月",
        "    Compared: {treated} treated, {controls} controls, {months} months after",
    ),
    "eff.pre_good": Text(
        "    此前走势：没有看出差别（p = {p}）", "    Before the work: no difference seen (p = {p})"
    ),
    "eff.pre_bad": Text("    此前走势：已经不同（p = {p}）", "    Before the work: already different (p = {p})"),
    "eff.pre_none": Text("    此前走势：无法检验", "    Before the work: cannot be tested"),
    "eff.power": Text(
        "    看得出多大变化：减少 {least}% 以上（八成把握）；真少 {plausible}% 时看得出的可能 {power}%",
        "    What could be seen: {least} % fewer or more (8 times in 10); {plausible} % fewer would be seen "
        "{power} % of the time",
    ),
    "eff.power_none": Text("    看得出多大变化：算不出", "    What could be seen: cannot be said"),
    "eff.interval": Text("    区间（{level}%）：{low} 至 {high}", "    Interval ({level} %): {low} to {high}"),
    "eff.fewer": Text("    结果：诉求变化 {estimate}，减少", "    Result: requests {estimate}, fewer"),
    "eff.more": Text(
        "    结果：诉求变化 {estimate}，增加，且没有记录查出的问题",
        "    Result: requests {estimate}, more, with no defects on record",
    ),
    "eff.found": Text(
        "    结果：诉求变化 {estimate}。查出问题 {found} 处、解决 {fixed} 处：上门让问题说了出来，不算失败",
        "    Result: requests {estimate}. {found} defects found, {fixed} mended: visits brought them to light, "
        "which is no failure",
    ),
    "eff.unclear": Text(
        "    结果：诉求变化 {estimate}，区间含 0，不能说有用或没用",
        "    Result: requests {estimate}; the interval holds 0, so neither help nor harm can be claimed",
    ),
    "eff.refused": Text("    结果：不下结论。{why}", "    Result: not concluded. {why}"),
    "eff.averted": Text("    少来诉求 {n} 件（{low} 至 {high}）", "    Averted requests: {n} ({low} to {high})"),
    "eff.each": Text("    每少一件 {n} 元（{low} 至 {high}）", "    Yuan per averted request: {n} ({low} to {high})"),
    "eff.unbounded": Text("无上限", "no upper end"),
    "eff.defects": Text("    查出问题 {found} 处，解决 {fixed} 处", "    Defects found {found}, mended {fixed}"),
    "eff.why.no_after": Text("还没有完整的事后月份。", "No full month after the work yet."),
    "eff.why.few_before": Text("此前的数据不够长或不完整。", "Too few complete months before the work."),
    "eff.why.few_controls": Text(
        "可比的、没有做过的社区或街道太少。", "Too few comparable areas where nothing was done."
    ),
    "eff.why.few_clusters": Text(
        "处理的社区（或街道）太少，偶然差别分不开。", "Too few areas (or streets) treated to tell chance apart."
    ),
    "eff.why.few_requests": Text("诉求太少。", "Too few requests."),
    "eff.why.no_pre_trend": Text("此前走势无法检验。", "The months before cannot be tested."),
    "eff.why.pre_trend": Text(
        "此前两边走势就不同，差别不能归于所做的事。", "Both sides differed before, so the work cannot be credited."
    ),
    "eff.why.no_power": Text(
        "连大到不大可能的减少也看不出来，数字没有意义。",
        "Not even an unlikely large reduction would be seen, so a number says nothing.",
    ),
}
