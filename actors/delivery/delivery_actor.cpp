#include "actors/delivery/delivery_actor.hpp"

#include "actors/delivery/webhook_secret.hpp"
#include "runtime/observe/log.hpp"

namespace reel {

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

delivery_actor::delivery_actor(interface::pointer self, std::shared_ptr<ledger> led, post_function post,
                               delivery_options options)
    : self_{self}, ledger_{std::move(led)}, post_{std::move(post)}, options_{std::move(options)},
      threads_{options_.threads, std::max<std::size_t>(options_.threads, 1)} {}

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
  if (asked_at_ || posting_ == std::max<std::size_t>(options_.threads, 1)) return;
  asked_at_ = act::now(self_);
  const auto limit = static_cast<std::uint32_t>(2 * options_.threads + busy_.size() + 1);
  ledger_->outbox({options_.now(), 2 * options_.pace.retry_most, limit},
                  [this, me = replies_of(self_)](outcome<std::vector<outbox_entry>, errc> due) {
                    act::post(me, run_replies{[this, due = std::move(due)] { on_due(due); }});
                  });
}

void delivery_actor::on_due(const outcome<std::vector<outbox_entry>, errc>& due) {
  asked_at_.reset();
  if (!due) return log::warn("the outbox could not be read", {{"why", due.error()}});
  std::vector<delivery_result> at_once;
  for (const auto& e : *due) {
    if (busy_.contains({e.job, e.generation})) continue;
    if (posting_ == std::max<std::size_t>(options_.threads, 1)) break;
    const auto url = parse_webhook_url(e.url);
    if (auto result = begin(e, url ? url->host : "")) at_once.push_back(*result);
  }
  if (!at_once.empty()) record(std::move(at_once), false);
}

/// Posts it, or says at once what becomes of it.
std::optional<delivery_result> delivery_actor::begin(const outbox_entry& e, const std::string& host) {
  busy_[{e.job, e.generation}] = act::now(self_);
  const auto key = options_.secrets.find(e.tenant);
  if (host.empty() || key == options_.secrets.end()) {
    log::warn("webhook given up", {{"delivery", delivery_id(e.job, e.generation)},
                                   {"why", host.empty() ? "the job was deleted" : "its tenant has no secret"}});
    return delivery_result{e.job, e.generation, delivery_state::given_up, e.tries, 0, options_.now()};
  }
  auto& under_way = hosts_[host];
  if (under_way >= std::max<std::size_t>(options_.threads / 2, 1)) return put_off(e, options_.now(), random());
  ++under_way;
  ++posting_;
  auto send = [this, me = replies_of(self_), post = post_, p = post_of(e, key->second, options_.now()), e, host] {
    const auto answer = post(p);
    act::post(me, run_replies{[this, e, host, answer] { on_posted(e, host, answer); }});
  };
  threads_.submit(std::move(send)); // there is room: as many tasks as threads
  return {};
}

void delivery_actor::on_posted(const outbox_entry& e, const std::string& host, const post_answer& answer) {
  --posting_;
  if (auto found = hosts_.find(host); --found->second == 0) hosts_.erase(found);
  const auto result = after_try(e, answer.status, options_.now(), random(), options_.pace);
  if (result.state == delivery_state::given_up)
    log::warn("webhook given up", {{"delivery", delivery_id(e.job, e.generation)},
                                   {"host", host},
                                   {"status", answer.status},
                                   {"why", answer.trouble},
                                   {"tries", result.tries}});
  record({result}, true);
}

/// What is not recorded is due again, and then posted again.
void delivery_actor::record(std::vector<delivery_result> results, bool go_on) {
  std::vector<entry_id> ids;
  for (const auto& r : results) ids.emplace_back(r.job, r.generation);
  ledger_->record(std::move(results), [this, me = replies_of(self_), ids, go_on](const outcome<done, errc>& taken) {
    act::post(me, run_replies{[this, ids, go_on, taken] {
                if (!taken) log::warn("how webhooks went could not be recorded", {{"why", taken.error()}});
                for (const auto& id : ids) busy_.erase(id);
                if (go_on) read();
              }});
  });
}

} // namespace reel
