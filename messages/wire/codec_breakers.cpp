// codec_breakers.cpp: Messages about circuit breakers.
#include "messages/wire/breakers.capnp.h"
#include "messages/wire/codec_impl.hpp"

namespace reel::wire {

static void write(schema::SetBreaker::Builder b, const set_breaker& v, output& out) {
  b.setModel(name(v.model));
  b.setDevice(note(v.device, out));
  b.setOrder(static_cast<schema::BreakerOrder>(v.order));
  b.setBy(name(v.by));
}
static void read(schema::SetBreaker::Reader r, set_breaker& v, input& in) {
  v.model = in.name<model_id>(r.getModel());
  v.device = in.note(r.getDevice());
  v.order = in.known<breaker_order>(r.getOrder());
  v.by = in.name<tenant_id>(r.getBy());
}

static void write(schema::BreakerOverride::Builder b, const breaker_override& v, output& out) {
  b.setModel(name(v.model));
  b.setDevice(note(v.device, out));
  b.setOrder(static_cast<schema::BreakerOrder>(v.order));
  b.setBy(name(v.by));
  b.setSinceMs(unix_ms(v.since));
}
static void read(schema::BreakerOverride::Reader r, breaker_override& v, input& in) {
  v.model = in.name<model_id>(r.getModel());
  v.device = in.note(r.getDevice());
  v.order = in.known<breaker_order>(r.getOrder());
  v.by = in.name<tenant_id>(r.getBy());
  v.since = in.time(r.getSinceMs());
}

static void write(schema::ReadBreakers::Builder, const read_breakers&, output&) {}
static void read(schema::ReadBreakers::Reader, read_breakers&, input&) {}

static void write(schema::BreakerOverrides::Builder b, const breaker_overrides& v, output& out) {
  write_list(b.initAll(v.all.size()), v.all, out);
}
static void read(schema::BreakerOverrides::Reader r, breaker_overrides& v, input& in) {
  read_list(r.getAll(), v.all, in, breakers_max);
}

static void write(schema::DescribeBreakers::Builder, const describe_breakers&, output&) {}
static void read(schema::DescribeBreakers::Reader, describe_breakers&, input&) {}

void write(schema::BreakerStatus::Builder b, const breaker_status& v, output& out) {
  b.setModel(name(v.model));
  b.setDevice(note(v.device, out));
  b.setState(static_cast<schema::BreakerState>(v.state));
  b.setAttempts(v.attempts);
  b.setFailures(v.failures);
  b.setSlow(v.slow);
  b.setOpenings(v.openings);
  b.setProbes(v.probes);
  b.setOpensMs(v.opens_ms);
  b.setBy(name(v.by));
}
void read(schema::BreakerStatus::Reader r, breaker_status& v, input& in) {
  v.model = in.name<model_id>(r.getModel());
  v.device = in.note(r.getDevice());
  v.state = in.known<breaker_state>(r.getState());
  v.attempts = r.getAttempts();
  v.failures = r.getFailures();
  v.slow = r.getSlow();
  v.openings = r.getOpenings();
  v.probes = r.getProbes();
  v.opens_ms = r.getOpensMs();
  v.by = in.name<tenant_id>(r.getBy());
}

static void write(schema::BreakersView::Builder b, const breakers_view& v, output& out) {
  write_list(b.initAll(v.all.size()), v.all, out);
}
static void read(schema::BreakersView::Reader r, breakers_view& v, input& in) {
  read_list(r.getAll(), v.all, in, breakers_max);
}

REEL_BREAKER_MESSAGES(REEL_WIRE_CODEC)

} // namespace reel::wire
