// reelctl: asks and steers a reelworks cluster. Jobs go through the HTTP interface with a tenant's key; nodes and
// workers are asked over the cluster link with the operator's key.
#include <CLI/CLI.hpp>
#include <clocale>
#include <fstream>
#include <functional>
#include <iostream>
#include <sodium.h>

#include "src/reelctl/commands.hpp"

namespace {

using namespace reel::ctl;

/// What the arguments say: options of all commands, and which one to run.
struct command_line {
  common_options common;
  cluster_options cluster;
  std::string key_file;
  submit_options submit;
  batch_options batch;
  jobs_options jobs;
  keygen_options keygen;
  tenant_options tenant;
  tokenize_options tokenize;
  history_options history;
  dead_options dead;
  redrive_options redrive;
  std::vector<std::string> ids;
  final_options final_of;
  std::string tenant_name, id, job_class, order;
  std::string out;
  std::string whose, trace_file;
  std::function<int()> run;
};

std::string environment(const char* name, const std::string& otherwise) {
  const char* value = std::getenv(name);
  return value && *value ? value : otherwise;
}

std::string read_key(const std::string& key_file) {
  if (key_file.empty()) return environment("REEL_API_KEY", "");
  std::ifstream in{key_file};
  std::string line;
  if (!std::getline(in, line)) throw std::runtime_error{key_file + ": cannot be read"};
  return line;
}

void add_common(CLI::App& app, command_line& l) {
  l.common.api.url = environment("REEL_URL", l.common.api.url);
  l.cluster.config = environment("REEL_CONFIG", "cluster-configs/local.toml");
  app.add_flag("--json", l.common.json, "Print JSON");
  app.add_option("--url", l.common.api.url, "The gateway (or REEL_URL)")->capture_default_str();
  app.add_option("--key-file", l.key_file, "File with the tenant's key (or REEL_API_KEY with the key)");
  app.add_option("--config", l.cluster.config, "The cluster's file (or REEL_CONFIG)")->capture_default_str();
  app.add_option("--data-dir", l.cluster.data_dir, "Instead of the file's data_dir");
}

void add_submit(CLI::App& app, command_line& l) {
  auto& o = l.submit;
  auto* c = app.add_subcommand("submit", "Submit one prompt");
  c->add_option("prompt", o.prompt, "What the video shows")->required();
  c->add_option("--model", o.model, "Model; default: the cluster's first");
  c->add_option("--size", o.size, "WIDTHxHEIGHT in pixels");
  c->add_option("--seconds", o.seconds, "Length; or --frames");
  c->add_option("--frames", o.frames, "Frames, 4n+1");
  c->add_option("--fps", o.fps, "Frames per second");
  c->add_option("--steps", o.steps, "Denoise steps");
  c->add_option("--guidance", o.guidance, "Guidance scale of both experts");
  c->add_option("--sampler", o.sampler, "unipc, dpm++ or euler");
  c->add_option("--seed", o.seed, "Same seed, same video; default: random, and reported");
  c->add_option("--negative", o.negative_prompt, "What it must not show");
  c->add_option("--class", o.job_class, "vip, standard or free, as the tenant may");
  c->add_option("--quality", o.quality, "preview: small and quick; final");
  c->add_option("--idempotency-key", o.idempotency_key, "Repeating the command with the same key makes no second job");
  c->add_flag("--wait", o.wait, "Wait for the end, showing progress");
  c->add_option("--out", o.out, "Wait, and save the video to this .mp4 or into this folder");
  c->callback([&l] { l.run = [&l] { return submit(l.common, l.submit); }; });
}

void add_batch(CLI::App& app, command_line& l) {
  auto* c = app.add_subcommand("batch", "Submit a file of requests");
  c->add_option("file", l.batch.file,
                "JSON Lines, each as POST /v1/videos takes it; repeating the command makes no second jobs")
      ->required();
  c->add_flag("--wait", l.batch.wait, "Wait for the end, showing progress");
  c->add_option("--out", l.batch.out, "Wait, and save videos and thumbnails into this folder");
  c->callback([&l] { l.run = [&l] { return batch(l.common, l.batch); }; });
}

void add_job_commands(CLI::App& app, command_line& l) {
  auto* jobs_c = app.add_subcommand("jobs", "List jobs, newest first");
  jobs_c->add_option("--limit", l.jobs.limit, "1 to 100")->check(CLI::Range(1, 100))->capture_default_str();
  jobs_c->add_option("--after", l.jobs.after, "Continue behind this job");
  jobs_c->callback([&l] { l.run = [&l] { return jobs(l.common, l.jobs); }; });

  auto* job_c = app.add_subcommand("job", "Show one job");
  job_c->add_option("id", l.ids, "video_...")->required()->expected(1);
  job_c->add_option("--trace", l.trace_file, "Write its life as a trace for ui.perfetto.dev, with the operator's key");
  job_c->callback([&l] {
    l.run = [&l] {
      return l.trace_file.empty() ? job(l.common, l.ids.front()) : trace_job(l.cluster, l.ids.front(), l.trace_file);
    };
  });

  auto* wait_c = app.add_subcommand("wait", "Wait for jobs, showing progress");
  wait_c->add_option("id", l.ids, "video_...")->required();
  wait_c->add_option("--out", l.out, "Save videos and thumbnails into this folder");
  wait_c->callback([&l] { l.run = [&l] { return wait(l.common, l.ids, l.out); }; });

  auto* cancel_c = app.add_subcommand("cancel", "Cancel jobs; a running one stops at its next step");
  cancel_c->add_option("id", l.ids, "video_...")->required();
  cancel_c->callback([&l] { l.run = [&l] { return cancel(l.common, l.ids); }; });

  auto* quota_c = app.add_subcommand("quota", "Show what is used of a tenant's limits");
  quota_c->add_option("tenant", l.whose, "Another one's, with an operator's key");
  quota_c->callback([&l] { l.run = [&l] { return quota(l.common, l.whose); }; });
}

void add_queue_commands(CLI::App& app, command_line& l) {
  for (bool paused : {true, false}) {
    auto* c = app.add_subcommand(paused ? "pause" : "resume",
                                 paused ? "Start no more jobs, of all tenants or of one; running ones go on (operators)"
                                        : "End a pause (operators)");
    c->add_option("tenant", l.tenant_name, "Only this one; default: the whole queue");
    c->callback([&l, paused] { l.run = [&l, paused] { return set_pause(l.common, l.tenant_name, paused); }; });
  }
  auto* b =
      app.add_subcommand("breaker", "Force a circuit breaker open, hold it closed, or leave it to itself (operators)");
  b->add_option("which", l.id, "MODEL, MODEL/CLASS of GPU as `reelctl breakers` shows it, or object-store")->required();
  b->add_option("order", l.order, "open, close or reset")->required()->check(CLI::IsMember({"open", "close", "reset"}));
  b->callback([&l] { l.run = [&l] { return order_breaker(l.common, l.id, l.order); }; });
  auto* re = app.add_subcommand("reprioritise", "Give a waiting job another class");
  re->add_option("id", l.id, "video_...")->required();
  re->add_option("class", l.job_class, "vip, standard or free, as the tenant may; operators: urgent too")->required();
  re->callback([&l] { l.run = [&l] { return reprioritise(l.common, l.id, l.job_class); }; });

  auto* f = app.add_subcommand("final", "Make a preview again in full: same prompt and seed, its tenant's next turn");
  f->add_option("id", l.final_of.id, "video_...")->required();
  f->add_option("--size", l.final_of.size, "WIDTHxHEIGHT in pixels; default: the model's");
  f->add_option("--steps", l.final_of.steps, "Denoise steps; default: the model's");
  f->callback([&l] { l.run = [&l] { return final_video(l.common, l.final_of); }; });
}

void add_cluster_commands(CLI::App& app, command_line& l) {
  app.add_subcommand("nodes", "Show the nodes as the control node sees them")->callback([&l] {
    l.run = [&l] { return nodes(l.cluster); };
  });
  app.add_subcommand("workers", "Show the worker processes")->callback([&l] {
    l.run = [&l] { return workers(l.cluster); };
  });
  app.add_subcommand("queue", "Show what waits, by class and by tenant, and what is paused")->callback([&l] {
    l.run = [&l] { return queue(l.cluster); };
  });
  app.add_subcommand("breakers", "Show the circuit breakers: each model on each class of GPU, and the object store")
      ->callback([&l] { l.run = [&l] { return breakers(l.cluster); }; });
  auto* why_c =
      app.add_subcommand("why", "Say why a job is where it is: what it waits for, where it runs, how it ended");
  why_c->add_option("id", l.ids, "video_...")->required()->expected(1);
  why_c->callback([&l] { l.run = [&l] { return why(l.cluster, l.ids.front()); }; });
  auto* evict_c = app.add_subcommand(
      "evict", "Tell a worker node that its machine is about to be taken away: it pauses what it runs and stops");
  evict_c->add_option("node", l.ids, "As in the cluster's file")->required()->expected(1);
  evict_c->callback([&l] { l.run = [&l] { return evict(l.cluster, l.ids.front()); }; });
  auto* restart_c =
      app.add_subcommand("restart-slot", "Start a worker again that was ejected because its processes ended too often");
  restart_c->add_option("worker", l.ids, "NODE/SLOT, as `reelctl workers` shows it")->required()->expected(1);
  restart_c->callback([&l] { l.run = [&l] { return restart_slot(l.cluster, l.ids.front()); }; });
  auto* c = app.add_subcommand("keygen", "Make link keys for the nodes of --config and for the operator");
  c->add_option("name", l.keygen.names, "Only these");
  c->add_flag("--replace", l.keygen.replace, "Replace existing keys");
  c->callback([&l] {
    l.run = [&l] {
      l.keygen.config = l.cluster.config;
      l.keygen.data_dir = l.cluster.data_dir;
      return keygen(l.keygen);
    };
  });
}

void add_history(CLI::App& app, command_line& l) {
  auto& o = l.history;
  auto* c = app.add_subcommand("history", "Write the audit log as JSON lines, for reel-check and for people");
  auto* job = c->add_option("job", o.job, "Only the lines of this job, video_...");
  job->excludes(c->add_flag("--all", o.all, "The lines of all jobs"));
  c->add_option("--ledger", o.ledger_file, "Read this ledger file instead of asking the cluster");
  c->add_option("--objects", o.objects_dir, "Folder of the objects; default: the cluster's, if it is on this machine");
  c->add_option("--out", o.out, "Write ledger.jsonl, and final.jsonl with the state of now, into this folder");
  c->footer(
      "What the lines mean: src/reel-check/HISTORY.md. Without --ledger the cluster is asked over its link, page by\n"
      "page, with the operator's key; its clients notice nothing.");
  c->callback([&l] {
    if (!l.history.all && l.history.job.empty()) throw CLI::RequiredError("a job or --all");
    l.run = [&l] { return history(l.cluster, l.history); };
  });
}

void add_dead_commands(CLI::App& app, command_line& l) {
  auto* d = app.add_subcommand("dead", "List jobs that failed or are dead-lettered, or look into one (operators)");
  d->add_option("id", l.dead.job, "video_...: its executions and all that happened to it");
  d->add_option("--tenant", l.dead.tenant, "Only this tenant's");
  d->add_option("--cause", l.dead.cause, "Only those that ended for this, as the list shows it");
  d->add_option("--limit", l.dead.limit, "At most so many")->check(CLI::Range(1, 100'000))->capture_default_str();
  d->callback([&l] { l.run = [&l] { return dead(l.cluster, l.dead); }; });

  auto* r = app.add_subcommand("redrive", "Let jobs that failed or are dead-lettered wait again (operators)");
  r->add_option("id", l.redrive.jobs, "video_...");
  r->add_flag("--all", l.redrive.all, "All that `reelctl dead` lists with the same --tenant and --cause");
  r->add_option("--tenant", l.redrive.which.tenant, "With --all: only this tenant's");
  r->add_option("--cause", l.redrive.which.cause, "With --all: only those that ended for this");
  r->add_option("--why", l.redrive.reason, "Kept in the ledger with who did it")->required();
  r->add_option("--by", l.redrive.by, "Who does it; default: the name of this user");
  r->callback([&l] { l.run = [&l] { return redrive(l.cluster, l.redrive); }; });
}

void add_tenant(CLI::App& app, command_line& l) {
  auto& o = l.tenant;
  auto* c = app.add_subcommand("tenant-add", "Add a tenant to a tenants file and make its key");
  c->add_option("file", o.file, "For example var/local/tenants.toml")->required();
  c->add_option("id", o.id, "a-z 0-9 . _ -")->required();
  c->add_option("--class", o.job_class, "urgent, vip, standard or free")
      ->check(CLI::IsMember({"urgent", "vip", "standard", "free"}))
      ->capture_default_str();
  c->add_option("--allow", o.allowed, "Further classes that its requests may name; urgent makes it an operator")
      ->check(CLI::IsMember({"urgent", "vip", "standard", "free"}));
  c->add_option("--queued-jobs-max", o.queued_jobs_max, "Unfinished jobs it may have")->capture_default_str();
  c->add_option("--requests-per-s", o.requests_per_s, "Its rate limit")->capture_default_str();
  c->add_option("--running-jobs-max", o.running_jobs_max, "Jobs of it that run at once; default: no limit");
  c->add_option("--jobs-per-day", o.jobs_per_day, "Jobs accepted a day; default: no limit");
  c->add_option("--gpu-seconds-per-day", o.gpu_seconds_per_day, "GPU time a day; default: no limit");
  c->add_option("--class-limit", o.class_limits,
                "A limit of one class alone, like free.jobs_per_day=10; also queued_jobs_max, running_jobs_max and "
                "gpu_seconds_per_day; may be repeated");
  c->add_option("--time-zone", o.time_zone, "In which its days begin, like Europe/Berlin or +02:00; default: UTC");
  c->add_option("--webhook-secret", o.webhook_secret_file,
                "Make a secret for its webhooks and write it to this file (mode 0600): the tenant needs it too");
  c->add_option("--write-key", o.key_file, "Write the key to this file (mode 0600) instead of showing it");
  c->callback([&l] { l.run = [&l] { return tenant_add(l.tenant); }; });
}

void add_tokenize(CLI::App& app, command_line& l) {
  auto& o = l.tokenize;
  o.file = "-";
  auto* c = app.add_subcommand("tokenize", "Put token ids into a file of prompts, for `reel-worker --render`");
  c->add_option("file", o.file,
                "Prompts, one a line: plain text, or JSON as POST /v1/videos takes it; -: standard input")
      ->capture_default_str();
  c->add_option("--model", o.model, "The checkpoint's folder, in which the tokenizer lies")->required();
  c->add_option("--table", o.table, "Instead: compare with the ids of a tokenizer_table.json; exit 1 when one differs");
  c->footer(
      "Writes the same lines as JSON with \"prompt_tokens\" and \"negative_tokens\" to standard output:\n\n"
      "  reelctl tokenize --model models/wan-golden prompts.jsonl | reel-worker --render - --model ... --out videos");
  c->callback([&l] { l.run = [&l] { return tokenize(l.tokenize); }; });
}

} // namespace

int main(int argc, char** argv) {
  std::setlocale(LC_ALL, "C.UTF-8");
  CLI::App app{"reelctl: asks and steers a reelworks cluster.\n\n"
               "  reelctl submit 'a red ball rolls down a hill' --out ball.mp4\n"
               "  reelctl batch prompts.jsonl --out videos\n"
               "  reelctl jobs\n"
               "  reelctl workers --config cluster-configs/local.toml\n\n"
               "Job commands speak HTTP: --url says where, the key comes from --key-file or REEL_API_KEY.\n"
               "Cluster commands use the link: --config names the cluster's file, whose keys folder holds\n"
               "operator.secret (made by `reelctl keygen`).\n"
               "Exit codes: 0 done, 1 refused or failed, 2 wrong usage, 3 no answer."};
  app.set_version_flag("--version", REEL_VERSION);
  app.require_subcommand(1);
  app.fallthrough();
  command_line l;
  add_common(app, l);
  add_submit(app, l);
  add_batch(app, l);
  add_job_commands(app, l);
  add_queue_commands(app, l);
  add_cluster_commands(app, l);
  add_history(app, l);
  add_dead_commands(app, l);
  add_tenant(app, l);
  add_tokenize(app, l);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    return app.exit(e) == 0 ? 0 : exit_usage;
  }
  if (::sodium_init() < 0) return exit_failed;
  l.cluster.json = l.common.json;
  try {
    l.common.api.key = read_key(l.key_file);
    return l.run();
  } catch (const api_error& e) {
    std::cerr << "reelctl: " << e.what() << '\n';
    return e.status() == 0 ? exit_no_answer : exit_failed;
  } catch (const std::exception& e) {
    std::cerr << "reelctl: " << e.what() << '\n';
    return exit_failed;
  }
}
