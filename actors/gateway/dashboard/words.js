// words.js: What the page says, in English and Chinese.

const EN = {
  "nav": "Views", "nav.line": "Line", "nav.jobs": "Videos", "nav.job": "Video", "nav.new": "Playground",
  "nav.batch": "Batch", "skip": "Skip to content", "sign_out": "Sign out", "theme": "Light or dark",
  "theme.auto": "Auto", "theme.light": "Light", "theme.dark": "Dark", "yes": "Yes", "no": "No", "close": "Close",
  "ago": "{time} ago", "connection.live": "live", "connection.lost": "connection lost, trying again",
  "login.key": "API key", "login.submit": "Sign in", "login.refused": "This key is not known here.",
  "login.no_answer": "The gateway does not answer: {why}",
  "login.note": "The key stays in this tab and is gone when it is closed. An operator's key shows the whole line, a tenant's its own videos.",

  "line.waiting": "Waiting", "line.running": "Running", "line.completed": "Completed", "line.accepted": "Accepted",
  "line.failed": "Failed", "line.oldest": "Oldest wait", "line.workers": "Workers", "line.retries": "Waiting to retry",
  "line.of": "of {most}", "line.batches": "{n} batches", "line.per_minute": "in the last minute",
  "line.retried": "{n} retries a minute", "line.busy": "{n} busy", "line.alarms": "Alarms", "line.queue": "Queue",
  "line.class": "Class", "line.share": "", "line.paused": "Paused: {whom}, by {by}, {at}",
  "line.everything": "the whole queue", "line.breakers": "Circuit breakers", "line.recent": "Newest videos",
  "line.as_of": "As of {time} \u00b7 scheduler's term {term}",
  "chart.rate": "Jobs a minute", "chart.accepted": "accepted", "chart.completed": "completed", "chart.failed": "failed",
  "chart.queue": "Jobs", "chart.waiting": "waiting", "chart.running": "running", "chart.wait": "Wait until the start",
  "chart.mean": "mean", "chart.longest": "longest",
  "queue.pause": "Pause", "queue.resume": "Resume", "queue.ask.pause": "Start no more jobs? What runs goes on, and new jobs are still accepted.",
  "queue.ask.resume": "Start jobs again?", "queue.did.pause": "The queue is paused.", "queue.did.resume": "The queue goes on.",
  "breaker.none": "None: nothing has run yet.", "breaker.model": "Model", "breaker.device": "Class of GPU",
  "breaker.state": "State", "breaker.failures": "Failed", "breaker.closed": "closed", "breaker.open": "Open",
  "breaker.half_open": "half open", "breaker.forced_open": "forced open", "breaker.disabled": "held closed",
  "breaker.reset": "Reset", "breaker.ask.open": "Send {model} no more work, until the breaker is reset?",
  "breaker.ask.reset": "Leave the breaker of {model} to itself again?", "breaker.did": "Done.",

  "worker.none": "No worker has reported yet.", "worker.more": "{n} more", "worker.busy": "busy", "worker.idle": "idle",
  "worker.starting": "starting", "worker.down": "down", "worker.ejected": "ejected", "worker.silent": "silent",
  "worker.spot": "spot", "worker.restarts": "{n} restarts", "worker.jobs": "{n} jobs", "worker.frames": "{n} frames",
  "worker.behind": "{n} behind it", "expert.high_noise": "high noise", "expert.low_noise": "low noise",
  "phase.waiting": "waiting", "phase.encoding": "encoding", "phase.denoising": "denoising", "phase.decoding": "decoding",
  "phase.storing": "storing",

  "alarm.not_leading": "The scheduler does not lead yet: no work is started.",
  "alarm.ledger_failing": "The ledger does not grant: no work is started.",
  "alarm.store_failing": "The object store fails: its circuit breaker is not closed.",
  "alarm.no_workers": "No worker is ready.", "alarm.breaker_open": "Circuit breakers not closed: {n} ({subject})",
  "alarm.worker_ejected": "Workers ejected: {n} ({subject})",
  "alarm.worker_silent": "Workers whose node is not heard: {n} ({subject})",
  "alarm.worker_down": "Workers without a process: {n} ({subject})",
  "alarm.queue_near_full": "The queue is nearly full: {n} jobs wait.",
  "alarm.overloaded": "Overload: more waits than can be done in time.",
  "alarm.queue_paused": "The queue is paused by {subject}.", "alarm.tenants_paused": "Tenants paused: {n} ({subject})",
  "alarm.breaker_forced": "Circuit breakers forced: {n} ({subject})",
  "alarm.leaving": "The scheduler's node is being stopped: no work is started.",

  "class.urgent": "urgent", "class.vip": "vip", "class.standard": "standard", "class.free": "free",
  "quality.final": "final", "quality.preview": "preview",
  "state.waiting": "waiting", "state.running": "running", "state.done": "done", "state.failed": "failed",
  "state.cancelled": "cancelled", "state.retry": "retry later",

  "jobs.none": "No videos here.", "jobs.search": "Search prompts and ids", "jobs.filter": "Which videos",
  "jobs.all": "All", "jobs.active": "Active", "jobs.done": "Done", "jobs.failed": "Failed", "jobs.more": "Older ones",
  "job.step": "step {step}/{total}", "job.left": "{time} left", "job.place": "place {place}", "job.eta": "about {time}",
  "job.took": "in {time}", "job.attempt": "attempt {n}", "job.degraded": "by a lighter model", "job.loading": "fetching the video",
  "job.no_file": "Its model made no file.", "job.timeline": "What happened", "job.facts": "What was asked for",
  "job.cancel": "Cancel", "job.save": "Download", "job.again": "Use as a start", "job.final": "Make it in full",
  "job.delete": "Delete", "job.ask_cancel": "Cancel this video?", "job.ask_delete": "Delete this video and its files?",
  "job.cancelled": "Cancelled.", "job.deleted": "Deleted.", "job.final_made": "The full video is on its way.",
  "fact.tenant": "Account", "fact.model": "Model", "fact.size": "Size", "fact.steps": "Steps", "fact.seed": "Seed",
  "fact.class": "Class", "fact.quality": "Quality", "fact.attempt": "Attempt", "fact.batch": "Batch of",
  "fact.gpu": "GPU time", "fact.created": "Accepted", "fact.completed": "Ended", "fact.degraded": "Lighter model", "fact.id": "Id",
  "event.accepted": "accepted", "event.granted": "given to a worker", "event.cancel_requested": "cancelling asked for",
  "event.ended": "ended: {to}", "event.removed": "deleted", "event.reprioritised": "moved to another class",
  "event.redriven": "put back by an operator", "event.from_step": "from step {n}", "event.gpu": "{time} of GPU", "event.by": "by {by}",

  "create.prompt": "Prompt", "create.placeholder": "a red ball moves to the right on a black background",
  "create.model": "Model", "create.size": "Size", "create.frames": "Frames", "create.steps": "Steps", "create.seed": "Seed",
  "create.random": "random", "create.class": "Class", "create.negative": "Not in it", "create.preview": "Preview",
  "create.submit": "Make the video", "create.made": "Made here", "create.none": "Nothing yet.",

  "batch.drop": "Drop a file here, or choose one",
  "batch.formats": "JSON Lines (each line as POST /v1/videos takes it) or text with one prompt a line; up to 10,000 lines",
  "batch.file": "File", "batch.start": "Send all", "batch.stop": "Stop", "batch.save": "Save the ids", "batch.line": "Line",
  "batch.prompt": "Prompt", "batch.state": "State", "batch.more": "and {n} more lines",
  "batch.sums": "{lines} lines \u00b7 {sent} accepted \u00b7 {done} completed \u00b7 {wrong} refused or failed",
  "batch.ready": "ready", "batch.sending": "sending", "batch.queued": "waiting", "batch.in_progress": "running",
  "batch.completed": "done", "batch.failed": "failed", "batch.wrong": "refused", "batch.no_json": "no JSON: {why}",
  "batch.no_object": "no JSON object", "batch.too_large": "The file is larger than {most}.",
  "batch.too_many": "The file has more than {most} lines.",
};

