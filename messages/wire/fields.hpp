// fields.hpp: What the codecs of all roles are made of: `output` and `input` go through one message from
// field to field, and every struct has a pair of overloads
//
//   void write(schema::X::Builder b, const x& v, output& out);
//   void read(schema::X::Reader r, x& v, input& in);
//
// which argument-dependent lookup finds through output and input, so that lists of anything are one template.
// Inside the codec a wrong field throws `refused` (as Cap'n Proto itself throws for wrong pointers); decode()
// catches both.
#pragma once

#include <capnp/message.h>
#include <cmath>
#include <span>
#include <string>
#include <vector>

#include "messages/breakers.hpp"
#include "messages/pauses.hpp"
#include "messages/wire/bounds.hpp"
#include "messages/wire/breakers.capnp.h"
#include "messages/wire/job.capnp.h"
#include "messages/wire/storage.capnp.h"
#include "messages/wire/worker.capnp.h"
#include "messages/worker.hpp"

namespace reel::wire {

struct refused {};

/// Collects what does not go into the body. One per message.
struct output {
  std::vector<blob> attachments;
  std::string cleaned; ///< backs what note() returns until the next one
};

inline capnp::Text::Reader text(const std::string& s) { return {s.c_str(), s.size()}; }

template <class Tag> capnp::Text::Reader name(const name_id<Tag>& id) { return text(id.value); }

/// A text for people: made well-formed and short, because nobody validates an exception's what(), and a
/// message that its receiver must refuse would never arrive.
capnp::Text::Reader note(const std::string& s, output& out);

/// Checks single fields and accounts for the memory of what is built from them. One per message.
class input {
public:
  input(std::size_t body_bytes, std::span<const blob> attachments)
      : left_bytes_{budget_factor * body_bytes}, attachments_{attachments} {}

  void require(bool holds) const {
    if (!holds) throw refused{};
  }

  /// Before memory is allocated, never after.
  void charge(std::size_t bytes) {
    require(bytes <= left_bytes_);
    left_bytes_ -= bytes;
  }

  std::string text(capnp::Text::Reader r, std::size_t bytes_max);
  std::string note(capnp::Text::Reader r) { return text(r, note_bytes_max); }

  /// Empty or a valid name; a worker's is "node/slot".
  template <class Id> Id name(capnp::Text::Reader r) { return {checked_name(r, std::is_same_v<Id, worker_id>)}; }

  /// Enumerants have the same numbers in the schema and in C++ (messages_test.cpp).
  template <class E, class Enumerant> E known(Enumerant value) const {
    const auto number = static_cast<std::uint16_t>(value);
    const auto e = static_cast<E>(number);
    require(number <= 0xFF && to_string(e) != "unknown");
    return e;
  }

  /// A code that this release does not know is an unknown failure.
  errc code(std::uint8_t number) const {
    const auto code = static_cast<errc>(number);
    return is_known(code) ? code : errc::internal;
  }

  /// Not-a-number has no place in a batch_key's order.
  float finite(float value) const {
    require(std::isfinite(value));
    return value;
  }

  wall_time time(std::int64_t unix_ms) const {
    require(unix_ms >= 0 && unix_ms <= wall_time_ms_max);
    return wall_time{std::chrono::milliseconds{unix_ms}};
  }

  const blob& attachment(std::size_t index) const {
    require(index < attachments_.size());
    return attachments_[index];
  }

private:
  std::string checked_name(capnp::Text::Reader r, bool of_worker);

