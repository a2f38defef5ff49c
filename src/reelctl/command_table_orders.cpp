// The commands that change what the line does. With a tenant's key those that tenants may give go over HTTP; else, and
// all the others, over the link, where each is written to the audit log.
#include "src/reelctl/command_table.hpp"

namespace reel::ctl {

namespace {

/// An order about one: a list would take what follows as well.
CLI::Option* add_subject(CLI::App& c, command_line& l, const std::string& name, const std::string& about) {
  auto take = [&l](const std::string& subject) { l.order.subjects = {subject}; };
  return c.add_option_function<std::string>(name, take, about)->required();
}

constexpr const char* orders_group = "Act";

/// Beside the command's own words.
void add_why(CLI::App& c, command_line& l) { c.add_option("--why", l.order.why, "Kept in the audit log"); }

void add_yes(CLI::App& c, command_line& l) { c.add_flag("-y,--yes", l.order.yes, "Do not ask"); }

void run_order(CLI::App& c, command_line& l, action_kind kind) {
  c.callback([&l, kind] { l.run = [&l, kind] { return give_order(l.common, l.cluster, kind, l.order); }; });
}

void add_of_jobs(CLI::App& app, command_line& l) {
  auto* c = app.add_subcommand("cancel", "Cancel jobs; a running one stops at its next step");
  c->group(orders_group);
  c->add_option("id", l.order.subjects, "video_...")->required()->type_name("JOB");
  add_why(*c, l);
  add_yes(*c, l);
  c->footer("Examples:\n  cancel video_0199c3a5e0f07000b1c2d3e4f5a6b7c8 --yes --why 'the tenant asked by phone'");
  run_order(*c, l, action_kind::cancel);

  auto* b = app.add_subcommand("bump", "Make a waiting job urgent: it goes before all others");
  b->group(orders_group);
  add_subject(*b, l, "id", "video_...")->type_name("JOB");
  add_why(*b, l);
  b->footer("A reason is asked for, or given with --why; it is kept with who did it.\n"
            "Examples:\n  bump video_0199c3a5e0f07000b1c2d3e4f5a6b7c8 --why 'shown at three'");
  b->callback([&l] {
    l.run = [&l] {
      l.order.value = "urgent";
      return give_order(l.common, l.cluster, action_kind::reprioritise, l.order);
    };
  });

  auto* re = app.add_subcommand("reprioritise", "Give a waiting job another class");
  re->group(orders_group);
  add_subject(*re, l, "id", "video_...")->type_name("JOB");
  re->add_option("class", l.order.value, "vip, standard or free, as the tenant may; operators: urgent too")
      ->required()
      ->type_name("{urgent,vip,standard,free}");
  add_why(*re, l);
  run_order(*re, l, action_kind::reprioritise);

  for (const char* name : {"redrive", "retry"}) {
    auto* r =
        app.add_subcommand(name, name == std::string{"retry"} ? "The same as redrive"
                                                              : "Let jobs that failed or are dead-lettered wait again");
    r->group(orders_group);
    r->add_option("id", l.redrive.jobs, "video_...")->type_name("JOB");
    r->add_flag("--all", l.redrive.all, "All that `dead` lists with the same --tenant and --cause");
    r->add_option("--tenant", l.redrive.which.tenant, "With --all: only this tenant's")->type_name("TENANT");
    r->add_option("--cause", l.redrive.which.cause, "With --all: only those that ended for this");
    r->add_option("--why", l.redrive.reason, "Kept in the ledger with who did it")->required();
    r->add_option("--by", l.redrive.by, "Who does it, of those who share a key; default: the name of this user");
    r->footer("Examples:\n  redrive --all --cause out_of_memory --why 'the new cards are in'");
    r->callback([&l] { l.run = [&l] { return redrive(l.cluster, l.redrive); }; });
  }
}

void add_of_queue(CLI::App& app, command_line& l) {
  for (bool paused : {true, false}) {
    auto* c =
        app.add_subcommand(paused ? "pause" : "resume",
                           paused ? "Start no more jobs, of all tenants or of one; running ones go on" : "End a pause");
    c->group(orders_group);
    c->add_option("tenant", l.order.subjects, "Only this one; default: the whole queue")
        ->expected(0, 1)
        ->type_name("TENANT");
    add_why(*c, l);
    c->footer(paused ? "It survives restarts of every process.\nExamples:\n  pause acme --why 'runaway script'\n  pause"
                     : "Examples:\n  resume acme\n  resume");
    run_order(*c, l, paused ? action_kind::pause : action_kind::resume);
  }
  auto* b = app.add_subcommand("breaker", "Force a circuit breaker open, hold it closed, or leave it to itself");
  b->group(orders_group);
  add_subject(*b, l, "which", "MODEL, MODEL/CLASS of GPU as `breakers` shows it, or object-store")
      ->type_name("BREAKER");
  b->add_option("order", l.order.value, "open, close or reset")
      ->required()
      ->check(CLI::IsMember({"open", "close", "reset"}));
  add_why(*b, l);
  b->footer("Examples:\n  breaker wan-small open --why 'bad checkpoint'\n  breaker wan-small/cpu reset");
  run_order(*b, l, action_kind::breaker);
}

void add_of_fleet(CLI::App& app, command_line& l) {
  for (bool away : {true, false}) {
    auto* c = app.add_subcommand(away ? "drain" : "undrain",
                                 away ? "Give a node or one worker no more work; what it runs goes on"
                                      : "Give it work again");
    c->group(orders_group);
    add_subject(*c, l, "place", "NODE, or NODE/SLOT")->type_name("PLACE");
    add_why(*c, l);
    c->footer(away ? "It survives restarts of every process; `workers` shows it.\n"
                     "Examples:\n  drain workers-1 --why 'new driver'\n  drain workers-1/0"
                   : "Examples:\n  undrain workers-1");
    run_order(*c, l, away ? action_kind::drain : action_kind::undrain);
  }
  auto* r =
      app.add_subcommand("restart-slot", "Start a worker again that was ejected because its processes ended too often");
  r->group(orders_group);
  add_subject(*r, l, "worker", "NODE/SLOT, as `workers` shows it")->type_name("WORKER");
  add_why(*r, l);
  run_order(*r, l, action_kind::restart_slot);
  auto* e = app.add_subcommand(
      "evict",
      "Tell a worker node that its machine is about to be taken away: it pauses what it runs and stops (admin)");
  e->group(orders_group);
  add_subject(*e, l, "node", "As in the cluster's file")->type_name("NODE");
  add_why(*e, l);
  add_yes(*e, l);
  run_order(*e, l, action_kind::evict);
}

} // namespace

void add_order_commands(CLI::App& app, command_line& l) {
  add_of_jobs(app, l);
  add_of_queue(app, l);
  add_of_fleet(app, l);
}

} // namespace reel::ctl
