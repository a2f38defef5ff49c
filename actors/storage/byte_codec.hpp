// byte_codec.hpp: The bytes of what the ledger keeps for years: varints, length-prefixed text, tagged fields.
// Own and small, because a stored row must stay readable when the wire format of messages/ moves on.
//
// A record is a list of fields (tag, length, content): a reader skips tags it does not know and keeps the
// default for those that are missing, so that fields can be added without a new version. Reading never goes
// past the end: after the first mistake `good()` is false and every value is empty.
#pragma once

#include <concepts>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace reel::stored {

class byte_writer {
public:
  explicit byte_writer(std::string& out) : out_{out} {}

  void varint(std::uint64_t value) {
    char digits[10];
    std::size_t size = 0;
    for (; value >= 0x80; value >>= 7) digits[size++] = static_cast<char>(value | 0x80);
    digits[size++] = static_cast<char>(value);
    out_.append(digits, size);
  }
  void signed_varint(std::int64_t value) {
    varint(static_cast<std::uint64_t>(value) << 1 ^ static_cast<std::uint64_t>(value >> 63));
  }
  void text(std::string_view value) {
    varint(value.size());
    out_ += value;
  }
  /// Fixed size, as it lies in memory: little-endian on every machine this is built for.
  template <class T>
  requires std::is_trivially_copyable_v<T>
  void raw(const T& value) { out_.append(reinterpret_cast<const char*>(&value), sizeof value); }

  void field(std::uint32_t tag, std::string_view content) {
    varint(tag);
    text(content);
  }

private:
  std::string& out_;
};

class byte_reader {
public:
  explicit byte_reader(std::string_view in) : in_{in} {}

  bool good() const { return good_; }
  std::size_t left() const { return in_.size(); }
  bool at_end() const { return in_.empty(); }

  std::uint64_t varint() {
    std::uint64_t value = 0;
    for (int shift = 0; shift < 64 && !in_.empty(); shift += 7) {
      auto byte = static_cast<std::uint8_t>(in_.front());
      in_.remove_prefix(1);
      value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    fail();
    return 0;
  }
  std::int64_t signed_varint() {
    auto value = varint();
    return static_cast<std::int64_t>(value >> 1) ^ -static_cast<std::int64_t>(value & 1);
  }
  std::string_view text() { return take(varint()); }

  template <class T>
  requires std::is_trivially_copyable_v<T> T raw() {
    T value{};
    auto bytes = take(sizeof value);
    if (bytes.size() == sizeof value) std::memcpy(&value, bytes.data(), sizeof value);
    return value;
  }

private:
  std::string_view take(std::uint64_t size) {
    if (size > in_.size()) {
      fail();
      return {};
    }
    auto head = in_.substr(0, static_cast<std::size_t>(size));
    in_.remove_prefix(head.size());
    return head;
  }
  void fail() {
    good_ = false;
    in_ = {};
  }

  std::string_view in_;
  bool good_ = true;
};

} // namespace reel::stored
