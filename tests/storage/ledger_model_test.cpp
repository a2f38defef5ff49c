// ledger_model_test.cpp: Random histories. Sequences of calls over few jobs, keys, batches, fences and terms,
// sent in bursts so that several share a transaction, with restarts and failing commits in between, must be answered by
// the SQLite ledger exactly as by the plain one in memory; and afterwards the SQLite file must show no violated
// invariant.
//
// A burst whose commit fails is another matter: what the SQLite ledger then refuses, the plain one is not asked. So
// during such a burst the plain one is asked last, when the refusals are known.
#include <catch2/catch_test_macros.hpp>
#include <rapidcheck.h>

#include "tests/storage/faulty_vfs.hpp"
#include "tests/storage/ledger_audit.hpp"
#include "tests/storage/ledger_world.hpp"

using namespace reel;
using namespace std::chrono_literals;

namespace {

/// One step, as drawn; what the numbers mean depends on the step.
struct step {
  unsigned kind = 0, job = 0, a = 0, b = 0;
};
std::ostream& operator<<(std::ostream& out, const step& s) {
  return out << '{' << s.kind << ' ' << s.job << ' ' << s.a << ' ' << s.b << '}';
}

rc::Gen<std::vector<step>> histories() {
  auto small = [](unsigned end) { return rc::gen::inRange(0u, end); };
  auto one = rc::gen::build<step>(rc::gen::set(&step::kind, small(30)), rc::gen::set(&step::job, small(10)),
                                  rc::gen::set(&step::a, small(64)), rc::gen::set(&step::b, small(64)));
  return rc::gen::resize(120, rc::gen::container<std::vector<step>>(one));
}

/// Both ledgers side by side; answers are compared when a burst is over.
class side_by_side {
public:
  side_by_side() {
    disk_.on_write = [this](std::string_view name) {
      return name.ends_with("-wal") ? next_log_write_.exchange(SQLITE_OK) : SQLITE_OK;
    };
    for (auto& id : jobs_) id = ids_.next<job_id>(clock_.now());
    open();
  }

  void take(const step& s) {
    switch (s.kind) {
    case 0:
    case 1:
    case 2:
    case 3:
    case 4: return send(&ledger::accept, accept_of(s));
    case 5:
    case 6:
    case 7:
    case 8:
    case 9: return send(&ledger::grant, grant_of(s));
    case 10:
    case 11:
    case 12:
    case 13:
    case 14: return send(&ledger::end, end_of(s));
    case 15: return send(&ledger::cancel, cancel_job{tenant(s.a), jobs_[s.job]});
    case 16:
      if (s.a % 3 == 0) send(&ledger::remove, delete_job{tenant(s.a), jobs_[s.job]});
      return;
    case 17:
      if (s.a % 4 == 0) {
        send(&ledger::lead, take_leadership{{"n"}, {s.b}});
        ++term_;
      }
      return;
    case 18:
    case 19: settle(); return read_all(s);
    case 20:
      settle();
      clock_.advance(s.a % 8 == 0 ? 25h : 1s);
      return;
    case 21:
      if (s.a % 8 == 0) {
        settle();
        open();
      }
      return;
    case 24: return send(&ledger::reprioritise, reprioritise_job{tenant(s.a), jobs_[s.job], class_of(s.b)});
    case 25: return send(&ledger::pause, set_pause{tenant(s.a), s.b % 2 == 0, {"ops"}});
    case 26: {
      const auto order = static_cast<breaker_order>(s.a % 3);
      return send(&ledger::breaker, set_breaker{{"wan-small"}, s.b % 2 == 0 ? "" : "cpu", order, {"ops"}});
    }
    case 27:
    case 28: return send(&ledger::saved, saved_of(s));
    case 29: return send(&ledger::record, results_of(s));
    case 22:
    case 23:
      settle();
      next_log_write_ = s.kind == 22 ? SQLITE_FULL : SQLITE_IOERR_NOMEM;
      memory_comes_last_ = true;
      return;
    }
  }

  void settle() {
    for (auto& compare : pending_) compare();
    pending_.clear();
    next_log_write_ = SQLITE_OK;
    memory_comes_last_ = false;
  }

  std::filesystem::path close() {
    settle();
    sqlite_.reset();
    return folder_.path() / "ledger.db";
  }

private:
  static world_options options() {
    world_options o;
    o.limits.queued_jobs_max = 6;
    o.limits.tenant_queued_jobs_max = 4;
    o.limits.tenants[{"acme"}].all.jobs_per_day = 5;
    o.limits.tenants[{"umbrella"}].by_class[2].jobs_per_day = 3;
    o.limits.tenants[{"umbrella"}].zone = time_zone::load("-11:00");
    o.keys_gap_max = 1000h; // time may pass unseen before a restart
    return o;
  }

