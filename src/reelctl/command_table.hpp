// command_table.hpp: The one table of reelctl's commands: what each is called, takes, means and runs. One-shot calls,
// the console, help and completion all read it; examples are in the footers of the commands.
//
// Options that name something that exists have its kind as their type (completion.hpp): JOB, TENANT, NODE, WORKER,
// PLACE, MODEL, BREAKER, KEY, COMMAND.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>

#include "src/reelctl/commands.hpp"

namespace reel::ctl {

/// What holds for all commands of a process: in the console, until it ends.
struct environment {
  common_options common;
  cluster_options cluster;
  std::string key_file;
  bool interactive = false; ///< a person is there, in the console

  environment(); ///< by the variables of the process
};

/// What a line says: options of all commands, and which one to run.
struct command_line : environment {
  explicit command_line(const environment& e) : environment{e} {}

  submit_options submit;
  batch_options batch;
  jobs_options jobs;
  keygen_options keygen;
  tenant_options tenant;
  key_options key;
  tokenize_options tokenize;
  history_options history;
  dead_options dead;
  redrive_options redrive;
  final_options final_of;
  audit_options audit;
  log_options log;
  order_options order;
  std::vector<std::string> ids;
  std::string tenant_name, job_class, out, shell, trace_file;
  int every_s = 2;
  std::function<int()> run;
};

/// Lives as long as `l`.
std::unique_ptr<CLI::App> make_table(command_line& l);

void add_job_commands(CLI::App& app, command_line& l);
void add_look_commands(CLI::App& app, command_line& l);
void add_order_commands(CLI::App& app, command_line& l);
void add_setup_commands(CLI::App& app, command_line& l);

/// Runs a line; its exit code. `nobody`: an empty line, where the console begins.
int run_words(const environment& e, const std::vector<std::string>& words,
              const std::function<int(environment&)>& nobody);

/// For completion: JOB and so on, of the live cluster; kept for some seconds.
std::vector<std::string> live_values(const environment& e, const std::string& kind);

} // namespace reel::ctl
