#include "actors/gateway/gateway_actor.hpp"

#include <algorithm>

#include "runtime/fault/fault_point.hpp"

namespace reel {

namespace {

/// Roughly what a job takes in the message to the ledger.
std::size_t bytes_of(const job_request& job) {
  constexpr std::size_t fixed = 256;
  auto bytes = fixed + job.prompt.size() + job.negative_prompt.size() + job.idempotency_key.size() +
               4 * (job.prompt_tokens.size() + job.negative_tokens.size());
  for (const auto& [key, value] : job.metadata) bytes += key.size() + value.size();
  return bytes;
}

/// Both continuations of an ask need the reply.
template <class T> std::shared_ptr<open_reply<T>> shared(open_reply<T>&& reply) {
  return std::make_shared<open_reply<T>>(std::move(reply));
}

/// What keeps all jobs out, as one message to the ledger shows it.
errc trouble_in(const outcome<accept_answers, errc>& answers) {
  if (!answers) return answers.error();
  auto kept_out = [](const accept_answer& a) { return a.code == errc::no_space || a.code == errc::queue_full; };
  const auto& all = answers->answers;
  return !all.empty() && std::ranges::all_of(all, kept_out) ? all.front().code : errc::ok;
}

} // namespace

/// A page while the live parts of its running jobs are on their way. At most 100 jobs.
struct gateway_shell::open_page {
  explicit open_page(open_reply<view_page>&& r) : reply{std::move(r)} {}
  void one_answered() {
    if (--missing == 0) reply.give(std::move(page));
  }