  void open() {
    sqlite_.reset();
    sqlite_ = sqlite_kind::make(folder_, clock_, options());
    if (!memory_) memory_ = memory_kind::make(folder_, clock_, options());
  }

  /// The same message to both; the memory ledger answers at once, the other when it has committed.
  template <class Message, class Answer> void send(void (ledger::*call)(Message, reply_to<Answer>), Message m) {
    auto ask_memory = [this, call](Message what) {
      std::optional<outcome<Answer, errc>> answer;
      (*memory_.*call)(std::move(what), [&answer](outcome<Answer, errc> a) { answer.emplace(std::move(a)); });
      return *std::move(answer);
    };
    std::optional<outcome<Answer, errc>> known;
    if (!memory_comes_last_) known = ask_memory(m);
    auto promised = std::make_shared<std::promise<outcome<Answer, errc>>>();
    (*sqlite_.*call)(m, [promised](outcome<Answer, errc> a) { promised->set_value(std::move(a)); });
    pending_.push_back([ask_memory, promised, known, m]() mutable {
      auto given = promised->get_future().get();
      if (!known) {
        if (!given && (given.error() == errc::no_space || given.error() == errc::unavailable)) return;
        leave_out_refused(m, given);
      }
      const auto expected = known ? *std::move(known) : ask_memory(std::move(m));
      RC_ASSERT(given.has_value() == expected.has_value());
      if (given)
        RC_ASSERT(but_for_estimates(*given) == but_for_estimates(*expected));
      else
        RC_ASSERT(given.error() == expected.error());
    });
  }

  template <class Answer> static const Answer& but_for_estimates(const Answer& a) { return a; }
  /// How long a full queue takes to drain is learnt anew after a restart, which the memory ledger has not got.
  static accept_answers but_for_estimates(accept_answers a) {
    for (auto& one : a.answers) one.retry_after_s = 0;
    return a;
  }
  template <class Message, class Answer> static void leave_out_refused(Message&, Answer&) {}
  static void leave_out_refused(accept_jobs& m, outcome<accept_answers, errc>& given) {
    if (!given) return;
    for (std::size_t i = given->answers.size(); i-- > 0;) {
      if (given->answers[i].code != errc::no_space) continue;
      given->answers.erase(given->answers.begin() + static_cast<std::ptrdiff_t>(i));
      m.jobs.erase(m.jobs.begin() + static_cast<std::ptrdiff_t>(i));
    }
  }

  static job_class class_of(unsigned a) { return static_cast<job_class>(a % 4); }
  static tenant_id tenant(unsigned a) { return {a % 5 == 0 ? "" : a % 5 == 1 ? "umbrella" : "acme"}; }

  accept_jobs accept_of(const step& s) {
    accept_jobs m;
    for (unsigned i = 0; i <= s.b % 3; ++i) {
      auto r = samples::request(jobs_[(s.job + i) % jobs_.size()], s.a % 4 == 0 ? "umbrella" : "acme");
      if (s.b % 2 == 0) r.idempotency_key = "key-" + std::to_string((s.a + i) % 3);
      if (s.b % 6 == 1) r.final_of = jobs_[s.job];
      if (s.a % 7 == 0) r.payload_sha256 = samples::sha256_of("other");
      r.allow_degraded = s.a % 3 != 0;
      if (s.b % 4 != 0) r.webhook_url = "https://example.org/" + std::to_string(s.a);
      m.jobs.push_back(std::move(r));
    }
    return m;
  }

  std::vector<delivery_result> results_of(const step& s) const {
    const auto state = static_cast<delivery_state>(s.a % 3);
    return {{jobs_[s.job], 1, state, s.b, 500, clock_.now() + std::chrono::seconds{s.b % 4}}};
  }

  std::uint64_t a_term(unsigned a) const { return a % 8 == 0 ? a / 8 % 4 : term_; }

  grant_batch grant_of(const step& s) {
    if (s.a % 4 != 0 || batches_.empty()) batches_.push_back(ids_.next<batch_id>(clock_.now()));
    grant_batch m{a_term(s.b), batches_.back(), {"w/" + std::to_string(s.a % 2)}, {"wan-small"}, {}};
    if (s.b % 5 == 0) m.served_model.value = "wan-light";
    m.degrade = static_cast<degrade_reason>(s.a % 5);
    for (unsigned i = 0; i <= s.b % 4; ++i) m.jobs.push_back(jobs_[(s.job + i) % jobs_.size()]);
    return m;
  }

