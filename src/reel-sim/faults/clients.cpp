#include "src/reel-sim/faults/clients.hpp"

#include "src/reel-sim/policy.hpp"

namespace reel::faultsim {

using namespace std::chrono_literals;

namespace {

constexpr ms answer_deadline = 15s;
constexpr std::uint32_t tenants = 4, poison_contents = 5;
constexpr int reads_most = 4;

std::string tenant_name(std::uint32_t t) { return "t" + std::to_string(t); }

} // namespace

clients::clients(const plan& p, event_queue& events, history_log& log, cluster& to)
    : plan_{p}, events_{events}, log_{log}, to_{to}, random_{p.seed, "clients"} {
  events_.after(outside, 5s, step::client, [this] { send_next(); });
}

bool clients::is_poison(const job_id& id) const { return poison_[sim::index_of(id)]; }

ns clients::way() { return random_.between(1ms, 6ms); }

clients::content clients::draw(std::uint32_t number) {
  content c{number};
  c.tenant = static_cast<std::uint32_t>(random_.between(0, tenants - 1));
  const auto kind = random_.unit();
  c.cls = kind < 0.04   ? job_class::urgent
          : kind < 0.25 ? job_class::vip
          : kind < 0.85 ? job_class::standard
                        : job_class::free;
  c.shape = static_cast<std::uint8_t>(random_.between(0, 1));
  c.heavy = random_.chance(0.8);
  c.allow_degraded = random_.chance(0.6);
  c.poison = random_.chance(plan_.poison_permille / 1000.0);
  // Some send again what was poison before.
  const auto word = c.poison ? static_cast<std::uint32_t>(random_.between(0, poison_contents)) : 0;
  c.payload = digest_of({}, word == 0 ? number + poison_contents + 1 : word, 7);
  return c;
}

void clients::send_next() {
  if (sent_ == plan_.jobs) return;
  submit(draw(sent_++));
  const ns mean = ns{1'000'000'000'000 / plan_.rate_permille};
  events_.after(outside, random_.exponential(mean), step::client, [this] { send_next(); });
}

void clients::send_extra() {
  auto c = draw(sent_++);
  ++extra_;
  c.heavy = true;
  c.allow_degraded = c.poison = false;
  c.payload = digest_of({}, c.number + poison_contents + 1, 7);
  submit(c);
}

job_request clients::request_of(const content& c) {
  job_request r;
  r.id = sim::id_of(requests_++, events_.now() / 1ms);
  poison_.push_back(c.poison);
  r.tenant = {tenant_name(c.tenant)};
  r.cls = c.cls;
  r.created_at = events_.wall(to_.control_process());
  const std::int32_t width = c.shape == 0 ? 64 : 96;
  r.params = {{c.heavy ? "heavy" : "light"}, width, 64, 17, 16, 5, sampler_kind::unipc, 4, 3, 5.0f, c.number};
  r.allow_degraded = c.allow_degraded;
  r.idempotency_key = "k" + std::to_string(c.number);
  r.payload_sha256 = c.payload;
  return r;
}

/// A question that is answered once: by the cluster, or by the clock.
void clients::call(reached there, std::function<void()> refused, std::function<void()> lost,
                   std::shared_ptr<bool> answered) {
  ++open_;
  events_.after(outside, way(), step::client, [this, there = std::move(there), refused = std::move(refused), answered] {
    if (!to_.control()) {
      if (!std::exchange(*answered, true)) --open_, refused();
      return;
    }
    events_.at(to_.control_process(), events_.now(), step::client, [this, there] { there(*to_.control()); });
  });
  events_.after(outside, answer_deadline, step::client, [this, lost = std::move(lost), answered] {
    if (!std::exchange(*answered, true)) --open_, lost();
  });
}

// ---------------------------------------------------------------- submits

void clients::submit(const content& c) {
  const auto process = ++processes_;
  log_.add(observer::client, "submit",
           R"(,"type":"invoke","process":{},"tenant":"{}","idem_key":"k{}","payload_sha":"{}")", process,
           tenant_name(c.tenant), c.number, to_string(c.payload));
  auto answered = std::make_shared<bool>(false);
  auto settle = [this, c, process, answered](const accept_answer& a) {
    if (!std::exchange(*answered, true)) --open_, on_submitted(c, process, a);
  };
  call(
      [this, c, settle](control_node& control) {
        control.submit(request_of(c), [this, settle](accept_answer a) {
          events_.after(outside, way(), step::client, [settle, a = std::move(a)] { settle(a); });
        });
      },
      [this, c, process] { on_submitted(c, process, {errc::unavailable}); },
      [this, c, process] { on_submitted(c, process, {errc::timeout}); }, answered);
}

void clients::on_submitted(const content& c, std::uint64_t process, const accept_answer& a) {
  if (a.code == errc::ok) {
    log_.add(observer::client, "submit", R"(,"type":"ok","process":{},"job":"{}")", process, to_string(a.id));
    ++settled_;
    return follow(c, a.id);
  }
  if (a.code == errc::timeout)
    log_.add(observer::client, "submit", R"(,"type":"info","process":{})", process);
  else
    log_.add(observer::client, "submit", R"(,"type":"fail","process":{},"status":503)", process);
  events_.after(outside, random_.between(500ms, 4s), step::client, [this, c] { submit(c); });
}

/// What a client does with its job: nothing, mostly.
void clients::follow(const content& c, const job_id& id) {
  if (random_.chance(plan_.cancel_permille / 1000.0)) {
    ++open_;
    events_.after(outside, random_.exponential(8s), step::client, [this, c, id] { --open_, cancel(c, id); });
  }
  if (random_.chance(plan_.read_permille / 1000.0)) {
    ++open_;
    events_.after(outside, random_.between(1s, 90s), step::client, [this, c, id] { --open_, read(c, id, 1); });
  }
}

// ---------------------------------------------------------------- cancels and reads

void clients::cancel(const content& c, const job_id& id) {
  const auto process = ++processes_;
  log_.add(observer::client, "cancel", R"(,"type":"invoke","process":{},"tenant":"{}","job":"{}")", process,
           tenant_name(c.tenant), to_string(id));
  auto answered = std::make_shared<bool>(false);
  auto done = [this, process](errc code) {
    if (code == errc::ok)
      log_.add(observer::client, "cancel", R"(,"type":"ok","process":{})", process);
    else if (code == errc::conflict || code == errc::not_found)
      log_.add(observer::client, "cancel", R"(,"type":"fail","process":{},"status":{})", process,
               code == errc::conflict ? 409 : 404);
    else
      log_.add(observer::client, "cancel", R"(,"type":"info","process":{})", process);
  };
  call(
      [this, c, id, answered, done](control_node& control) {
        control.cancel({tenant_name(c.tenant)}, id, [this, answered, done](errc code) {
          events_.after(outside, way(), step::client, [this, answered, done, code] {
            if (!std::exchange(*answered, true)) --open_, done(code);
          });
        });
      },
      [done] { done(errc::unavailable); }, [done] { done(errc::timeout); }, answered);
}

void clients::read(const content& c, const job_id& id, int times) {
  const auto process = ++processes_;
  log_.add(observer::client, "read", R"(,"type":"invoke","process":{},"tenant":"{}","job":"{}")", process,
           tenant_name(c.tenant), to_string(id));
  auto answered = std::make_shared<bool>(false);
  call(
      [this, c, id, times, process, answered](control_node& control) {
        control.read({tenant_name(c.tenant)}, id, [this, c, id, times, process, answered](outcome<job_record, errc> r) {
          auto shared = std::make_shared<outcome<job_record, errc>>(std::move(r));
          events_.after(outside, way(), step::client, [this, c, id, times, process, answered, shared] {
            if (!std::exchange(*answered, true)) --open_, on_read(c, id, times, process, *shared);
          });
        });
      },
      [this, c, id, times, process] { on_read(c, id, times, process, failed{errc::unavailable}); },
      [this, c, id, times, process] { on_read(c, id, times, process, failed{errc::timeout}); }, answered);
}

void clients::on_read(const content& c, const job_id& id, int times, std::uint64_t process,
                      const outcome<job_record, errc>& r) {
  if (!r && r.error() == errc::not_found)
    log_.add(observer::client, "read", R"(,"type":"fail","process":{},"status":404)", process);
  else if (!r)
    log_.add(observer::client, "read", R"(,"type":"info","process":{})", process);
  else if (r->state == job_state::succeeded)
    log_.add(observer::client, "read",
             R"(,"type":"ok","process":{},"state":"{}","version":{},"result_sha":"{}","degraded":{})", process,
             to_string(r->state), r->version, to_string(r->video.sha256), r->degraded);
  else
    log_.add(observer::client, "read", R"(,"type":"ok","process":{},"state":"{}","version":{})", process,
             to_string(r->state), r->version);
  if ((r && is_terminal(r->state)) || times == reads_most) return;
  ++open_;
  events_.after(outside, random_.between(2s, 60s), step::client,
                [this, c, id, times] { --open_, read(c, id, times + 1); });
}

} // namespace reel::faultsim
