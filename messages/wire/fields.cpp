#include "messages/wire/fields.hpp"

#include "messages/wire/utf8.hpp"

namespace reel::wire {

namespace {

std::uint64_t load(const std::uint8_t* bytes) {
  std::uint64_t word = 0;
  for (int i = 0; i < 8; ++i) word = word << 8 | bytes[i];
  return word;
}

void store(std::uint64_t word, std::uint8_t* bytes) {
  for (int i = 7; i >= 0; --i, word >>= 8) bytes[i] = static_cast<std::uint8_t>(word);
}

/// "node/slot", both of them names.
bool is_worker_name(std::string_view s) {
  const auto slash = s.find('/');
  return slash != s.npos && is_valid_name(s.substr(0, slash)) && is_valid_name(s.substr(slash + 1));
}

} // namespace

capnp::Text::Reader note(const std::string& s, output& out) {
  if (s.size() <= note_bytes_max && is_well_formed(s)) return text(s);
  out.cleaned = make_well_formed(s, note_bytes_max);
  return text(out.cleaned);
}

std::string input::text(capnp::Text::Reader r, std::size_t bytes_max) {
  const std::string_view s{r.begin(), r.size()};
  require(s.size() <= bytes_max && is_well_formed(s));
  if (s.size() > std::string{}.capacity()) charge(s.size() + 1);
  return std::string{s};
}

std::string input::checked_name(capnp::Text::Reader r, bool of_worker) {
  const std::string_view s{r.begin(), r.size()};
  require(s.empty() || (of_worker ? is_worker_name(s) : is_valid_name(s)));
  if (s.size() > std::string{}.capacity()) charge(s.size() + 1);
  return std::string{s};
}

void write_bytes(schema::Uuid::Builder b, const std::array<std::uint8_t, 16>& bytes) {
  b.setHigh(load(bytes.data()));
  b.setLow(load(bytes.data() + 8));
}

void read_bytes(schema::Uuid::Reader r, std::array<std::uint8_t, 16>& bytes) {
  store(r.getHigh(), bytes.data());
  store(r.getLow(), bytes.data() + 8);
}

void write(schema::Sha256::Builder b, const sha256_digest& v, output&) {
  b.setA(load(v.bytes.data()));
  b.setB(load(v.bytes.data() + 8));
  b.setC(load(v.bytes.data() + 16));
  b.setD(load(v.bytes.data() + 24));
}

void read(schema::Sha256::Reader r, sha256_digest& v, input&) {
  store(r.getA(), v.bytes.data());
  store(r.getB(), v.bytes.data() + 8);
  store(r.getC(), v.bytes.data() + 16);
  store(r.getD(), v.bytes.data() + 24);
}

} // namespace reel::wire
