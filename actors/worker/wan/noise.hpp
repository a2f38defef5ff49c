// noise.hpp: Standard normal numbers from a seed, the same on every machine, device and LibTorch version, so
// that a seed names one video. (torch.randn gives other numbers on a GPU than on a CPU and promises nothing
// between versions.)
//
// Generator: Philox4x32-10 (J. Salmon, M. Moraes, R. Dror, D. Shaw: "Parallel random numbers: as easy as 1,
// 2, 3", SC'11). Key = the seed (low word first); counter = {block low, block high, 0, 0}. Block b gives the
// values 4b .. 4b+3: Box-Muller (G. Box, M. Muller, 1958) of its words (0, 1) and (2, 3):
//   r = sqrt(-2 ln((w0 + 1) / 2^32)), angle = 2 pi w1 / 2^32, values r cos(angle), r sin(angle),
// computed in double and rounded to float. Pure; any thread.
#pragma once

#include <array>
#include <cstdint>
#include <span>

namespace reel::wan {

using philox_counter = std::array<std::uint32_t, 4>;
using philox_key = std::array<std::uint32_t, 2>;

/// Ten rounds of the generator's bijection.
philox_counter philox4x32(philox_counter counter, philox_key key);

/// Fills `out` with the first values of the seed's sequence.
void fill_normal(std::uint64_t seed, std::span<float> out);

} // namespace reel::wan
