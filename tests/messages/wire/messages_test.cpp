// messages_test.cpp: The schemas and the C++ structs agree: numbers and names of messages and of every
// enumerant. Method: the generated code's own description of the schema, camelCase names turned into
// snake_case.
#include <algorithm>
#include <capnp/schema.h>
#include <catch2/catch_test_macros.hpp>

#include "messages/wire/breakers.capnp.h"
#include "messages/wire/cluster.capnp.h"
#include "messages/wire/dead_letters.capnp.h"
#include "messages/wire/messages.capnp.h"
#include "messages/wire/operators.capnp.h"
#include "messages/wire/scheduler.capnp.h"
#include "messages/wire/storage.capnp.h"
#include "messages/wire/worker.capnp.h"
#include "tests/messages/wire/every_message.hpp"

using namespace reel;
using namespace reel::wire;
using namespace reel::wire::testing;

namespace {

std::string snake_case(kj::StringPtr camel) {
  std::string text;
  for (char c : camel)
    if (c >= 'A' && c <= 'Z')
      text += {'_', static_cast<char>(c - 'A' + 'a')};
    else
      text += c;
  return text;
}

template <class Enum> std::vector<std::string> enumerants() {
  std::vector<std::string> names;
  for (auto e : capnp::Schema::from<Enum>().getEnumerants()) names.push_back(snake_case(e.getProto().getName()));
  return names;
}

template <class Cpp, class Enum> void check_same() {
  const auto names = enumerants<Enum>();
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (names[i].starts_with("reserved")) continue;
    const auto name = to_string(static_cast<Cpp>(i));
    CHECK((name == names[i] || (name == "dpm++" && names[i] == "dpmpp")));
  }
  CHECK(to_string(static_cast<Cpp>(names.size())) == "unknown");
}

} // namespace

TEST_CASE("the table of messages is MessageType") {
  const auto names = enumerants<schema::MessageType>();
  std::size_t messages = 0;
  for_each_message([&]<class Message>() {
    const auto number = type_of<Message>();
    REQUIRE(number < names.size());
    CHECK(names[number] == type_name(number));
    ++messages;
  });
  auto is_reserved = [](const std::string& name) { return name.starts_with("reserved"); };
  messages += static_cast<std::size_t>(std::ranges::count_if(names, is_reserved));
  CHECK(messages + 1 == names.size()); // and `none`
  CHECK(type_name(0) == "unknown");
  CHECK(type_name(static_cast<std::uint16_t>(names.size())) == "unknown");
  CHECK(type_name(0xFFFF) == "unknown");
}

TEST_CASE("enumerants have the same numbers and names on both sides") {
  check_same<job_class, schema::JobClass>();
  check_same<job_state, schema::JobState>();
  check_same<sampler_kind, schema::Sampler>();
  check_same<verdict, schema::Verdict>();
  check_same<quota_kind, schema::QuotaKind>();
  check_same<history_part, schema::HistoryPart>();
  check_same<note_kind, schema::NoteKind>();
  check_same<note_state, schema::NoteState>();
  check_same<run_phase, schema::RunPhase>();
  check_same<worker_state, schema::WorkerState>();
  check_same<wait_reason, schema::WaitReason>();
  check_same<event_kind, schema::EventKind>();
  check_same<peer_state, schema::PeerState>();
  check_same<degrade_reason, schema::DegradeReason>();
  check_same<breaker_state, schema::BreakerState>();
  check_same<breaker_order, schema::BreakerOrder>();
  check_same<action_kind, schema::ActionKind>();
}

TEST_CASE("no exception can leave decode") {
  for_each_message([]<class Message>() {
    static_assert(noexcept(decode<Message>(std::span<const std::uint8_t>{}, std::span<const blob>{})));
  });
}
