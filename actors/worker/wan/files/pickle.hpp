// pickle.hpp: Reads the Python pickles that torch.save writes, and nothing else. A pickle is a program, and Python's
// reader runs it: whatever function it names is called. This one calls nothing: it knows the three names that make a
// dictionary of tensors and the names of storage types, and refuses every other.
//
// Bounds: a pickle of at most pickle_bytes_max; values live in one flat table, at most one per instruction, so that
// neither nesting nor cycles can exhaust the stack.
//
// Format: Python's pickletools; torch/_utils.py and torch/serialization.py for what the tensors are made of.
#pragma once

#include <deque>
#include <unordered_map>
#include <vector>

#include "actors/worker/wan/files/tensor_map.hpp"

namespace reel::wan {

inline constexpr std::size_t pickle_bytes_max = 64u << 20; // the released text encoder's has 0.04 MB

/// A tensor as the pickle tells it: a part of a storage that lies elsewhere in the file.
struct pickled_tensor {
  element type = element::f32;
  std::string storage;            ///< its key
  std::int64_t storage_count = 0; ///< elements
  std::int64_t offset = 0;        ///< of the first element, in elements
  std::vector<std::int64_t> shape, strides;
};

class pickle_reader {
public:
  enum class kind : std::uint8_t {
    none,
    boolean,
    number,
    large_number, ///< beyond 64 bits; `text` are its little-endian bytes
    text,
    name, ///< of a function or type: "torch FloatStorage"
    tuple,
    list,
    dictionary, ///< items: key, value, key, value
    storage,
    tensor,
    mark,
  };
  using index = std::size_t; ///< of a value in the table
  struct value {
    kind is = kind::none;
    std::int64_t number = 0;
    std::string text;
    std::vector<index> items;
    pickled_tensor tensor;
  };

  /// `bytes` are a part of `file`, which is named in complaints.
  pickle_reader(const mapped_file& file, std::string_view bytes);

  /// The next pickle. Throws render_error(corrupt | unsupported).
  const value& load();

  const value& at(index i) const { return values_[i]; }

  /// The bytes behind the last pickle.
  std::string_view rest() const { return rest_; }

  [[noreturn]] void refuse(const std::string& why) const;

private:
  bool run_instruction(); ///< false: it was the last one
  bool run_constant(char code);
  bool run_container(char code);
  bool run_memory(char code);
  bool run_call(char code);

  std::string_view take(std::size_t bytes);
  std::uint64_t take_unsigned(std::size_t bytes);
  std::string_view take_line();

  void push(value v);
  void push_text(std::size_t length_bytes);
  index pop();
  std::vector<index> pop_to_mark();
  value& top_container(kind wanted);
  void make_tuple(std::vector<index> items);
  void make_long();
  void append(std::vector<index> items);
  void set_items(std::vector<index> items);
  void remember(std::uint64_t slot);
  void recall(std::uint64_t slot);

  void call();
  void make_storage();
  value rebuilt_tensor(const std::vector<index>& arguments) const;
  std::vector<std::int64_t> numbers_of(index tuple) const;
  const value& expect(index i, kind wanted, const char* what) const;

  const mapped_file& file_;
  std::string_view rest_;
  std::size_t bytes_read_ = 0;
  std::deque<value> values_;
  std::vector<index> stack_;
  std::unordered_map<std::uint64_t, index> memory_;
};

} // namespace reel::wan
