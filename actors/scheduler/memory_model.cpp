#include "actors/scheduler/memory_model.hpp"

namespace reel {

namespace {

/// Where there is no prior: peaks published for the reference model, in units of a batch of one.
const prior_curve usual_form{{{1, 20.0 / 20}, {4, 36.0 / 20}, {8, 72.0 / 20}}};

/// Steps come one after the other: they cost no memory.
batch_key without_steps(batch_key key) {
  key.steps = 0;
  key.forget_who();
  return key;
}

} // namespace

double memory_model::form(const batch_key& key, std::size_t jobs) const {
  auto found = priors_.find(key.model);
  if (found == priors_.end()) return usual_form.at(jobs);
  const auto& p = found->second;
  auto working = (p.peak_bytes.at(jobs) - p.weights_bytes) * volume_of(key) / std::max(p.volume, 1.0);
  return p.weights_bytes + working;
}

void memory_model::learn(const batch_key& key, std::size_t jobs, std::uint64_t peak_bytes) {
  if (jobs == 0 || peak_bytes == 0) return;
  auto ratio = static_cast<double>(peak_bytes) / form(key, jobs);
  keys_.touch(without_steps(key)).curve.learn(jobs, ratio);
  if (priors_.contains(key.model)) models_.touch(key.model).learn(jobs, ratio);
}

const memory_model::of_key* memory_model::find(const batch_key& key) const { return keys_.find(without_steps(key)); }

/// `own`: what find() says of the key.
std::optional<double> memory_model::expected(const batch_key& key, std::size_t jobs, const of_key* k) const {
  if (k && !k->curve.empty()) return form(key, jobs) * k->curve.at(jobs).ratio;
  if (!priors_.contains(key.model)) return {};
  const auto* m = models_.find(key.model);
  return form(key, jobs) * (m ? m->at(jobs).ratio : 1);
}

std::optional<double> memory_model::bound(const batch_key& key, std::size_t jobs, const of_key* k) const {
  auto expects = expected(key, jobs, k);
  if (!expects) return {};
  bool own = k && !k->curve.empty();
  const auto* m = models_.find(key.model);
  const learned_curve* curve = own ? &k->curve : m;
  auto e = curve ? curve->at(jobs) : learned_curve::estimate{};
  auto halved = [](double from, std::uint32_t times) {
    return std::ldexp(from, -static_cast<int>(std::min(times, 30u)));
  };
  auto margin = e.exact && own ? margin_least + halved(0.1, e.count)
                               : std::max(2 * margin_least, halved(2, curve ? curve->total() : 0));
  margin = std::min(1.0, std::max(margin, e.ratio > 0 ? 2 * e.spread / e.ratio : 0));
  return *expects * (1 + margin);
}

void memory_model::out_of_memory(const batch_key& key, std::size_t jobs, std::uint64_t device_bytes, instant now) {
  auto& k = keys_.touch(without_steps(key));
  auto forget = k.oom ? std::min(2 * k.oom->forget, forget_most) : forget_after;
  auto most = std::max<std::size_t>(1, jobs / 2);
  bool same = k.oom && k.oom->device_bytes >= device_bytes;
  k.oom = limit{same ? std::min(most, allowed(*k.oom, device_bytes, now)) : most,
                std::max(device_bytes, k.oom ? k.oom->device_bytes : 0), now, forget};
}

/// Doubles with every period that has passed.
std::size_t memory_model::allowed(const limit& l, std::uint64_t device_bytes, instant now) {
  constexpr std::size_t no_limit = 1u << 20;
  if (device_bytes > l.device_bytes) return no_limit;
  auto periods = (now - l.since) / l.forget;
  return periods > 10 ? no_limit : l.jobs << periods;
}

std::size_t memory_model::fits(const batch_key& key, std::size_t most, std::uint64_t device_bytes, instant now) const {
  if (device_bytes == 0) return most;
  const auto* k = find(key); // asked at every plan, of every key: looked up once
  if (k && k->oom) most = std::min(most, allowed(*k->oom, device_bytes, now));
  while (most > 0) {
    auto peak = bound(key, most, k);
    if (!peak || *peak <= static_cast<double>(device_bytes)) return most;
    --most;
  }
  // One is always tried, unless it is expected to need more than there is even without a margin.
  return expected(key, 1, k).value_or(0) > static_cast<double>(device_bytes) ? 0 : 1;
}

} // namespace reel
