#include "src/reel-sim/faults/clients.hpp"

#include "src/reel-sim/policy.hpp"

namespace reel::faultsim {

using namespace std::chrono_literals;

namespace {

constexpr ms answer_deadline = 15s;
constexpr std::uint32_t tenants = 4, poison_contents = 5;
constexpr int reads_most = 4;

std::string tenant_name(std::uint32_t t) { return {'t', static_cast<char>('0' + t)}; }
static_assert(tenants <= 10);

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

// ---------------------------------------------------------------- questions

clients::question_ptr clients::ask(const content& c, const job_id& id, int times) {
  return std::make_shared<question>(question{c, ++processes_, id, times});
}

template <class Done> void clients::settle(question& q, const Done& done) {
  if (std::exchange(q.answered, true)) return;
  --open_;
  done();
}

template <class There, class Refused, class Lost>
void clients::call(const question_ptr& q, There there, Refused refused, Lost lost) {
  ++open_;
  events_.after(outside, way(), step::client, [this, q, there, refused] {
    if (!to_.control()) return settle(*q, refused);
    events_.at(to_.control_process(), events_.now(), step::client, [this, there] { there(*to_.control()); });
  });
  events_.after(outside, answer_deadline, step::client, [this, q, lost] { settle(*q, lost); });
}

template <class Done> void clients::answer(const question_ptr& q, Done done) {
  events_.after(outside, way(), step::client, [this, q, done = std::move(done)] { settle(*q, done); });
}

// ---------------------------------------------------------------- submits

void clients::submit(const content& c) {
  const auto q = ask(c);
  log_.add(observer::client, "submit", "type", "invoke", "process", q->process, "tenant", tenant_name(c.tenant),
           "idem_key", "k" + std::to_string(c.number), "payload_sha", c.payload);
  auto there = [this, q](control_node& control) {
    control.submit(request_of(q->of), [this, q](const accept_answer& a) {
      answer(q, [this, q, a = accept_answer{a.code, a.id}] { on_submitted(*q, a); });
    });
  };
  call(
      q, there, [this, q] { on_submitted(*q, {errc::unavailable}); }, [this, q] { on_submitted(*q, {errc::timeout}); });
}

void clients::on_submitted(const question& q, const accept_answer& a) {
  if (a.code == errc::ok) {
    log_.add(observer::client, "submit", "type", "ok", "process", q.process, "job", a.id);
    ++settled_;
    return follow(q.of, a.id);
  }
  if (a.code == errc::timeout)
    log_.add(observer::client, "submit", "type", "info", "process", q.process);
  else
    log_.add(observer::client, "submit", "type", "fail", "process", q.process, "status", 503);
  events_.after(outside, random_.between(500ms, 4s), step::client, [this, c = q.of] { submit(c); });
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
  const auto q = ask(c, id);
  log_.add(observer::client, "cancel", "type", "invoke", "process", q->process, "tenant", tenant_name(c.tenant), "job",
           id);
  auto there = [this, q](control_node& control) {
    control.cancel({tenant_name(q->of.tenant)}, q->id,
                   [this, q](errc code) { answer(q, [this, q, code] { on_cancelled(*q, code); }); });
  };
  call(
      q, there, [this, q] { on_cancelled(*q, errc::unavailable); }, [this, q] { on_cancelled(*q, errc::timeout); });
}

void clients::on_cancelled(const question& q, errc code) {
  if (code == errc::ok)
    log_.add(observer::client, "cancel", "type", "ok", "process", q.process);
  else if (code == errc::conflict || code == errc::not_found)
    log_.add(observer::client, "cancel", "type", "fail", "process", q.process, "status",
             code == errc::conflict ? 409 : 404);
  else
    log_.add(observer::client, "cancel", "type", "info", "process", q.process);
}

void clients::read(const content& c, const job_id& id, int times) {
  const auto q = ask(c, id, times);
  log_.add(observer::client, "read", "type", "invoke", "process", q->process, "tenant", tenant_name(c.tenant), "job",
           id);
  auto there = [this, q](control_node& control) {
    control.read({tenant_name(q->of.tenant)}, q->id, [this, q](outcome<job_record, errc> r) {
      auto shared = std::make_shared<outcome<job_record, errc>>(std::move(r));
      answer(q, [this, q, shared] { on_read(*q, *shared); });
    });
  };
  call(
      q, there, [this, q] { on_read(*q, failed{errc::unavailable}); },
      [this, q] { on_read(*q, failed{errc::timeout}); });
}

void clients::on_read(const question& q, const outcome<job_record, errc>& r) {
  if (!r && r.error() == errc::not_found)
    log_.add(observer::client, "read", "type", "fail", "process", q.process, "status", 404);
  else if (!r)
    log_.add(observer::client, "read", "type", "info", "process", q.process);
  else if (r->state == job_state::succeeded)
    log_.add(observer::client, "read", "type", "ok", "process", q.process, "state", to_string(r->state), "version",
             r->version, "result_sha", r->video.sha256, "degraded", r->degraded);
  else
    log_.add(observer::client, "read", "type", "ok", "process", q.process, "state", to_string(r->state), "version",
             r->version);
  if ((r && is_terminal(r->state)) || q.times == reads_most) return;
  ++open_;
  events_.after(outside, random_.between(2s, 60s), step::client,
                [this, c = q.of, id = q.id, times = q.times + 1] { --open_, read(c, id, times); });
}

} // namespace reel::faultsim
