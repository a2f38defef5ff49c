// blob.hpp: Bytes that many may read and nobody changes: a video, a thumbnail, a latent. Copying a blob shares the
// bytes. Across nodes a blob travels as a frame of its own beside the Cap'n Proto message, without a copy.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

namespace reel {

class blob {
public:
  blob() = default;

  explicit blob(std::vector<std::uint8_t> bytes) {
    auto owner = std::make_shared<const std::vector<std::uint8_t>>(std::move(bytes));
    size_ = owner->size();
    data_ = std::shared_ptr<const std::uint8_t>{owner, owner->data()};
  }

  /// Shares bytes that somebody else owns, for example a received frame.
  blob(std::shared_ptr<const std::uint8_t> data, std::size_t size) : data_{std::move(data)}, size_{size} {}

  static blob copy_of(std::string_view text) { return blob{std::vector<std::uint8_t>{text.begin(), text.end()}}; }

  const std::uint8_t* data() const { return data_.get(); }
  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  std::span<const std::uint8_t> bytes() const { return {data_.get(), size_}; }
  const std::shared_ptr<const std::uint8_t>& owner() const { return data_; }

  bool operator==(const blob& other) const { return std::ranges::equal(bytes(), other.bytes()); }

private:
  std::shared_ptr<const std::uint8_t> data_;
  std::size_t size_ = 0;
};

} // namespace reel
