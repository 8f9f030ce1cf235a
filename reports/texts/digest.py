"""Messages to streets and to the city."""

from reports.texts.text import Text

TEXTS = {
    "digest.street": Text("{street} · {month}预防任务", "{street} · preventive tasks for {month}"),
    "digest.city": Text("{city} · {month}预防任务", "{city} · preventive tasks for {month}"),
    "digest.begin": Text("本月应启动 {n} 项{late}。", "{n} to begin this month{late}."),
    "digest.work": Text(
        "**{category}**：{action}（{by}前启动，管{when}，牵头 {lead}）",
        "**{category}**: {action} (begin by {by}, for {when}; led by {lead})",
    ),
    "digest.too_late": Text(
        "**{category}**：已来不及预防，准备应急预案（{when}，牵头 {lead}）",
        "**{category}**: too late to prevent, prepare the response ({when}; led by {lead})",
    ),
    "digest.task": Text("{n}. {where}：预计 {expected} 件，{sure}", "{n}. {where}: {expected} expected, {sure}"),
    "digest.by_street": Text("{n}. **{street}**：{tasks} 项{late}", "{n}. **{street}**: {tasks} tasks{late}"),
    "digest.left_out": Text(
        "> 另有 {n} 项未列出，全部任务见工作簿 {file}", "> {n} more are not listed; all of them are in {file}"
    ),
    "digest.all": Text("> 填写后交回工作簿 {file}", "> Fill in and send back {file}"),
    "digest.streets_left": Text(
        "> 另有 {n} 个街道未列出，见 {file}", "> {n} more streets are not listed; see {file}"
    ),
    "digest.page": Text("> 全文见 {file}", "> All of it: {file}"),
}
