"""A task in one sentence, and how a street fills in its list."""

from reports.texts.text import Text

TEXTS = {
    "task.sentence": Text(
        "{where} · {category} · {reason} · {by}：{action} · {who}",
        "{where} · {category} · {reason} · {by}: {action} · {who}",
    ),
    "task.by": Text("建议 {day}前启动", "begin by {day}"),
    "task.too_late": Text("最迟启动日 {day} 已过，尽快做", "should have begun by {day}, begin soon"),
    "task.who": Text("牵头 {lead}，配合 {support}", "led by {lead}, with {support}"),
    "task.who.alone": Text("牵头 {lead}", "led by {lead}"),
    "task.proof": Text(" · 留存 {proof}", " · keep {proof}"),
    "fill.date": Text("完成日期", "Done on"),
    "fill.date.error": Text("请填日期，如 2025-10-20。", "Please enter a date such as 2025-10-20."),
    "fill.figure.error": Text("请填数字，没有就空着。", "Please enter a number, or leave it blank."),
    "fill.proof": Text("需留的依据", "Proof to keep"),
    "book.guide": Text("填写说明", "How to fill in this list"),
    "guide.how": Text("怎么填", "Filling in"),
    "guide.how.1": Text(
        "只填“任务清单”右侧的浅色栏。状态点开选一项：{choices}。",
        "Fill in the shaded columns of the sheet Tasks only. Choose a status from the list: {choices}.",
    ),
    "guide.how.2": Text(
        "已完成的要有完成日期（如 2025-10-20）和证据（照片、登记表的名称或编号）；不采纳的要写原因，不必填日期。",
        "Done needs a date (such as 2025-10-20) and evidence (name or number of photos or forms); not adopted needs "
        "the reason and no date.",
    ),
    "guide.how.3": Text(
        "花费、查出和已修的问题数知道就填，不知道就空着；不要写居民姓名、电话和门牌号。",
        "Cost, defects found and mended where known, else blank. No names, telephone or door numbers of residents.",
    ),
    "guide.back": Text("怎么退", "Sending back"),
    "guide.back.1": Text(
        "原文件退回给发来的人。可以排序、筛选、加栏；任务编号（最右一栏）不要改。",
        "Return this file to its sender. Sort, filter or add columns as you like; leave the task ids (last column).",
    ),
    "guide.back.2": Text(
        "进行中的任务下月会再列出，接着填；已完成和不采纳的不再列出。",
        "What is going on is listed again next month; what is done or not adopted is not.",
    ),
    "guide.read": Text("怎么看", "Reading it"),
    "guide.read.expected": Text(
        "预计件数：任务起作用的时段内预计的诉求件数。八成把握：10 次里约 8 次落在这两个数之间。",
        "Expected: requests while the task acts. 8 in 10 times: about 8 times in 10 between these two figures.",
    ),
    "guide.read.normal": Text(
        "较常年：预计比以往各年同期的平均多（+）或少（−）几件。去年同期：去年同一时段实际几件。",
        "Against normal: how many more (+) or fewer (-) than the mean of past years. Last year: what came then.",
    ),
    "guide.read.late": Text(
        "来不及：最迟启动日已过，防不住全部，请先备好应急预案，任务仍尽快做。",
        "Too late: the day to begin has passed. Prepare the response first, and do the task soon all the same.",
    ),
    "guide.read.estate": Text(
        "先查小区：这个社区里风险最高的小区，颜色旁有字，黑白打印也能看：",
        "Estate to check first: the one most at risk in the community; the grade stands in words beside the colour:",
    ),
    "guide.red": Text("风险最高，先上门", "highest risk, visit first"),
    "guide.orange": Text("较高，本月排查", "high, look this month"),
    "guide.yellow": Text("一般，列入关注", "some, keep an eye on"),
    "guide.blue": Text("较低", "low"),
}
