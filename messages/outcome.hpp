// outcome.hpp: A value, or why there is none. For expected trouble (bad input, network); a broken invariant throws.
#pragma once

#include <type_traits>
#include <utility>
#include <variant>

namespace reel {

/// Marks the failure side, so that `return failed{errc::not_found};` reads as what it is.
template <class E> struct failed { E why; };
template <class E> failed(E) -> failed<E>;

/// Holds a T or an E. Reading the side that is not there throws std::bad_variant_access.
template <class T, class E> class [[nodiscard]] outcome {
public:
  outcome(T value) : side_{std::in_place_index<0>, std::move(value)} {}
  template <class F>
  requires std::is_convertible_v<F, E> outcome(failed<F> f) : side_{std::in_place_index<1>, std::move(f.why)} {}

  explicit operator bool() const { return side_.index() == 0; }
  bool has_value() const { return side_.index() == 0; }

  T& operator*() & { return std::get<0>(side_); }
  const T& operator*() const& { return std::get<0>(side_); }
  T&& operator*() && { return std::get<0>(std::move(side_)); }
  T* operator->() { return &std::get<0>(side_); }
  const T* operator->() const { return &std::get<0>(side_); }

  const E& error() const { return std::get<1>(side_); }
  E& error() { return std::get<1>(side_); }

private:
  std::variant<T, E> side_;
};

} // namespace reel