  std::size_t left_bytes_;
  std::span<const blob> attachments_;
};

// ---------------------------------------------------------------- fields that are no struct of their own

/// A union { none, unixMs }.
template <class Union> void write_time(Union b, const std::optional<wall_time>& v) {
  if (v)
    b.setUnixMs(v->time_since_epoch().count());
  else
    b.setNone();
}

template <class Union> std::optional<wall_time> read_time(Union r, const input& in) {
  if (r.isNone()) return {};
  in.require(r.isUnixMs()); // not a member that this schema lacks
  return in.time(r.getUnixMs());
}

inline std::uint8_t number(errc code) { return static_cast<std::uint8_t>(code); }

inline std::int64_t unix_ms(wall_time t) { return t.time_since_epoch().count(); }

// ---------------------------------------------------------------- list entries that are no struct

inline void read(std::int32_t r, std::int32_t& v, input&) { v = r; }
inline void read(std::uint8_t r, errc& v, input& in) { v = in.code(r); }
inline void read(capnp::Text::Reader r, std::string& v, input& in) { v = in.text(r, key_bytes_max); }
inline void read(capnp::Text::Reader r, model_id& v, input& in) { v = in.name<model_id>(r); }
inline void read(capnp::Text::Reader r, worker_id& v, input& in) { v = in.name<worker_id>(r); }

inline void write_list(capnp::List<std::int32_t>::Builder b, const std::vector<std::int32_t>& v, output&) {
  for (std::size_t i = 0; i < v.size(); ++i) b.set(i, v[i]);
}
inline void write_list(capnp::List<std::uint8_t>::Builder b, const std::vector<errc>& v, output&) {
  for (std::size_t i = 0; i < v.size(); ++i) b.set(i, number(v[i]));
}
inline void write_list(capnp::List<capnp::Text>::Builder b, const std::vector<std::string>& v, output&) {
  for (std::size_t i = 0; i < v.size(); ++i) b.set(i, text(v[i]));
}
inline void write_list(capnp::List<capnp::Text>::Builder b, const std::vector<worker_id>& v, output&) {
  for (std::size_t i = 0; i < v.size(); ++i) b.set(i, name(v[i]));
}
inline void write_list(capnp::List<capnp::Text>::Builder b, const std::vector<model_id>& v, output&) {
  for (std::size_t i = 0; i < v.size(); ++i) b.set(i, name(v[i]));
}

// ---------------------------------------------------------------- lists

template <class Builder, class T> void write_list(Builder b, const std::vector<T>& v, output& out) {
  for (std::size_t i = 0; i < v.size(); ++i) write(b[i], v[i], out);
}

template <class List, class T> void read_list(const List& r, std::vector<T>& v, input& in, std::size_t entries_max) {
  in.require(r.size() <= entries_max);
  in.charge(r.size() * sizeof(T));
  v.reserve(r.size());
  for (auto entry : r) read(entry, v.emplace_back(), in);
}

// ---------------------------------------------------------------- structs that several messages carry

void write_bytes(schema::Uuid::Builder b, const std::array<std::uint8_t, 16>& bytes);
void read_bytes(schema::Uuid::Reader r, std::array<std::uint8_t, 16>& bytes);

template <class Tag> void write(schema::Uuid::Builder b, const uuid_id<Tag>& v, output&) { write_bytes(b, v.bytes); }
template <class Tag> void read(schema::Uuid::Reader r, uuid_id<Tag>& v, input&) { read_bytes(r, v.bytes); }

void write(schema::Sha256::Builder b, const sha256_digest& v, output&);
void read(schema::Sha256::Reader r, sha256_digest& v, input&);

void write(schema::RenderParams::Builder b, const render_params& v, output&);
void read(schema::RenderParams::Reader r, render_params& v, input& in);

void write(schema::BatchKey::Builder b, const batch_key& v, output&);
void read(schema::BatchKey::Reader r, batch_key& v, input& in);

void write(schema::StoredObject::Builder b, const stored_object& v, output& out);
void read(schema::StoredObject::Reader r, stored_object& v, input& in);

void write(schema::SavedRun::Builder b, const saved_run& v, output& out);
void read(schema::SavedRun::Reader r, saved_run& v, input& in);

/// Most have none: the pointer stays null.
template <class Builder> void write_saved(Builder b, const saved_run& v, output& out) {
  if (v != saved_run{}) write(b.initSaved(), v, out);
}

void write(schema::RecoveryMark::Builder b, const recovery_mark& v, output& out);
void read(schema::RecoveryMark::Reader r, recovery_mark& v, input& in);

/// Likewise.
template <class Builder> void write_recovery(Builder b, const recovery_mark& v, output& out) {
  if (v != recovery_mark{}) write(b.initRecovery(), v, out);
}

void write(schema::JobRequest::Builder b, const job_request& v, output& out);
void read(schema::JobRequest::Reader r, job_request& v, input& in);

void write(schema::JobRecord::Builder b, const job_record& v, output& out);
void read(schema::JobRecord::Reader r, job_record& v, input& in);

void write(schema::WaitingJob::Builder b, const waiting_job& v, output& out);
void read(schema::WaitingJob::Reader r, waiting_job& v, input& in);

void write(schema::Pause::Builder b, const queue_pause& v, output& out);
void read(schema::Pause::Reader r, queue_pause& v, input& in);

void write(schema::BreakerStatus::Builder b, const breaker_status& v, output& out);
void read(schema::BreakerStatus::Reader r, breaker_status& v, input& in);

void write(schema::WorkerStatus::Builder b, const worker_status& v, output& out);
void read(schema::WorkerStatus::Reader r, worker_status& v, input& in);

} // namespace reel::wire
