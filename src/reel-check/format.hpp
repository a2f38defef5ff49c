// format.hpp: What may stand in a history: fields, lines and who writes them. HISTORY.md beside this file explains the
// same tables with examples; both change together.
#pragma once

#include <array>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>

namespace reel::check {

/// A line that is not what HISTORY.md says: the text names file, line and reason.
struct format_error : std::runtime_error {
  using std::runtime_error::runtime_error;
};

enum class field : std::uint8_t {
  // every line
  op,
  mono_ns,
  type,
  process,
  position,
  lines,
  // the first line of a file
  format,
  observer,
  clock,
  offset_ns,
  error_ns,
  // the request
  job,
  tenant,
  idem_key,
  payload_sha,
  cls,
  model,
  shape,
  allow_degraded,
  deadline_ns,
  push,
  day,
  // its way through the ledger
  gen,
  version,
  fence,
  term,
  worker,
  batch,
  degraded,
  reason,
  step,
  cause,
  counted,
  not_before_ns,
  gpu_ms,
  charged_ms,
  result_key,
  result_sha,
  state,
  // the cluster
  node,
  running_max,
  per_day_max,
  on,
  device,
  // answers and deliveries
  status,
  marker,
  delivery_id,
  body_sha,
  event,
  accepted,
  // faults
  fault,
  kind,
  target,
  proof,
  count
};
inline constexpr std::size_t fields_count = static_cast<std::size_t>(field::count);
static_assert(fields_count <= 64); // one bit each

using field_set = std::uint64_t;
constexpr field_set bit(field f) { return field_set{1} << static_cast<unsigned>(f); }
template <class... F> constexpr field_set bits(F... f) { return (field_set{0} | ... | bit(f)); }

/// Who wrote a file. They are read in this order, whatever the order on the command line.
enum class observer_kind : std::uint8_t { nemesis, ledger, client, receiver, final, count };
inline constexpr std::size_t observers_count = static_cast<std::size_t>(observer_kind::count);
std::string_view to_string(observer_kind k);

enum class op : std::uint8_t {
  history,
  close,
  fault,
  heal,
  drained,
  accept,
  grant,
  progress,
  cancel_request,
  release,
  commit,
  end,
  remove,
  reprioritise,
  redrive,
  refuse,
  leader,
  member,
  worker,
  breaker,
  overload,
  limits,
  submit,
  read,
  fetch,
  cancel,
  erase,
  deliver,
  job,
  object,
  tenant,
  count
};
inline constexpr std::size_t ops_count = static_cast<std::size_t>(op::count);

/// Of a client's operation, as in Jepsen: what was begun, and what the client knows of its outcome.
enum class phase : std::uint8_t { none, invoke, ok, fail, info };

enum class job_class : std::uint8_t { urgent, vip, standard, free };

/// The choices of `state`; each line allows some of them.
enum class state : std::uint8_t {
  queued,
  leased,
  retry_wait,
  succeeded,
  failed,
  cancelled,
  dead_letter, ///< of a job
  up,
  suspect,
  down,
  left, ///< of a node or worker
  open,
  half_open,
  closed, ///< of a breaker
  begun,
  ended ///< of a fault
};
std::string_view to_string(state s);
constexpr bool is_terminal(state s) { return s >= state::succeeded && s <= state::dead_letter; }

enum class field_kind : std::uint8_t { text, number, flag, choice };

struct field_rule {
  std::string_view name;
  field_kind kind = field_kind::text;
  const std::string_view* choices = nullptr;
  std::size_t choices_count = 0;
};
const field_rule& rule_of(field f);

/// One kind of line. A client's operation has one rule per phase.
struct line_rule {
  op what = op::history;
  phase when = phase::none;
  std::string_view name;
  observer_kind observer = observer_kind::count; ///< count: in every file
  field_set required = 0;
  field_set optional = 0;
  std::uint32_t states = 0; ///< bit per allowed `state`
};
/// Null when there is no such line.
const line_rule* find_rule(std::string_view name, phase when);

inline constexpr std::size_t line_bytes_max = 64u << 10; ///< a line holds ids, hashes and names only
inline constexpr int format_version = 1;

} // namespace reel::check