  /// Mostly what is really running, sometimes an older fence or another batch.
  end_batch end_of(const step& s) {
    end_batch m{a_term(s.b), {}, {}};
    for (unsigned i = 0; i <= s.b % 3; ++i) {
      auto row = ledger_caller{*memory_}.read(jobs_[(s.job + i) % jobs_.size()]);
      if (!row) continue;
      if (m.batch.is_nil()) m.batch = s.a % 9 == 0 && !batches_.empty() ? batches_[s.b % batches_.size()] : row->batch;
      job_outcome o{row->request.id, row->fence - (s.a % 7 == 0 ? 1 : 0), static_cast<verdict>((s.a + i) % 5)};
      o.counted = s.b % 4 != 0;
      if (s.a % 3 == 0) o.cause = errc::crashed;
      o.not_before = clock_.now() + 5s;
      o.gpu_ms = s.a;
      o.message = std::string(s.b, 'm');
      if (s.a % 5 == 1) {
        const auto prefix = object_prefix(row->request.tenant, jobs_[s.job], 1, row->fence);
        o.saved = {make_object_key(prefix, artifact::saved_run, samples::sha256_of("r")), s.a, static_cast<int>(s.b)};
      }
      o.forget_saved = s.a % 11 == 2;
      if (s.a % 4 == 1) o.cause = errc::poison;
      if (s.b % 3 == 1) {
        o.recovery = row->recovery;
        o.recovery->batch_cap = s.a % 3;
        if (s.a % 2 == 0) o.recovery->crash_workers.push_back({"w/" + std::to_string(s.b)});
        o.recovery->degraded = static_cast<degrade_reason>(s.b % 5);
      }
      if (o.how == verdict::succeeded) o.video = {s.a, samples::sha256_of("v" + std::to_string(s.b))};
      m.outcomes.push_back(std::move(o));
    }
    return m;
  }

  /// Mostly of what is really running; several jobs may share one, and the next may be the same.
  batch_saved saved_of(const step& s) {
    batch_saved m;
    for (unsigned i = 0; i <= s.b % 3; ++i) {
      auto row = ledger_caller{*memory_}.read(jobs_[(s.job + i) % jobs_.size()]);
      if (!row) continue;
      if (m.batch.is_nil()) m.batch = row->batch;
      const auto prefix = object_prefix(row->request.tenant, jobs_[s.job], 1, row->fence);
      const auto name = "r" + std::to_string(s.a % 2);
      m.jobs.push_back({row->request.id,
                        row->fence - (s.a % 7 == 0 ? 1 : 0),
                        {make_object_key(prefix, artifact::saved_run, samples::sha256_of(name)), s.a + 1,
                         1 + static_cast<int>(s.b)}});
    }
    return m;
  }

  void read_all(const step& s) {
    for (const auto& id : jobs_) send(&ledger::read, read_job{tenant(s.a), id});
    send(&ledger::list,
         list_jobs{tenant(s.b), s.a % 3 == 0 ? std::optional{jobs_[s.job]} : std::nullopt, s.b % 12, s.a % 2 == 0});
    send(&ledger::pauses, read_pauses{});
    send(&ledger::outbox, read_outbox{clock_.now(), std::chrono::seconds{s.a % 3 + 1}, s.b % 12});
    send(&ledger::breakers, read_breakers{});
    send(&ledger::unfinished, unfinished_jobs{s.a % 3 == 0 ? std::optional{jobs_[s.job]} : std::nullopt, s.b % 12});
    std::vector<object_key_parts> objects;
    for (const auto& id : jobs_)
      for (std::uint32_t fence : {1, 2, 3})
        objects.push_back({{"acme"}, id, 1, fence, artifact::video, samples::sha256_of("v" + std::to_string(s.b))});
    for (auto object : std::vector{objects}) {
      object.kind = artifact::saved_run;
      objects.push_back(std::move(object));
    }
    send(&ledger::referenced, std::move(objects));
    settle();
  }

  faulty_vfs disk_;
  std::atomic<int> next_log_write_{SQLITE_OK}; ///< what SQLite is told when it next writes to its log
  bool memory_comes_last_ = false;
  scratch_folder folder_;
  ledger_clock clock_;
  id_generator ids_;
  std::array<job_id, 10> jobs_;
  std::vector<batch_id> batches_;
  std::uint64_t term_ = 0;
  std::unique_ptr<ledger> sqlite_, memory_;
  std::vector<std::function<void()>> pending_;
};

} // namespace

TEST_CASE("any history is answered alike by both ledgers and leaves a sound file") {
  REQUIRE(rc::check([] {
    const auto history = *histories();
    side_by_side both;
    both.take({17, 0, 0, 0}); // a first leader
    for (const auto& s : history) both.take(s);
    const auto complaints = ledger_audit::complaints_about(both.close());
    for (const auto& c : complaints) RC_LOG() << c << '\n';
    RC_ASSERT(complaints.empty());
  }));
}
