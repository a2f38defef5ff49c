// cpu_kernels_test.cpp: The CPU's own attention, products and GELU give what LibTorch's give, for sizes that fill no
// register tile too, with and without wide vectors; and a row's result does not depend on the others.
#include "tests/worker/wan/golden.hpp" // first: see there

#include <cmath>

#include "actors/worker/wan/cpu_kernels.hpp"

using namespace reel::wan;
using namespace reel::wan::testing;

namespace {

/// Contiguous [heads, rows, head_dim].
template <class T> head_view<T> view(const at::Tensor& t) { return {t.data_ptr<float>(), t.stride(0), t.stride(1)}; }

at::Tensor attended(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, float scale, vector_set set) {
  attention_shape shape{q.size(0), q.size(2)};
  auto packed = at::empty({packed_floats(shape, k.size(1))});
  pack_keys_cpu(shape, view<const float>(k), view<const float>(v), k.size(1), packed.data_ptr<float>());
  auto out = at::empty_like(q);
  attention_job job{view<const float>(q), view<float>(out), packed.data_ptr<float>(), k.size(1)};
  attend_cpu(shape, {&job, 1}, q.size(1), scale, set);
  return out;
}

at::Tensor expected(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, float scale) {
  auto scores = at::bmm(q.to(at::kDouble), k.to(at::kDouble).transpose(1, 2)).mul(scale);
  return at::bmm(at::softmax(scores, -1), v.to(at::kDouble)).to(at::kFloat);
}

} // namespace

TEST_CASE("attention is softmax(q k) v for every size, with any vectors") {
  compute_scope scope;
  at::manual_seed(1);
  struct size {
    std::int64_t heads, queries, keys, head_dim;
  };
  for (auto [heads, queries, keys, head_dim] : {size{1, 1, 1, 2},
                                                {3, 7, 5, 10},
                                                {2, 48, 128, 16},
                                                {2, 50, 129, 20},
                                                {4, 100, 300, 64},
                                                {1, 13, 1000, 384},
                                                {5, 96, 16, 128}}) {
    auto q = at::randn({heads, queries, head_dim}), k = at::randn({heads, keys, head_dim}),
         v = at::randn({heads, keys, head_dim});
    auto scale = 1 / std::sqrt(static_cast<float>(head_dim));
    for (auto set : {vector_set::best, vector_set::avx2, vector_set::portable}) {
      INFO(heads << " heads, " << queries << " queries, " << keys << " keys of " << head_dim);
      CHECK(difference(attended(q, k, v, scale, set), expected(q, k, v, scale)) < 2e-6);
    }
  }
}

TEST_CASE("attention bears scores far apart and far from zero") {
  compute_scope scope;
  at::manual_seed(2);
  auto q = at::randn({2, 30, 32}).mul(20), k = at::randn({2, 400, 32}).mul(20), v = at::randn({2, 400, 32});
  CHECK(difference(attended(q, k, v, 1, vector_set::best), expected(q, k, v, 1)) < 1e-3); // scores near 10^4 in float
  auto same = at::full({1, 20, 16}, 30.0);
  auto values = at::randn({1, 20, 16});
  CHECK(difference(attended(same, same, values, 1, vector_set::best), values.mean(1, true).expand({1, 20, 16})) < 1e-6);
}

TEST_CASE("a row of attention is bit for bit the same whatever is computed beside it, on any number of threads") {
  compute_scope scope;
  at::manual_seed(3);
  auto q = at::randn({4, 200, 64}), k = at::randn({4, 700, 64}), v = at::randn({4, 700, 64});
  auto all = attended(q, k, v, 0.1f, vector_set::best);
  with_threads two{2};
  CHECK(at::equal(all, attended(q, k, v, 0.1f, vector_set::best)));
  auto part = attended(q.narrow(1, 77, 5).contiguous(), k, v, 0.1f, vector_set::best);
  CHECK(at::equal(all.narrow(1, 77, 5), part));
}

TEST_CASE("what is not a number stays visible after attention") {
  compute_scope scope;
  auto q = at::ones({1, 3, 8}), k = at::ones({1, 20, 8}), v = at::ones({1, 20, 8});
  q[0][1][4] = std::nan("");
  auto out = attended(q, k, v, 1, vector_set::best);
  CHECK(out[0][0].isfinite().all().item<bool>());
  CHECK(out[0][1].isnan().all().item<bool>());
}

TEST_CASE("GELU is LibTorch's, at the ends of float's range too, wherever a number stands") {
  compute_scope scope;
  at::manual_seed(4);
  for (std::int64_t n : {1, 8, 13, 5000, 70000})
    for (auto set : {vector_set::best, vector_set::avx2, vector_set::portable}) {
      auto x = at::randn({n}).mul(4);
      auto y = x.clone();
      gelu_tanh_cpu(y.data_ptr<float>(), n, set);
      CHECK(difference(y, at::gelu(x, "tanh")) < 2e-6);
      auto last = x.narrow(0, n - 1, 1).clone();
      gelu_tanh_cpu(last.data_ptr<float>(), 1, set);
      CHECK(at::equal(last, y.narrow(0, n - 1, 1)));
    }
  float far[] = {-1e30f, -1e4f, -20, 0, 20, 1e4f, 1e30f};
  gelu_tanh_cpu(far, 7);
  for (int i = 0; i < 4; ++i) CHECK(std::abs(far[i]) < 1e-6f);
  CHECK(far[4] == 20);
  CHECK(far[5] == 1e4f);
  CHECK(far[6] == 1e30f);
}

TEST_CASE("a product is x W^T + b for every size, with any vectors") {
  compute_scope scope;
  at::manual_seed(5);
  struct size {
    std::int64_t rows, in, out;
  };
  for (auto [rows, in, out] :
       {size{1, 1, 1}, {7, 5, 3}, {6, 64, 16}, {50, 100, 33}, {200, 600, 130}, {13, 1100, 257}, {400, 48, 700}}) {
    auto x = at::randn({rows, in}), w = at::randn({out, in}), b = at::randn({out}), y = at::empty({rows, out});
    auto exact = at::addmm(b.to(at::kDouble), x.to(at::kDouble), w.to(at::kDouble).t());
    linear_job job{x.data_ptr<float>(), rows, in, out, w.data_ptr<float>(), b.data_ptr<float>(), y.data_ptr<float>()};
    for (auto set : {vector_set::best, vector_set::avx2, vector_set::portable}) {
      INFO(rows << " rows, " << in << " to " << out);
      linear_cpu(job, set);
      CHECK(difference(y, exact) < 1e-6 * static_cast<double>(in) + 1e-5);
    }
    job.bias = nullptr;
    linear_cpu(job);
    CHECK(difference(y, exact.sub(b)) < 1e-6 * static_cast<double>(in) + 1e-5);
  }
}

TEST_CASE("a row of a product is bit for bit the same in any company, on any number of threads") {
  compute_scope scope;
  at::manual_seed(6);
  auto x = at::randn({211, 700}), w = at::randn({150, 700}), b = at::randn({150});
  linear layer{.weight = w, .bias = b};
  auto all = layer(x);
  with_threads two{2};
  CHECK(at::equal(all, layer(x)));
  for (std::int64_t first : {0, 5, 100, 210})
    CHECK(at::equal(all.narrow(0, first, 1), layer(x.narrow(0, first, 1).contiguous())));
}
