// operation.hpp: A message to the ledger on its way through a queue to the thread that answers it, with its reply.
// Engine is the half of the ledger that answers: transactions or reader.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "actors/storage/ledger.hpp"

namespace reel::sqlite {

template <class Engine> class operation {
public:
  virtual ~operation() = default;
  virtual void run(Engine& engine) = 0; ///< keeps the answer; may run again after a rollback
  virtual void reply() = 0;

  /// The first refusal is the answer.
  void refuse(errc why) {
    if (!std::exchange(refused_, true)) keep(why);
  }
  bool refused() const { return refused_; }

  std::size_t weight = 1;                ///< jobs in it
  instant needed_until = instant::max(); ///< afterwards nobody waits for the answer

protected:
  virtual void keep(errc why) = 0;

private:
  bool refused_ = false;
};
template <class Engine> using operation_ptr = std::unique_ptr<operation<Engine>>;
template <class Engine> using group_of = std::vector<operation_ptr<Engine>>;

template <class Engine, class Message, class Answer> class operation_on final : public operation<Engine> {
public:
  operation_on(Message m, reply_to<Answer> r) : message_{std::move(m)}, to_{std::move(r)} {}
  void run(Engine& engine) override { answer_ = engine.run(message_); }
  void reply() override { to_(std::move(answer_)); }

private:
  void keep(errc why) override { answer_ = failed{why}; }

  const Message message_;
  reply_to<Answer> to_;
  outcome<Answer, errc> answer_ = failed{errc::internal};
};

template <class Engine> void refuse_all(group_of<Engine>& group, errc why) {
  for (auto& op : group) op->refuse(why);
}

template <class Message> std::size_t weight_of(const Message& m) {
  if constexpr (requires { m.jobs; })
    return std::max<std::size_t>(1, m.jobs.size());
  else if constexpr (requires { m.outcomes; })
    return std::max<std::size_t>(1, m.outcomes.size());
  else if constexpr (requires { m.notes; })
    return std::max<std::size_t>(1, m.notes.size());
  else
    return 1;
}

inline std::size_t bytes_in(const job_request& r) {
  auto bytes = sizeof r + r.prompt.size() + r.negative_prompt.size() + r.idempotency_key.size();
  bytes += (r.prompt_tokens.size() + r.negative_tokens.size()) * sizeof(std::int32_t);
  for (const auto& [key, value] : r.metadata) bytes += key.size() + value.size();
  return bytes;
}
inline std::size_t bytes_in(const job_outcome& o) { return sizeof o + o.message.size() + o.saved.key.size(); }
inline std::size_t bytes_in(const cluster_note& n) { return sizeof n + n.subject.size() + n.device.size(); }
inline std::size_t bytes_in(const job_id& id) { return sizeof id; }
inline std::size_t bytes_in(const saved_job& s) { return sizeof s + s.saved.key.size(); }

/// What a queued message holds of memory, about.
template <class Message> std::size_t bytes_of_message(const Message& m) {
  std::size_t bytes = sizeof m;
  if constexpr (requires { m.jobs; })
    for (const auto& job : m.jobs) bytes += bytes_in(job);
  else if constexpr (requires { m.outcomes; })
    for (const auto& outcome : m.outcomes) bytes += bytes_in(outcome);
  else if constexpr (requires { m.notes; })
    for (const auto& note : m.notes) bytes += bytes_in(note);
  return bytes;
}

} // namespace reel::sqlite
