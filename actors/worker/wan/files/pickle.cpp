#include "actors/worker/wan/files/pickle.hpp"

#include <algorithm>
#include <cstring>

#include "actors/worker/renderer.hpp"

namespace reel::wan {
namespace {

constexpr std::size_t values_max = 1u << 20; // the released files have up to 20,000
constexpr std::size_t name_bytes_max = 1000;

struct storage_name {
  std::string_view name;
  element type;
};
constexpr storage_name storage_names[] = {{"torch FloatStorage", element::f32},
                                          {"torch HalfStorage", element::f16},
                                          {"torch BFloat16Storage", element::bf16},
                                          {"torch DoubleStorage", element::f64},
                                          {"torch LongStorage", element::i64}};
constexpr std::string_view ordered_dict = "collections OrderedDict";
constexpr std::string_view rebuild_tensor = "torch._utils _rebuild_tensor_v2";
constexpr std::string_view rebuild_parameter = "torch._utils _rebuild_parameter";

bool is_allowed(std::string_view name) {
  return name == ordered_dict || name == rebuild_tensor || name == rebuild_parameter ||
         std::ranges::any_of(storage_names, [name](auto& s) { return s.name == name; });
}

} // namespace

pickle_reader::pickle_reader(const mapped_file& file, std::string_view bytes) : file_{file}, rest_{bytes} {}

void pickle_reader::refuse(const std::string& why) const { file_.refuse("pickle: " + why); }

const pickle_reader::value& pickle_reader::load() {
  stack_.clear();
  memory_.clear();
  while (run_instruction()) {
  }
  return at(pop());
}

bool pickle_reader::run_instruction() {
  auto code = take(1).front();
  if (code == '.') return false; // STOP
  if (code == '\x80') {          // PROTO
    if (auto version = take_unsigned(1); version > 5) refuse("protocol " + std::to_string(version));
    return true;
  }
  if (code == '\x95') { // FRAME: only tells how much to read ahead
    take(8);
    return true;
  }
  if (run_constant(code) || run_container(code) || run_memory(code) || run_call(code)) return true;
  refuse("instruction " + std::to_string(static_cast<unsigned char>(code)) + " is none that torch.save writes");
}

bool pickle_reader::run_constant(char code) {
  switch (code) {
  case 'N': push({.is = kind::none}); return true;
  case '\x88': push({.is = kind::boolean, .number = 1}); return true;                                       // NEWTRUE
  case '\x89': push({.is = kind::boolean, .number = 0}); return true;                                       // NEWFALSE
  case 'K': push({.is = kind::number, .number = static_cast<std::int64_t>(take_unsigned(1))}); return true; // BININT1
  case 'M': push({.is = kind::number, .number = static_cast<std::int64_t>(take_unsigned(2))}); return true; // BININT2
  case 'J': push({.is = kind::number, .number = static_cast<std::int32_t>(take_unsigned(4))}); return true; // BININT
  case '\x8a': make_long(); return true;                                                                    // LONG1
  case 'X': push_text(4); return true;    // BINUNICODE
  case '\x8c': push_text(1); return true; // SHORT_BINUNICODE
  case 'U': push_text(1); return true;    // SHORT_BINSTRING: Python 2's
  default: return false;
  }
}

bool pickle_reader::run_container(char code) {
  switch (code) {
  case '(': push({.is = kind::mark}); return true;
  case ')': make_tuple({}); return true;
  case 't': make_tuple(pop_to_mark()); return true;
  case '\x85':
  case '\x86':
  case '\x87': { // TUPLE1 to TUPLE3
    std::vector<index> items(static_cast<std::size_t>(static_cast<unsigned char>(code) - 0x84));
    for (auto i = items.size(); i-- > 0;) items[i] = pop();
    make_tuple(std::move(items));
    return true;
  }
  case ']': push({.is = kind::list}); return true;
  case '}': push({.is = kind::dictionary}); return true;
  case 'a': append({pop()}); return true;
  case 'e': append(pop_to_mark()); return true;
  case 's': { // SETITEM
    auto held = pop(), key = pop();
    set_items({key, held});
    return true;
  }
  case 'u': set_items(pop_to_mark()); return true;
  case '0': pop(); return true;
  default: return false;
  }
}

bool pickle_reader::run_memory(char code) {
  switch (code) {
  case 'q': remember(take_unsigned(1)); return true;
  case 'r': remember(take_unsigned(4)); return true;
  case '\x94': remember(memory_.size()); return true; // MEMOIZE
  case 'h': recall(take_unsigned(1)); return true;
  case 'j': recall(take_unsigned(4)); return true;
  default: return false;
  }
}

bool pickle_reader::run_call(char code) {
  switch (code) {
  case 'c':      // GLOBAL
  case '\x93': { // STACK_GLOBAL
    std::string module, name;
    if (code == 'c') {
      module = take_line();
      name = take_line();
    } else {
      name = expect(pop(), kind::text, "a name").text;
      module = expect(pop(), kind::text, "a module").text;
    }
    auto full = (module + ' ' + name).substr(0, 200);
    if (!is_allowed(full))
      throw render_error{errc::unsupported, file_.path().string() + ": pickle: asks for \"" + full +
                                                "\"; only tensors in a dictionary are read, and nothing is run"};
    push({.is = kind::name, .text = full});
    return true;
  }
  case 'R': call(); return true;
  case 'Q': make_storage(); return true; // BINPERSID
  case 'b': pop(); return true;          // BUILD: attributes of a dictionary (_metadata), which hold no tensors
  default: return false;
  }
}

std::string_view pickle_reader::take(std::size_t bytes) {
  if (bytes > rest_.size()) refuse("cut off");
  if ((bytes_read_ += bytes) > pickle_bytes_max) refuse("more than " + std::to_string(pickle_bytes_max) + " bytes");
  auto out = rest_.substr(0, bytes);
  rest_.remove_prefix(bytes);
  return out;
}

std::uint64_t pickle_reader::take_unsigned(std::size_t bytes) {
  std::uint64_t out = 0;
  auto text = take(bytes);
  for (auto i = bytes; i-- > 0;) out = out << 8 | static_cast<unsigned char>(text[i]);
  return out;
}

std::string_view pickle_reader::take_line() {
  auto end = rest_.substr(0, name_bytes_max).find('\n');
  if (end == std::string_view::npos) refuse("a name without an end");
  auto line = take(end);
  take(1);
  return line;
}

void pickle_reader::push(value v) {
  if (values_.size() == values_max) refuse("more than " + std::to_string(values_max) + " values");
  values_.push_back(std::move(v));
  stack_.push_back(values_.size() - 1);
}

void pickle_reader::push_text(std::size_t length_bytes) {
  auto length = take_unsigned(length_bytes);
  push({.is = kind::text, .text = std::string{take(length)}});
}

pickle_reader::index pickle_reader::pop() {
  if (stack_.empty()) refuse("takes a value from an empty stack");
  auto out = stack_.back();
  stack_.pop_back();
  return out;
}

std::vector<pickle_reader::index> pickle_reader::pop_to_mark() {
  std::vector<index> out;
  for (auto i = pop(); at(i).is != kind::mark; i = pop()) out.push_back(i);
  std::ranges::reverse(out);
  return out;
}

pickle_reader::value& pickle_reader::top_container(kind wanted) {
  if (stack_.empty() || at(stack_.back()).is != wanted) refuse("adds to what is no list or dictionary");
  return values_[stack_.back()];
}

void pickle_reader::make_tuple(std::vector<index> items) { push({.is = kind::tuple, .items = std::move(items)}); }

void pickle_reader::make_long() {
  auto size = take_unsigned(1);
  auto bytes = take(size);
  if (size > 8) {
    push({.is = kind::large_number, .text = std::string{bytes}});
    return;
  }
  std::uint64_t bits = size > 0 && (bytes.back() & 0x80) != 0 ? ~std::uint64_t{0} : 0; // the sign goes on to the left
  for (auto i = size; i-- > 0;) bits = bits << 8 | static_cast<unsigned char>(bytes[i]);
  push({.is = kind::number, .number = static_cast<std::int64_t>(bits)});
}

void pickle_reader::append(std::vector<index> items) {
  auto& to = top_container(kind::list).items;
  to.insert(to.end(), items.begin(), items.end());
}

void pickle_reader::set_items(std::vector<index> items) {
  if (items.size() % 2) refuse("a key without a value");
  auto& to = top_container(kind::dictionary).items;
  to.insert(to.end(), items.begin(), items.end());
}

void pickle_reader::remember(std::uint64_t slot) {
  if (stack_.empty()) refuse("remembers nothing");
  memory_[slot] = stack_.back();
}

void pickle_reader::recall(std::uint64_t slot) {
  auto found = memory_.find(slot);
  if (found == memory_.end()) refuse("recalls what was never remembered");
  if (stack_.size() == values_max) refuse("a stack of more than " + std::to_string(values_max) + " values");
  stack_.push_back(found->second);
}

const pickle_reader::value& pickle_reader::expect(index i, kind wanted, const char* what) const {
  if (at(i).is != wanted) refuse(std::string{"expected "} + what);
  return at(i);
}

void pickle_reader::call() {
  auto& arguments = expect(pop(), kind::tuple, "arguments").items;
  auto& function = expect(pop(), kind::name, "a function").text;
  if (function == ordered_dict && arguments.empty()) return push({.is = kind::dictionary});
  if (function == rebuild_tensor) return push(rebuilt_tensor(arguments));
  if (function == rebuild_parameter && !arguments.empty())
    return push(value{expect(arguments[0], kind::tensor, "a tensor")});
  refuse("calls " + function + " in an unknown way");
}

/// ("storage", type, key, device, elements[, view]): torch.save's way to point at bytes outside the pickle.
void pickle_reader::make_storage() {
  auto& items = expect(pop(), kind::tuple, "a storage").items;
  if (items.size() < 5 || at(items[0]).text != "storage" || (items.size() > 5 && at(items[5]).is != kind::none))
    refuse("a storage of an unknown form");
  auto& type = expect(items[1], kind::name, "a storage type").text;
  auto found = std::ranges::find(storage_names, type, &storage_name::name);
  if (found == std::end(storage_names)) refuse("a storage of type " + type);
  value v{.is = kind::storage};
  v.tensor.type = found->type;
  v.tensor.storage = expect(items[2], kind::text, "a storage's key").text;
  if (v.tensor.storage.size() > name_bytes_max)
    refuse("a storage's key of " + std::to_string(v.tensor.storage.size()) + " bytes");
  v.tensor.storage_count = expect(items[4], kind::number, "a storage's size").number;
  push(std::move(v));
}

/// (storage, offset, shape, strides, requires_grad, hooks)
pickle_reader::value pickle_reader::rebuilt_tensor(const std::vector<index>& arguments) const {
  if (arguments.size() < 4) refuse("a tensor of an unknown form");
  value v{.is = kind::tensor, .tensor = expect(arguments[0], kind::storage, "a storage").tensor};
  v.tensor.offset = expect(arguments[1], kind::number, "an offset").number;
  v.tensor.shape = numbers_of(arguments[2]);
  v.tensor.strides = numbers_of(arguments[3]);
  return v;
}

std::vector<std::int64_t> pickle_reader::numbers_of(index tuple) const {
  auto& items = expect(tuple, kind::tuple, "numbers").items;
  if (items.size() > dimensions_max) refuse("a tensor of " + std::to_string(items.size()) + " dimensions");
  std::vector<std::int64_t> out;
  for (auto i : items) out.push_back(expect(i, kind::number, "a number").number);
  return out;
}

} // namespace reel::wan
