// small_blocks.cpp: operator new and delete of the program reel-sim. A simulated job asks for some 300 small pieces of
// memory that live shortly; malloc, made for many threads and any size, was a fifth of the time of a run. Here a piece
// of up to `piece_most` bytes comes from a list of free ones of its size, and goes back there.
//
// One list for each size and thread; a piece goes back to the list of the thread that frees it. What the lists hold is
// kept until the program ends, so that it needs as much memory as it once used at a time. Larger pieces, and those with
// an alignment of their own, are malloc's. Not built with sanitizers: they look at every piece themselves.
#include <array>
#include <cstddef>
#include <cstdlib>
#include <new>

namespace {

constexpr std::size_t step = alignof(std::max_align_t), piece_most = 1024, chunk_bytes = 64 * 1024;

/// Before each piece: in which list it belongs, 0 where it is malloc's.
struct alignas(step) label {
  std::size_t list = 0;
};
static_assert(sizeof(label) == step);

struct free_piece {
  free_piece* next;
};

struct piece_lists {
  std::array<free_piece*, piece_most / step + 1> free{};
  std::byte* fresh = nullptr; ///< of the chunk that new pieces are cut off from
  std::size_t fresh_bytes = 0;
};
thread_local piece_lists lists;

void* labelled(void* memory, std::size_t list) {
  if (!memory) throw std::bad_alloc{};
  return new (memory) label{list} + 1;
}

/// What is left of the chunk before is too small for this piece, and is lost.
void* cut_off(std::size_t list) {
  const auto bytes = sizeof(label) + list * step;
  if (lists.fresh_bytes < bytes) {
    lists.fresh = static_cast<std::byte*>(std::malloc(chunk_bytes));
    lists.fresh_bytes = lists.fresh ? chunk_bytes : 0;
    if (!lists.fresh) throw std::bad_alloc{};
  }
  auto* memory = lists.fresh;
  lists.fresh += bytes;
  lists.fresh_bytes -= bytes;
  return labelled(memory, list);
}

} // namespace

void* operator new(std::size_t bytes) {
  const auto list = bytes == 0 ? 1 : (bytes + step - 1) / step;
  if (list >= lists.free.size()) return labelled(std::malloc(sizeof(label) + bytes), 0);
  auto*& first = lists.free[list];
  if (!first) return cut_off(list);
  auto* piece = first;
  first = piece->next;
  return piece;
}

void operator delete(void* piece) noexcept {
  if (!piece) return;
  auto* of = static_cast<label*>(piece) - 1;
  if (of->list == 0) return std::free(of);
  lists.free[of->list] = new (piece) free_piece{lists.free[of->list]};
}
void operator delete(void* piece, std::size_t) noexcept { operator delete(piece); }