const ZH = {
  "nav": "视图", "nav.line": "产线", "nav.jobs": "视频", "nav.job": "视频", "nav.new": "试用", "nav.batch": "批量",
  "skip": "跳到内容", "sign_out": "退出", "theme": "浅色或深色", "theme.auto": "自动", "theme.light": "浅色", "theme.dark": "深色",
  "yes": "是", "no": "否", "close": "关闭", "ago": "{time}前", "connection.live": "实时", "connection.lost": "连接中断，正在重连",
  "login.key": "API 密钥", "login.submit": "登录", "login.refused": "此密钥无效。", "login.no_answer": "网关没有应答：{why}",
  "login.note": "密钥只保存在本标签页，关闭即清除。运维密钥可看到整条产线，租户密钥只看到自己的视频。",

  "line.waiting": "等待", "line.running": "运行", "line.completed": "完成", "line.accepted": "接收", "line.failed": "失败",
  "line.oldest": "最长等待", "line.workers": "工作进程", "line.retries": "等待重试", "line.of": "上限 {most}",
  "line.batches": "{n} 个批次", "line.per_minute": "最近一分钟", "line.retried": "每分钟重试 {n} 次", "line.busy": "{n} 个忙碌",
  "line.alarms": "告警", "line.queue": "队列", "line.class": "等级", "line.share": "",
  "line.paused": "已暂停：{whom}，操作者 {by}，{at}", "line.everything": "整个队列", "line.breakers": "熔断器",
  "line.recent": "最新视频", "line.as_of": "截至 {time} \u00b7 调度器任期 {term}",
  "chart.rate": "每分钟任务数", "chart.accepted": "接收", "chart.completed": "完成", "chart.failed": "失败", "chart.queue": "任务数",
  "chart.waiting": "等待", "chart.running": "运行", "chart.wait": "开始前的等待", "chart.mean": "平均", "chart.longest": "最长",
  "queue.pause": "暂停", "queue.resume": "恢复", "queue.ask.pause": "停止启动新任务？正在运行的继续，新任务仍会被接收。",
  "queue.ask.resume": "重新开始启动任务？", "queue.did.pause": "队列已暂停。", "queue.did.resume": "队列已恢复。",
  "breaker.none": "无：还没有任务运行过。", "breaker.model": "模型", "breaker.device": "GPU 类型", "breaker.state": "状态",
  "breaker.failures": "失败", "breaker.closed": "闭合", "breaker.open": "断开", "breaker.half_open": "半开",
  "breaker.forced_open": "强制断开", "breaker.disabled": "保持闭合", "breaker.reset": "复位",
  "breaker.ask.open": "在复位之前不再给 {model} 分配任务？", "breaker.ask.reset": "让 {model} 的熔断器恢复自动？", "breaker.did": "已完成。",

  "worker.none": "还没有工作进程上报。", "worker.more": "另有 {n} 个", "worker.busy": "忙碌", "worker.idle": "空闲",
  "worker.starting": "启动中", "worker.down": "停止", "worker.ejected": "已剔除", "worker.silent": "失联", "worker.spot": "可回收",
  "worker.restarts": "重启 {n} 次", "worker.jobs": "{n} 个任务", "worker.frames": "{n} 帧", "worker.behind": "后面还有 {n} 批",
  "expert.high_noise": "高噪声", "expert.low_noise": "低噪声", "phase.waiting": "等待", "phase.encoding": "编码文本",
  "phase.denoising": "去噪", "phase.decoding": "解码", "phase.storing": "存储",

  "alarm.not_leading": "调度器尚未成为主节点：不会启动任务。", "alarm.ledger_failing": "账本无法授权：不会启动任务。",
  "alarm.store_failing": "对象存储出错：其熔断器未闭合。", "alarm.no_workers": "没有可用的工作进程。",
  "alarm.breaker_open": "未闭合的熔断器：{n}（{subject}）", "alarm.worker_ejected": "已剔除的工作进程：{n}（{subject}）",
  "alarm.worker_silent": "节点失联的工作进程：{n}（{subject}）", "alarm.worker_down": "没有进程的工作槽：{n}（{subject}）",
  "alarm.queue_near_full": "队列将满：{n} 个任务在等待。", "alarm.overloaded": "过载：等待的任务无法按时完成。",
  "alarm.queue_paused": "队列被 {subject} 暂停。", "alarm.tenants_paused": "已暂停的租户：{n}（{subject}）",
  "alarm.breaker_forced": "被强制的熔断器：{n}（{subject}）", "alarm.leaving": "调度器所在节点正在停止：不会启动任务。",

  "class.urgent": "紧急", "class.vip": "贵宾", "class.standard": "标准", "class.free": "免费", "quality.final": "正式",
  "quality.preview": "预览", "state.waiting": "等待", "state.running": "运行", "state.done": "完成", "state.failed": "失败",
  "state.cancelled": "已取消", "state.retry": "稍后重试",

  "jobs.none": "这里没有视频。", "jobs.search": "搜索提示词或编号", "jobs.filter": "筛选", "jobs.all": "全部", "jobs.active": "进行中",
  "jobs.done": "完成", "jobs.failed": "失败", "jobs.more": "更早的", "job.step": "第 {step}/{total} 步", "job.left": "还需 {time}",
  "job.place": "第 {place} 位", "job.eta": "约 {time}", "job.took": "用时 {time}", "job.attempt": "第 {n} 次尝试",
  "job.degraded": "由轻量模型完成", "job.loading": "正在读取视频", "job.no_file": "模型没有生成文件。", "job.timeline": "经过",
  "job.facts": "请求内容", "job.cancel": "取消", "job.save": "下载", "job.again": "以此为起点", "job.final": "生成正式版",
  "job.delete": "删除", "job.ask_cancel": "取消这个视频？", "job.ask_delete": "删除这个视频及其文件？", "job.cancelled": "已取消。",
  "job.deleted": "已删除。", "job.final_made": "正式版已提交。", "fact.tenant": "账户", "fact.model": "模型", "fact.size": "尺寸",
  "fact.steps": "步数", "fact.seed": "种子", "fact.class": "等级", "fact.quality": "质量", "fact.attempt": "尝试",
  "fact.batch": "批次大小", "fact.gpu": "GPU 时间", "fact.created": "接收时间", "fact.completed": "结束时间",
  "fact.degraded": "轻量模型", "fact.id": "编号", "event.accepted": "已接收", "event.granted": "分配给工作进程",
  "event.cancel_requested": "请求取消", "event.ended": "结束：{to}", "event.removed": "已删除", "event.reprioritised": "改变等级",
  "event.redriven": "由运维重新提交", "event.from_step": "从第 {n} 步继续", "event.gpu": "GPU {time}", "event.by": "操作者 {by}",

  "create.prompt": "提示词", "create.placeholder": "红色的圆形向右移动，黑色背景", "create.model": "模型", "create.size": "尺寸",
  "create.frames": "帧数", "create.steps": "步数", "create.seed": "种子", "create.random": "随机", "create.class": "等级",
  "create.negative": "不要出现", "create.preview": "预览", "create.submit": "生成视频", "create.made": "在此生成的", "create.none": "还没有。",

  "batch.drop": "把文件拖到这里，或点击选择",
  "batch.formats": "JSON Lines（每行与 POST /v1/videos 相同），或每行一个提示词的文本；最多 10,000 行", "batch.file": "文件",
  "batch.start": "全部提交", "batch.stop": "停止", "batch.save": "保存编号", "batch.line": "行", "batch.prompt": "提示词",
  "batch.state": "状态", "batch.more": "另有 {n} 行",
  "batch.sums": "{lines} 行 \u00b7 {sent} 已接收 \u00b7 {done} 已完成 \u00b7 {wrong} 被拒或失败", "batch.ready": "就绪",
  "batch.sending": "提交中", "batch.queued": "等待", "batch.in_progress": "运行", "batch.completed": "完成", "batch.failed": "失败",
  "batch.wrong": "被拒", "batch.no_json": "不是 JSON：{why}", "batch.no_object": "不是 JSON 对象",
  "batch.too_large": "文件大于 {most}。", "batch.too_many": "文件超过 {most} 行。",
};

const WORDS = {en: EN, zh: ZH};
let now = "en";

export const language = () => now;
export function useLanguage(name) {
  now = WORDS[name] ? name : "en";
}
export const languages = {
  other: () => (now === "en" ? "zh" : "en"),
  nameOfOther: () => (now === "en" ? "中文" : "English"),
};

/// t("ago", {time: "3 s"}): what is put in stays text.
export function t(key, values = {}) {
  const words = WORDS[now][key] ?? EN[key] ?? key;
  return words.replace(/\{(\w+)\}/g, (whole, name) => (name in values ? String(values[name]) : whole));
}
