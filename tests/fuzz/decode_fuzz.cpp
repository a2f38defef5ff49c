// decode_fuzz.cpp: Feeds any bytes to the decoder of any message. The first two bytes choose the message, the
// rest is the body. Goal: no crash, no exception, no read outside the body, and what decodes survives being
// sent on.
//
// One entry point, two programs: `decode_fuzz` is a libFuzzer program (clang, REEL_FUZZ=ON), `fuzz_replay`
// (replay.cpp) is an ordinary one that ctest runs over the collected corpus. To fuzz, on Debian 12 (13:
// libclang-rt-19-dev):
//
//   apt install clang libclang-rt-14-dev
//   export CC=clang CXX=clang++
//   cmake --preset release -B build/fuzz -DREEL_FUZZ=ON -DREEL_SANITIZE=address,undefined
//   cmake --build build/fuzz --target decode_fuzz fuzz_replay
//   mkdir -p build/fuzz/found && build/fuzz/bin/fuzz_replay --write-seeds build/fuzz/found
//   build/fuzz/bin/decode_fuzz -max_len=4096 -max_total_time=300 build/fuzz/found tests/data/wire/corpus
//   build/fuzz/bin/decode_fuzz -set_cover_merge=1 -use_counters=0 tests/data/wire/corpus build/fuzz/found
//
// The last line adds to the corpus only what reaches new code. What crashes goes there too, together with its
// repair.
#include <algorithm>
#include <cstdlib>
#include <iterator>
#include <memory>

#include "messages/wire/codec.hpp"

namespace {

using namespace reel;

using trial = void (*)(std::span<const std::uint8_t> body, std::span<const blob> attachments);

template <class Message> void try_message(std::span<const std::uint8_t> body, std::span<const blob> attachments) {
  const auto m = wire::decode<Message>(body, attachments);
  if (!m) return;
  const auto sent_on = wire::encode(*m);
  const auto back = wire::decode<Message>(sent_on.body.bytes(), sent_on.attachments);
  if (!back || !(*back == *m)) std::abort();
}

constexpr trial trials[] = {
#define REEL_FUZZ_TRIAL(number, message, Struct) try_message<message>,
    REEL_MESSAGES(REEL_FUZZ_TRIAL)
#undef REEL_FUZZ_TRIAL
};

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  static const std::vector<blob> attachments = {blob::copy_of(""), blob::copy_of("four"),
                                                blob::copy_of(std::string(20, 'b'))};
  const auto run = trials[(data[0] | data[1] << 8) % std::size(trials)];
  const std::span<const std::uint8_t> body{data + 2, size - 2};
  run(body, attachments);                                       // not aligned: copied by the decoder
  auto aligned = std::make_unique<std::uint8_t[]>(body.size()); // exactly as large: one byte too far is seen
  std::copy(body.begin(), body.end(), aligned.get());
  run({aligned.get(), body.size()}, attachments);
  return 0;
}
