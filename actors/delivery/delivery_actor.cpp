#include "actors/delivery/delivery_actor.hpp"

#include "actors/delivery/webhook_secret.hpp"
#include "runtime/fault/fault_point.hpp"
#include "runtime/observe/log.hpp"

namespace reel {

namespace {

delivery_options checked(delivery_options o) {
  o.threads = std::max<std::size_t>(o.threads, 1);
  return o;
}

delivery_lanes::options lanes_of(const delivery_options& o) {
  delivery_lanes::options lanes;
  lanes.host_posts_max = std::max<std::size_t>(o.threads / 4, 1);
  lanes.tenant_posts_max = std::max<std::size_t>(o.threads / 2, 1);
  lanes.breaker = delivery_lanes::usual_breaker(o.timeout);
  return lanes;
}

/// An answer whatever happens: who waits for it counts it as under way.
post_answer answer_to(const http_post& p, const post_function& post) {
  try {
    auto answer = post(p);
    if (is_taken(answer.status)) fault::pass("delivery.after_post");
    return answer;
  } catch (const std::exception& why) {
    return {0, why.what(), {}};
  }
}

} // namespace

http_post post_of(const outbox_entry& e, std::string_view key, wall_time now) {
  const auto id = delivery_id(e.job, e.generation);
  const auto unix_s = std::chrono::floor<std::chrono::seconds>(now).time_since_epoch().count();
  return {e.url,
          {{"content-type", "application/json"},
           {"webhook-id", id},
           {"webhook-timestamp", std::to_string(unix_s)},
           {"webhook-signature", webhook_signature(key, id, unix_s, e.body)}},
          e.body};
}

delivery_actor::delivery_actor(interface::pointer self, std::shared_ptr<outbox_ledger> led, post_function post,
                               std::shared_ptr<task_threads> threads, delivery_options options)
    : self_{self}, ledger_{std::move(led)}, post_{std::move(post)}, threads_{std::move(threads)},
      options_{checked(std::move(options))}, lanes_{lanes_of(options_)} {}

delivery_actor::interface::behavior_type delivery_actor::make_behavior() {
  act::tell(self_, self_, deliver_timeout{});
  return {
      [this](deliver_timeout) { on_deliver_timeout(); },
      [](run_replies& m) { m.run(); },
  };
}

void delivery_actor::on_deliver_timeout() {
  act::tell_after(self_, options_.poll_every, self_, deliver_timeout{});
  const auto now = act::now(self_);
  if (asked_at_ && now - *asked_at_ > options_.patience) asked_at_.reset(); // its shell crashed with the answer
  std::erase_if(busy_, [&](const auto& one) { return now - one.second > options_.patience; });
  read();
}

/// The ledger answers in its own shell: from there back into this one.
void delivery_actor::read() {
  if (asked_at_ || room() == 0) return;
  asked_at_ = act::now(self_);
  const auto limit = static_cast<std::uint32_t>(2 * options_.threads + busy_.size());
  ledger_->outbox(
      {options_.now(), 2 * std::max<std::chrono::milliseconds>(options_.pace.retry_most, retry_after_max), limit},
      [this, me = replies_of(self_)](outcome<std::vector<outbox_entry>, errc> due) {
        act::post(me, run_replies{[this, due = std::move(due)] { on_due(due); }});
      });
}

void delivery_actor::on_due(const outcome<std::vector<outbox_entry>, errc>& due) {
  asked_at_.reset();
  if (!due) return log::warn("the outbox could not be read", {{"why", due.error()}});
  std::vector<delivery_result> at_once;
  for (const auto& e : *due) {
    if (room() == 0) break;
    if (!busy_.try_emplace({e.job, e.generation}, act::now(self_)).second) continue;
    if (auto result = begin(e)) at_once.push_back(*result);
  }
  if (!at_once.empty()) record(std::move(at_once), false);
}

/// Posts it, or says at once what becomes of it.
std::optional<delivery_result> delivery_actor::begin(const outbox_entry& e) {
  const auto url = parse_webhook_url(e.url);
  const auto key = options_.secrets.find(e.tenant);
  if (!url) return given_up(e, "its job was deleted");
  if (key == options_.secrets.end()) return given_up(e, "its tenant has no secret");
  delivery_lanes::change changed;
  const auto host = url->host + ':' + std::to_string(url->port);
  const auto gate = lanes_.look(e.tenant, host, act::now(self_), random(), changed);
  tell(host, changed);
  if (gate == delivery_lanes::gate::open) return post(e, host, key->second);
  auto result = gate == delivery_lanes::gate::full ? put_off(e, options_.now(), random())
                                                   : after_try(e, {}, options_.now(), random(), options_.pace);
  if (result.state == delivery_state::given_up) return given_up(e, "its receiver's circuit breaker is open");
  return result;
}

std::optional<delivery_result> delivery_actor::post(const outbox_entry& e, const std::string& host,
                                                    std::string_view key) {
  const auto ticket = lanes_.begin(e.tenant, host, act::now(self_));
  auto send = [this, me = replies_of(self_), post = post_, p = post_of(e, key, options_.now()), e, ticket] {
    const auto answer = answer_to(p, post);
    act::post(me, run_replies{[this, e, ticket, answer] { on_posted(e, ticket, answer); }});
  };
  ++posting_;
  if (threads_->submit(std::move(send))) return {};
  --posting_; // a crashed predecessor's posts are still under way
  lanes_.end(ticket, true, act::now(self_), random());
  return put_off(e, options_.now(), random());
}

void delivery_actor::on_posted(const outbox_entry& e, const delivery_lanes::ticket& t, const post_answer& answer) {
  --posting_;
  tell(t.host, lanes_.end(t, !is_trouble(answer.status), act::now(self_), random()));
  const auto result = after_try(e, {answer.status, answer.retry_after}, options_.now(), random(), options_.pace);
  count(result);
  if (!is_taken(answer.status))
    log::debug("webhook not taken", {{"delivery", delivery_id(e.job, e.generation)},
                                     {"host", t.host},
                                     {"status", answer.status},
                                     {"why", answer.trouble},
                                     {"tries", result.tries},
                                     {"given_up", result.state == delivery_state::given_up}});
  record({result}, true);
}

/// What could not be recorded is posted again, but not before `patience` has passed: a ledger that takes nothing must
/// not become a storm at the receivers.
void delivery_actor::record(std::vector<delivery_result> results, bool go_on) {
  std::vector<entry_id> ids;
  for (const auto& r : results) ids.emplace_back(r.job, r.generation);
  ledger_->record(std::move(results), [this, me = replies_of(self_), ids, go_on](const outcome<done, errc>& taken) {
    act::post(me, run_replies{[this, ids, go_on, taken] {
                if (!taken) return log::warn("how webhooks went could not be recorded", {{"why", taken.error()}});
                for (const auto& id : ids) busy_.erase(id);
                if (go_on) read();
              }});
  });
}

delivery_result delivery_actor::given_up(const outbox_entry& e, std::string_view why) {
  log::debug("webhook given up", {{"delivery", delivery_id(e.job, e.generation)}, {"why", why}});
  const delivery_result r{e.job, e.generation, delivery_state::given_up, e.tries, 0, options_.now()};
  count(r);
  return r;
}

void delivery_actor::tell(const std::string& host, const delivery_lanes::change& changed) {
  if (options_.metrics) options_.metrics->broken(lanes_.broken());
  if (!changed) return;
  const auto level = changed->to == breaker_state::open ? log::level::warn : log::level::info;
  log::write(level, "a webhook receiver's circuit breaker changed",
             {{"host", host},
              {"from", to_string(changed->from)},
              {"to", to_string(changed->to)},
              {"attempts", changed->attempts},
              {"failures", changed->failures},
              {"slow", changed->slow}});
}

void delivery_actor::count(const delivery_result& r) {
  if (options_.metrics) options_.metrics->tried(r.state);
}

} // namespace reel