  open_reply<view_page> reply;
  view_page page;
  std::size_t missing = 1; ///< the ledger's rows, then what they need
};

gateway_parts make_gateway_line(const gateway_options& o) {
  auto inbox = std::make_shared<gateway_inbox>();
  return {inbox, std::make_shared<gateway_line>(inbox, o.outstanding_max)};
}

gateway_shell::gateway_shell(interface::pointer self, gateway_options o, std::shared_ptr<gateway_inbox> inbox,
                             ledger_ref ledger, scheduler_ref scheduler, operations_ref operations, objects_ref objects)
    : self_{self}, options_{std::move(o)}, inbox_{std::move(inbox)}, ledger_{std::move(ledger)},
      scheduler_{std::move(scheduler)}, operations_{std::move(operations)}, objects_{std::move(objects)} {}

gateway_shell::interface::behavior_type gateway_shell::make_behavior() {
  auto me = caf::actor_cast<interface>(self_);
  inbox_->open([weak = caf::actor_cast<caf::actor_addr>(me)] {
    if (auto alive = caf::actor_cast<interface>(weak)) act::post(alive, gateway_wake{});
  });
  act::tell(self_, me, gateway_tick{});
  act::tell(self_, me, gateway_wake{}); // for what was put in before
  return {
      [this](const job_update& m) { on_job_update(m); },
      [this](gateway_wake) { on_gateway_wake(); },
      [this](gateway_tick) { on_gateway_tick(); },
  };
}

void gateway_shell::on_gateway_wake() {
  woken_at_ = act::now(self_);
  for (auto& one : inbox_->take_all()) std::visit([this](auto& call) { on_call(std::move(call)); }, one);
  send_accepts();
  if (watched_changed_) tell_watched();
}

void gateway_shell::on_gateway_tick() {
  probe_ledger();
  if (act::now(self_) >= trouble_until_) inbox_->accepting = errc::ok;
  if (!watched_.empty() && act::now(self_) >= rewatch_at_) tell_watched();
  act::tell_after(self_, options_.probe_every, caf::actor_cast<interface>(self_), gateway_tick{});
}

// ---------------------------------------------------------------- accepting

void gateway_shell::send_accepts() {
  refuse_old_accepts();
  while (!accepts_.empty() && accept_asks_ < options_.accept_asks_max) ask_accept();
}

void gateway_shell::refuse_old_accepts() {
  if (accepts_.empty()) return;
  for (auto oldest = act::now(self_) - options_.accept_deadline; !accepts_.empty() && accepts_.front().since <= oldest;
       accepts_.pop_front())
    accepts_.front().call.reply.give(failed{errc::unavailable});
}

void gateway_shell::ask_accept() {
  fault::pass("gateway.before_accept");
  accept_jobs m;
  auto replies = std::make_shared<accept_replies>();
  std::size_t bytes = 0;
  while (!accepts_.empty() && m.jobs.size() < limits::accept_jobs_max) {
    auto& next = accepts_.front().call;
    bytes += bytes_of(next.message);
    if (!m.jobs.empty() && bytes > options_.accept_bytes_max) break;
    m.jobs.push_back(std::move(next.message));
    next.reply.has_gone_out();
    replies->push_back(std::move(next.reply));
    accepts_.pop_front();
  }
  ++accept_asks_;
  act::ask(
      self_, ledger_, options_.accept_deadline, std::move(m),
      [this, replies](accept_answers& a) { on_accepted(*replies, std::move(a)); },
      [this, replies](errc code) { on_accepted(*replies, failed{code}); });
}

void gateway_shell::on_accepted(accept_replies& replies, outcome<accept_answers, errc> answers) {
  if (answers) fault::pass("gateway.before_reply");
  --accept_asks_;
  if (answers && answers->answers.size() != replies.size()) answers = failed{errc::malformed};
  remember_trouble(trouble_in(answers));
  for (std::size_t i = 0; i < replies.size(); ++i) {
    if (answers)
      replies[i].give(answers->answers[i]);
    else
      replies[i].give(failed{answers.error()});
  }
  send_accepts();
}

void gateway_shell::remember_trouble(errc code) {
  inbox_->accepting = code;
  if (code != errc::ok) trouble_until_ = act::now(self_) + options_.trouble_kept;
}

// ---------------------------------------------------------------- one call, one ask

void gateway_shell::on_call(read_call c) {
  auto reply = shared(std::move(c.reply));
  act::ask(
      self_, ledger_, options_.read_deadline, std::move(c.message),
      [this, reply](job_record& r) {
        if (is_terminal(r.state))
          reply->give(job_view{std::move(r), {}});
        else
          ask_live(std::move(r), reply);
      },
      [reply](errc code) { reply->give(failed{code}); });
}

void gateway_shell::ask_live(job_record record, std::shared_ptr<open_reply<job_view>> reply) {
  auto view = std::make_shared<job_view>();
  view->record = std::move(record);
  act::ask(
      self_, scheduler_, options_.live_deadline, describe_job{view->record.request.id},
      [view, reply](const job_live& live) {
        view->live = live;
        reply->give(std::move(*view));
      },
      [view, reply](errc) { reply->give(std::move(*view)); });
}

void gateway_shell::on_call(list_call c) {
  auto page = std::make_shared<open_page>(std::move(c.reply));
  act::ask(
      self_, ledger_, options_.read_deadline, std::move(c.message),
      [this, page](job_page& found) {
        for (auto& record : found.jobs) page->page.jobs.push_back({std::move(record), {}});
        page->page.has_more = found.has_more;
        ask_live(page);
        page->one_answered();
      },
      [page](errc code) { page->reply.give(failed{code}); });
}

void gateway_shell::ask_live(const std::shared_ptr<open_page>& page) {
  for (auto& view : page->page.jobs) {
    if (view.record.state != job_state::leased) continue;
    ++page->missing;
    act::ask(
        self_, scheduler_, options_.live_deadline, describe_job{view.record.request.id},
        [page, &view](const job_live& live) {
          view.live = live;
          page->one_answered();
        },
        [page](errc) { page->one_answered(); });
  }
}

void gateway_shell::on_call(cancel_call c) {
  auto reply = shared(std::move(c.reply));
  auto id = c.message.id;
  act::ask(
      self_, ledger_, options_.read_deadline, std::move(c.message),
      [this, reply, id](const cancel_answer& a) {
        act::tell(self_, scheduler_, job_cancelled{id});
        reply->give(a);
      },
      [reply](errc code) { reply->give(failed{code}); });
}

void gateway_shell::on_call(delete_call c) {
  auto reply = shared(std::move(c.reply));
  auto id = c.message.id;
  act::ask(
      self_, ledger_, options_.read_deadline, std::move(c.message),
      [this, reply, id](delete_answer& a) {
        act::tell(self_, scheduler_, job_cancelled{id});
        if (!a.object_keys.empty()) // what is not removed now is the sweeper's
          act::ask(
              self_, objects_, options_.object_deadline, delete_objects{a.object_keys}, [](done) {}, [](errc) {});
        reply->give(std::move(a));
      },
      [reply](errc code) { reply->give(failed{code}); });
}

template <class Message, class Answer> void gateway_shell::command(line_call<Message, Answer> c) {
  auto reply = shared(std::move(c.reply));
  act::ask(
      self_, operations_, options_.command_deadline, std::move(c.message),
      [reply](Answer& a) { reply->give(std::move(a)); }, [reply](errc code) { reply->give(failed{code}); });
}

void gateway_shell::on_call(reprioritise_call c) { command(std::move(c)); }
void gateway_shell::on_call(pause_call c) { command(std::move(c)); }
void gateway_shell::on_call(breaker_call c) { command(std::move(c)); }

void gateway_shell::on_call(quota_call c) {
  auto reply = shared(std::move(c.reply));
  act::ask(
      self_, ledger_, options_.read_deadline, std::move(c.message),
      [reply](quota_view& view) { reply->give(std::move(view)); }, [reply](errc code) { reply->give(failed{code}); });
}

void gateway_shell::on_call(overview_call c) {
  auto reply = shared(std::move(c.reply));
  act::ask(
      self_, scheduler_, options_.live_deadline, c.message, [reply](line_overview& o) { reply->give(std::move(o)); },
      [reply](errc code) { reply->give(failed{code}); });
}

void gateway_shell::on_call(object_call c) {
  auto reply = shared(std::move(c.reply));
  act::ask(
      self_, objects_, options_.object_deadline, std::move(c.message),
      [reply](object_slice& slice) { reply->give(std::move(slice)); },
      [reply](errc code) { reply->give(failed{code}); });
}

// ---------------------------------------------------------------- watching

void gateway_shell::on_call(line_watch c) {
  watched_changed_ = true;
  if (c.on_update) {
    watched_[c.job].insert(c.watch);
    watches_.emplace(c.watch, std::move(c));
    return;
  }
  auto found = watches_.extract(c.watch);
  if (found.empty()) return;
  auto job = watched_.find(found.mapped().job);
  job->second.erase(c.watch);
  if (job->second.empty()) watched_.erase(job);
}

void gateway_shell::tell_watched() {
  watch_jobs m{.watcher = options_.self};
  for (const auto& [id, watches] : watched_) {
    if (m.ids.size() == limits::watched_jobs_max) break; // the rest lives on the streams' own reads
    m.ids.push_back(id);
  }
  act::tell(self_, scheduler_, std::move(m));
  watched_changed_ = false;
  rewatch_at_ = act::now(self_) + options_.rewatch_every;
}

void gateway_shell::on_job_update(const job_update& m) {
  auto found = watched_.find(m.id);
  if (found == watched_.end()) return;
  for (auto watch : found->second) watches_.at(watch).on_update(m);
}

// ---------------------------------------------------------------- readiness

/// Reads a job that cannot exist: "not found" is the answer of a ledger that works.
void gateway_shell::probe_ledger() {
  if (std::exchange(probing_, true)) return;
  auto heard = [this](errc code) {
    probing_ = false;
    inbox_->ledger = code == errc::not_found ? errc::ok : code;
  };
  act::ask(
      self_, ledger_, options_.read_deadline, read_job{}, [heard](const job_record&) { heard(errc::ok); }, heard);
}

} // namespace reel
