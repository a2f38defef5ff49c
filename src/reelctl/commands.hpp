// commands.hpp: What the commands of reelctl do. Each prints for people, or one JSON document with --json, and
// returns the process's exit code: 0 done, 1 refused or failed, 2 wrong usage, 3 no answer.
#pragma once

#include <optional>

#include "messages/operators.hpp"
#include "src/reelctl/api_client.hpp"
#include "src/reelctl/cluster_address.hpp"

namespace reel::ctl {

inline constexpr int exit_failed = 1;
inline constexpr int exit_usage = 2;
inline constexpr int exit_no_answer = 3;

struct common_options {
  api_options api;
  bool json = false;
};

struct submit_options {
  std::string prompt;
  std::string model, size, seconds, negative_prompt, job_class, sampler, quality;
  std::optional<int> frames, steps, fps;
  std::optional<std::uint64_t> seed;
  std::optional<double> guidance;
  std::string idempotency_key;
  bool wait = false;
  std::string out; ///< file or folder for the video; implies wait
};
int submit(const common_options& c, const submit_options& o);

struct batch_options {
  std::string file; ///< JSON Lines
  std::string out;  ///< folder for videos and thumbnails; implies wait
  bool wait = false;
};
int batch(const common_options& c, const batch_options& o);

class cluster_link;
struct cluster_options : cluster_address {
  bool json = false;
  cluster_link* link = nullptr; ///< never null where a command runs
};

struct jobs_options {
  int limit = 20;
  std::string after;
  std::vector<std::string> states;
  std::string tenant, job_class, model, batch, newer, older;
  bool is_plain() const { ///< nothing that only the link can answer
    return states.empty() && tenant.empty() && job_class.empty() && model.empty() && batch.empty() && newer.empty() &&
           older.empty();
  }
};
/// With a tenant's key over HTTP, where that can be; else over the link.
int jobs(const common_options& c, const cluster_options& l, const jobs_options& o);
int job(const common_options& c, const cluster_options& l, const std::string& id);
int find(const cluster_options& o, const jobs_options& which);
int timeline(const cluster_options& o, const std::string& id);
int wait(const common_options& c, const std::vector<std::string>& ids, const std::string& out);
int cancel(const common_options& c, const std::vector<std::string>& ids);
int quota(const common_options& c, const std::string& tenant); ///< empty: the key's own

struct final_options {
  std::string id; ///< of the preview
  std::string size;
  std::optional<int> steps;
};
int final_video(const common_options& c, const final_options& o); ///< repeating it makes no second one

struct order_options {
  std::vector<std::string> subjects; ///< none: the whole queue
  std::string value, why;
  bool yes = false; ///< do not ask
};
struct key_options {
  std::string tenant;
  std::string hash;     ///< of the key: the beginning of it
  std::string key_file; ///< instead of showing the key
  bool yes = false;     ///< do not ask
};
int list_keys(const cluster_options& o, const std::string& tenant); ///< empty: all
int add_key(const cluster_options& o, const key_options& k);
int rotate_key(const cluster_options& o, const key_options& k);
int revoke_key(const cluster_options& o, const key_options& k);

/// Those of tenants go over HTTP where there is a tenant's key.
int give_order(const common_options& c, const cluster_options& l, action_kind kind, const order_options& o);

int set_pause(const common_options& c, const std::string& tenant, bool paused); ///< empty: the whole queue
/// `which`: MODEL, or MODEL/CLASS of GPU.
int order_breaker(const common_options& c, const std::string& which, const std::string& order);
int reprioritise(const common_options& c, const std::string& id, const std::string& job_class);

int status(const cluster_options& o);
int top(const cluster_options& o, int every_s);
int nodes(const cluster_options& o);
int workers(const cluster_options& o);
int queue(const cluster_options& o);
int why(const cluster_options& o, const std::string& id);
int trace_job(const cluster_options& o, const std::string& id, const std::string& file); ///< for ui.perfetto.dev
int breakers(const cluster_options& o);
int models(const cluster_options& o);
int tenants(const cluster_options& o);
int config(const cluster_options& o);
int doctor(const cluster_options& o);

struct audit_options {
  std::string who;
  int limit = 50;
};
int audit(const cluster_options& o, const audit_options& a);

struct log_options {
  std::string node, level, text;
  bool follow = false;
  int lines = 20;
};
int show_log(const cluster_options& o, const log_options& l);

int shell_completion(const std::string& shell);

struct history_options {
  std::string job;         ///< only this one's lines
  bool all = false;        ///< those of all jobs
  std::string ledger_file; ///< read this instead of asking the cluster
  std::string objects_dir; ///< for the final file; empty: the cluster's, where it is on this machine
  std::string out;         ///< folder for ledger.jsonl and final.jsonl; empty: the ledger's lines are printed
};
int history(const cluster_options& c, const history_options& o);

struct dead_options {
  std::string job;    ///< to look into; empty: list
  std::string tenant; ///< only its jobs; empty: all
  std::string cause;  ///< only jobs that ended for it; empty: any
  int limit = 100;    ///< of the list
};
int dead(const cluster_options& o, const dead_options& d);

struct redrive_options {
  std::vector<std::string> jobs; ///< or
  bool all = false;              ///< those that `which` names
  dead_options which;
  std::string by; ///< empty: the name of this process's user
  std::string reason;
};
int redrive(const cluster_options& o, const redrive_options& r); ///< exit_failed when a job was refused

std::string utc_text(std::int64_t unix_s); ///< "2026-01-31 18:00:00Z"

struct keygen_options {
  std::string config;
  std::string data_dir;
  std::vector<std::string> names; ///< empty: every node of the file, and "operator"
  bool replace = false;
};
int keygen(const keygen_options& o);

struct tenant_options {
  std::string file;
  std::string id;
  std::string job_class = "standard";
  std::vector<std::string> allowed; ///< classes that a request may name; its own and free in any case
  std::string key_file;             ///< where the key is written; empty: shown once
  std::uint64_t queued_jobs_max = 10'000;
  double requests_per_s = 100;
  std::optional<std::uint64_t> running_jobs_max, jobs_per_day;
  std::optional<double> gpu_seconds_per_day;
  std::string time_zone;                 ///< empty: UTC
  std::string webhook_secret_file;       ///< made anew; empty: none
  std::vector<std::string> class_limits; ///< "CLASS.LIMIT=NUMBER", the limits as the tenants file names them
};
int tenant_add(const tenant_options& o);

struct tokenize_options {
  std::string model; ///< checkpoint's folder
  std::string file;  ///< prompts; "-": standard input
  std::string table; ///< expected ids to compare with, instead of prompts; empty: none
};
int tokenize(const tokenize_options& o);

} // namespace reel::ctl
