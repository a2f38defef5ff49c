// The commands that look: over the link, with an operator's key.
#include "src/reelctl/command_table.hpp"

namespace reel::ctl {

namespace {

constexpr const char* look_group = "Look";

CLI::App* add_plain(CLI::App& app, command_line& l, const char* name, const char* what,
                    int (*run)(const cluster_options&)) {
  auto* c = app.add_subcommand(name, what);
  c->group(look_group);
  c->callback([&l, run] { l.run = [&l, run] { return run(l.cluster); }; });
  return c;
}

void add_jobs(CLI::App& app, command_line& l) {
  auto& o = l.jobs;
  auto* c = app.add_subcommand("jobs", "List jobs, newest first");
  c->group(look_group);
  c->add_option("--state", o.states,
                "Only these: queued, leased (it runs), retry_wait, succeeded, failed, cancelled, "
                "dead_letter; may be repeated")
      ->check(CLI::IsMember({"queued", "leased", "retry_wait", "succeeded", "failed", "cancelled", "dead_letter"}));
  c->add_option("--tenant", o.tenant, "Only this one's")->type_name("TENANT");
  c->add_option("--class", o.job_class, "Only of this class")
      ->check(CLI::IsMember({"urgent", "vip", "standard", "free"}));
  c->add_option("--model", o.model, "Asked for or served")->type_name("MODEL");
  c->add_option("--batch", o.batch, "Of this batch, batch_... as `job` shows it");
  c->add_option("--newer", o.newer, "Made within: 90s, 15min, 2h, 3d");
  c->add_option("--older", o.older, "Made before: likewise");
  c->add_option("--limit", o.limit, "1 to 100")->check(CLI::Range(1, 100))->capture_default_str();
  c->add_option("--after", o.after, "Continue behind this job")->type_name("JOB");
  c->footer("With a tenant's key and none of the filters: that tenant's jobs, over HTTP.\n"
            "Examples:\n  jobs --state failed --newer 1h\n  jobs --tenant acme --class vip --limit 50\n"
            "  jobs --state queued --older 10min --json");
  c->callback([&l] { l.run = [&l] { return jobs(l.common, l.cluster, l.jobs); }; });

  auto* job_c = app.add_subcommand("job", "Show one job: what happened to it, with whom it runs, why it waits");
  job_c->group(look_group);
  job_c->add_option("id", l.ids, "video_...")->required()->expected(1)->type_name("JOB");
  job_c->footer("With a tenant's key: as its tenant sees it, over HTTP.");
  job_c->add_option("--trace", l.trace_file, "Write its life as a trace for ui.perfetto.dev, with an operator's key")
      ->type_name("FILE");
  job_c->callback([&l] {
    l.run = [&l] {
      if (!l.trace_file.empty()) return trace_job(l.cluster, l.ids.front(), l.trace_file);
      return job(l.common, l.cluster, l.ids.front());
    };
  });

  auto* why_c =
      app.add_subcommand("why", "Say why a job is where it is: what it waits for, where it runs, how it ended");
  why_c->group(look_group);
  why_c->add_option("id", l.ids, "video_...")->required()->expected(1)->type_name("JOB");
  why_c->callback([&l] { l.run = [&l] { return why(l.cluster, l.ids.front()); }; });
}

void add_live(CLI::App& app, command_line& l) {
  add_plain(app, l, "status", "The whole line on one screen: queue, workers, breakers, rates, alarms", status)
      ->footer("Examples:\n  status\n  watch status\n  status --json");
  auto* t = app.add_subcommand("top", "A live view of the whole screen: workers with their steps, queue, rates");
  t->group(look_group);
  t->add_option("--every", l.every_s, "Seconds between two looks")->check(CLI::Range(1, 60))->capture_default_str();
  t->footer("q or Ctrl-C ends it; j and k, or the arrows, move through the workers; p stops and goes on.");
  t->callback([&l] { l.run = [&l] { return top(l.cluster, l.every_s); }; });
  add_plain(app, l, "nodes", "Show the nodes as the control node sees them", nodes);
  add_plain(app, l, "workers", "Show the worker processes", workers);
  add_plain(app, l, "queue", "Show what waits, by class and by tenant, and what is paused", queue);
  add_plain(app, l, "breakers", "Show the circuit breakers: each model on each class of GPU, and the object store",
            breakers);
  add_plain(app, l, "models", "Show the models: what each is for, and which workers have it", models);
  add_plain(app, l, "tenants", "Show the tenants and their limits, from the tenants file on this machine", tenants);
}

void add_kept(CLI::App& app, command_line& l) {
  auto* d = app.add_subcommand("dead", "List jobs that failed or are dead-lettered, or look into one");
  d->group(look_group);
  d->add_option("id", l.dead.job, "video_...: its executions and all that happened to it")->type_name("JOB");
  d->add_option("--tenant", l.dead.tenant, "Only this tenant's")->type_name("TENANT");
  d->add_option("--cause", l.dead.cause, "Only those that ended for this, as the list shows it");
  d->add_option("--limit", l.dead.limit, "At most so many")->check(CLI::Range(1, 100'000))->capture_default_str();
  d->callback([&l] { l.run = [&l] { return dead(l.cluster, l.dead); }; });

  auto* a = app.add_subcommand("audit", "Show what operators ordered: who, when, what, why, and how it ended");
  a->group(look_group);
  a->add_option("--who", l.audit.who, "Only this key's, or tenant:NAME of one who came over HTTP");
  a->add_option("--limit", l.audit.limit, "1 to 10000")->check(CLI::Range(1, 10'000))->capture_default_str();
  a->footer("Examples:\n  audit\n  audit --who operator.alice --limit 10");
  a->callback([&l] { l.run = [&l] { return audit(l.cluster, l.audit); }; });

  auto* h = app.add_subcommand("history", "Write the history of jobs as JSON lines, for reel-check and for people");
  h->group(look_group);
  auto& o = l.history;
  auto* job = h->add_option("job", o.job, "Only the lines of this job, video_...")->type_name("JOB");
  job->excludes(h->add_flag("--all", o.all, "The lines of all jobs"));
  h->add_option("--ledger", o.ledger_file, "Read this ledger file instead of asking the cluster");
  h->add_option("--objects", o.objects_dir, "Folder of the objects; default: the cluster's, if it is on this machine");
  h->add_option("--out", o.out, "Write ledger.jsonl, and final.jsonl with the state of now, into this folder");
  h->footer(
      "What the lines mean: src/reel-check/HISTORY.md. Without --ledger the cluster is asked over its link, page by\n"
      "page, with the operator's key; its clients notice nothing.");
  h->callback([&l] {
    if (!l.history.all && l.history.job.empty()) throw CLI::RequiredError("a job or --all");
    l.run = [&l] { return history(l.cluster, l.history); };
  });
}

void add_of_machine(CLI::App& app, command_line& l) {
  auto* g = app.add_subcommand("log", "Show the log of nodes on this machine");
  g->group(look_group);
  g->add_option("node", l.log.node, "Only this one's")->type_name("NODE");
  g->add_flag("-f,--follow", l.log.follow, "Go on with what comes, until Ctrl-C");
  g->add_option("--level", l.log.level, "This one and worse")->check(CLI::IsMember({"debug", "info", "warn", "error"}));
  g->add_option("--grep", l.log.text, "Only lines with this text, for example a job's id");
  g->add_option("--lines", l.log.lines, "Of each node")->check(CLI::Range(1, 10'000))->capture_default_str();
  g->footer("Examples:\n  log --level warn\n  log control --follow --grep video_0199c3a5");
  g->callback([&l] { l.run = [&l] { return show_log(l.cluster, l.log); }; });
  add_plain(app, l, "config", "Show the configuration that holds, and where each value comes from", config);
  auto* d = add_plain(app, l, "doctor",
                      "Check configuration, keys, ports, disk, clock, models and back ends; say what to do", doctor);
  d->footer("Exit code 1 when something has to be done.");
}

} // namespace

void add_look_commands(CLI::App& app, command_line& l) {
  add_live(app, l);
  add_jobs(app, l);
  add_kept(app, l);
  add_of_machine(app, l);
}

} // namespace reel::ctl
