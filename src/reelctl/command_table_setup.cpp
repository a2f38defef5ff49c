// The commands that make keys and tenants, and what helps other programs.
#include "src/reelctl/command_table.hpp"

namespace reel::ctl {

namespace {

constexpr const char* setup_group = "Set up";

void add_tenant(CLI::App& app, command_line& l) {
  auto& o = l.tenant;
  auto* c = app.add_subcommand("tenant-add", "Add a tenant to a tenants file and make its key");
  c->group(setup_group);
  c->add_option("file", o.file, "For example var/local/tenants.toml")->required()->type_name("FILE");
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

void add_keys(CLI::App& app, command_line& l) {
  auto* all = app.add_subcommand("keys", "Show the keys of tenants by the beginning of their hash");
  all->group(setup_group);
  all->add_option("tenant", l.key.tenant, "Only this one's")->type_name("TENANT");
  all->callback([&l] { l.run = [&l] { return list_keys(l.cluster, l.key.tenant); }; });

  auto add = [&](const char* name, const char* what, const char* example, auto run) {
    auto* c = app.add_subcommand(name, what);
    c->group(setup_group);
    c->add_option("tenant", l.key.tenant, "In the tenants file on this machine")->required()->type_name("TENANT");
    c->footer(std::string{"Gateways read the file again within a second.\nExamples:\n  "} + example);
    c->callback([&l, run] { l.run = [&l, run] { return run(l.cluster, l.key); }; });
    return c;
  };
  auto* more = add("key-add", "One more key for a tenant: all work", "key-add acme --write-key acme-2.key", add_key);
  auto* rotate = add("key-rotate", "A new key for a tenant instead of all that it has", "key-rotate acme", rotate_key);
  auto* revoke = add("key-revoke", "One of a tenant's keys works no more", "key-revoke acme 3f9a", revoke_key);
  revoke->add_option("hash", l.key.hash, "The beginning of its hash, as `keys` shows it")->required();
  for (auto* one : {more, rotate})
    one->add_option("--write-key", l.key.key_file, "Write the key to this file (mode 0600) instead of showing it");
  for (auto* one : {rotate, revoke}) one->add_flag("-y,--yes", l.key.yes, "Do not ask");
}

void add_tokenize(CLI::App& app, command_line& l) {
  auto& o = l.tokenize;
  o.file = "-";
  auto* c = app.add_subcommand("tokenize", "Put token ids into a file of prompts, for `reel-worker --render`");
  c->group(setup_group);
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

void add_keygen(CLI::App& app, command_line& l) {
  auto* c = app.add_subcommand("keygen", "Make link keys for the nodes of --config and for operators");
  c->group(setup_group);
  c->add_option("name", l.keygen.names, "Only these; default: every node, admin, operator and viewer");
  c->add_flag("--replace", l.keygen.replace, "Replace existing keys");
  c->footer(
      "Examples:\n"
      "  keygen                    every node of the file, and a key of each role\n"
      "  keygen operator.alice     one person's key: the audit log then says who it was\n"
      "A role is the first part of the name: viewer looks, operator acts, admin also takes nodes away. Who puts a\n"
      ".public file into keys_dir of the control node lets its owner in, from the node's next start on.");
  c->callback([&l] {
    l.run = [&l] {
      l.keygen.config = l.cluster.config;
      l.keygen.data_dir = l.cluster.data_dir;
      return keygen(l.keygen);
    };
  });
}

} // namespace

void add_setup_commands(CLI::App& app, command_line& l) {
  add_keygen(app, l);
  add_tenant(app, l);
  add_keys(app, l);
  add_tokenize(app, l);
  auto* c = app.add_subcommand("completion", "Print what a shell needs to complete reelctl's commands");
  c->group(setup_group);
  c->add_option("shell", l.shell, "bash or zsh")->required()->check(CLI::IsMember({"bash", "zsh"}));
  c->footer("Examples:\n  source <(reelctl completion bash)\n  reelctl completion zsh > ~/.zfunc/_reelctl");
  c->callback([&l] { l.run = [&l] { return shell_completion(l.shell); }; });
}

} // namespace reel::ctl
