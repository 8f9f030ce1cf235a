"""What a plan holds that the one before did not, and why."""

from reports.texts.text import Text

TEXTS = {
    "page.changes": Text("与上份计划相比", "What changed since the last plan"),
    "changes.first": Text(
        "这是第一份计划，或上一份计划里没有任务：{n} 项都是新列入的。",
        "This is the first plan, or the one before had no task: all {n} tasks are new.",
    ),
    "changes.none": Text("上一份和这一份计划里都没有任务。", "Neither this plan nor the one before holds a task."),
    "changes.sum": Text(
        "新列入 {new} 项，延续 {carried_over} 项，去掉 {dropped} 项。",
        "{new} tasks are new, {carried_over} carried over, {dropped} dropped.",
    ),
    "changes.new": Text("新列入的原因：{reasons}。", "New because: {reasons}."),
    "changes.carried_over": Text("延续的：{reasons}。", "Carried over: {reasons}."),
    "changes.dropped": Text("去掉的原因：{reasons}。", "Dropped because: {reasons}."),
    "changes.reason": Text("{why} {n} 项", "{why} ({n})"),
    "changes.turned": Text(
        "延续的任务中有 {n} 项换了安排（如由候补转为启动）。",
        "{n} of those carried over have another fate (such as from waiting to begin).",
    ),
    "changes.table": Text("去掉的任务逐项列出", "The tasks dropped, one by one"),
    "changes.cut": Text(
        "只列预计件数最多的 {n} 项，其余 {rest} 项见 plan_changes 表。",
        "Only the {n} largest; the other {rest} are in the table plan_changes.",
    ),
    "col.why": Text("原因", "Why"),
    "col.expected_before": Text("上份计划预计", "Expected then"),
    "col.change": Text("变化", "Change"),
    "change.new": Text("新列入", "new"),
    "change.carried_over": Text("延续", "carried over"),
    "why.due": Text("到了该启动的时候", "its time has come"),
    "why.early": Text("后面人手紧，提前启动", "begun early, crews are short later"),
    "why.ahead": Text("为以后的月份预先安排", "planned for a later month"),
    "why.in_progress": Text("正在进行", "work goes on"),
    "why.still_due": Text("仍可启动", "may still begin"),
    "why.done": Text("街道已完成", "done"),
    "why.declined": Text("街道不采纳", "not adopted"),
    "why.passed": Text("已过最迟开始日", "its time to begin has passed"),
    "why.few": Text("现在预计的件数太少", "too few requests are expected now"),
    "why.not_asked": Text("任务库或沉默小区名单不再列它", "no longer asked for by the playbook or the silent list"),
}
