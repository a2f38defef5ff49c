// The part of the gateway actor that lets people look: the line at a glance, one job's story, and both second by
// second.
#include "actors/gateway/gateway_actor.hpp"

namespace reel {

void gateway_shell::on_call(overview_call c) {
  auto reply = shared(std::move(c.reply));
  act::ask(
      self_, scheduler_, options_.live_deadline, c.message, [reply](line_overview& o) { reply->give(std::move(o)); },
      [reply](errc code) { reply->give(failed{code}); });
}

// ---------------------------------------------------------------- one job

/// Whose it is, the ledger says first; what happened to it is told to nobody else.
void gateway_shell::on_call(story_call c) {
  auto reply = shared(std::move(c.reply));
  act::ask(
      self_, ledger_, options_.read_deadline, c.message,
      [this, reply, id = c.message.id](const job_record&) {
        act::ask(
            self_, ledger_, options_.read_deadline, inspect_job{id},
            [this, reply](job_inspection& i) {
              tell_story({{std::move(i.job), {}}, std::move(i.events), {}}, reply);
            },
            [reply](errc code) { reply->give(failed{code}); });
      },
      [reply](errc code) { reply->give(failed{code}); });
}

void gateway_shell::tell_story(job_story story, std::shared_ptr<open_reply<job_story>> reply) {
  if (is_terminal(story.view.record.state)) return reply->give(std::move(story));
  auto told = std::make_shared<job_story>(std::move(story));
  const auto id = told->view.record.request.id;
  act::ask(
      self_, scheduler_, options_.live_deadline, explain_job{id},
      [reply, told](explanation& e) {
        told->why = std::move(e);
        reply->give(std::move(*told));
      },
      [reply, told](errc) { reply->give(std::move(*told)); });
}

// ---------------------------------------------------------------- second by second

void gateway_shell::on_call(line_look c) {
  feeds_->of_line().add(c.watch, std::move(c.on_look));
  look_at_line();
}

void gateway_shell::on_call(jobs_look c) {
  feeds_->of_jobs(c.whose).add(c.watch, std::move(c.on_look));
  look_at_jobs();
}

void gateway_shell::look_at_line() {
  if (!feeds_->of_line().begin()) return;
  act::ask(
      self_, scheduler_, options_.live_deadline, describe_line{},
      [feeds = feeds_](line_overview& o) { feeds->of_line().answered(std::move(o)); },
      [feeds = feeds_](errc code) { feeds->of_line().answered(failed{code}); });
}

/// As for a client that lists them; nobody is kept waiting by how many calls of clients are outstanding.
void gateway_shell::look_at_jobs() {
  for (const auto& whose : feeds_->begin_lists()) {
    list_jobs m;
    m.tenant = whose;
    auto answered = [feeds = feeds_, whose](outcome<view_page, errc> page) {
      feeds->of_jobs(whose).answered(std::move(page));
    };
    on_call(list_call{std::move(m), {answered, std::make_shared<std::atomic<std::size_t>>(1)}});
  }
}

} // namespace reel
