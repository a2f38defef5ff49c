#include "runtime/link/session.hpp"

#include <algorithm>

namespace reel {

void session::connected() {
  hello_due_ = hello_pending_ = true;
  rewind();
}

errc session::take(packet p, const payload_sum& sum) {
  if (!talking()) return errc::unreachable;
  const std::size_t bytes = frame_header_bytes + sum.payload_bytes;
  if (window_.size() >= options_.window_frames || window_bytes_ + bytes > options_.window_bytes)
    return errc::queue_full;
  window_.push_back({std::move(p), sum});
  window_bytes_ += bytes;
  return errc::ok;
}

session::verdict session::receive(const frame_header& h, std::size_t bytes, instant now) {
  if (h.source == node_epoch{} || is_retired(h.source)) return verdict::refused;
  if (h.kind == frame_kind::hello) return on_hello(h, now);
  if (h.source != peer_ || h.destination != self_ || state_ == peer_state::connecting) {
    solicit(h.source, now);
    return verdict::refused;
  }
  if (!talking() || h.ack > highest_) return verdict::refused;
  detector_.heard(now);
  if (state_ == peer_state::suspect) state_ = peer_state::up;
  take_ack(h, now);
  if (is_packet(h.kind)) return on_packet(h, bytes, now);
  if (h.kind == frame_kind::nack) cursor_ = acked_ + 1;
  if (h.kind == frame_kind::nack && h.ack < acked_) ack_due_ = true; // it waits for what was given up: say so
  if (h.sequence >= expected_) miss(now);                            // the last packets before this frame were lost
  return verdict::control;
}

session::verdict session::on_hello(const frame_header& h, instant now) {
  const bool answers_us = h.destination == self_ && h.sequence == challenge();
  if (h.source != peer_ && !answers_us) { // perhaps a new life: challenge it, believe nothing
    greet(h.source, h.correlation);
    return verdict::control;
  }
  if (h.ack > (h.source == peer_ ? highest_ : 0)) return verdict::refused;
  if (h.source != peer_) adopt(h.source);
  if (!talking() && answers_us) return_up(now); // both directions work
  if (h.wants_answer) greet(h.source, h.correlation);
  if (!talking() || h.destination != self_) return verdict::control;
  detector_.heard(now);
  state_ = peer_state::up;
  hello_pending_ = false;
  take_ack(h, now);
  return verdict::control;
}

session::verdict session::on_packet(const frame_header& h, std::size_t bytes, instant now) {
  if (h.sequence < expected_) {
    ack_due_ = true;
    return verdict::duplicate;
  }
  if (h.sequence > expected_) {
    miss(now);
    return verdict::gap;
  }
  ++expected_;
  unacked_bytes_ += bytes;
  if (++unacked_frames_ >= options_.ack_frames || unacked_bytes_ >= options_.ack_bytes) ack_due_ = true;
  ack_at_ = std::min(ack_at_, now + options_.ack_after);
  return verdict::deliver;
}

bool session::is_retired(node_epoch e) const { return std::ranges::find(retired_, e) != retired_.end(); }

void session::adopt(node_epoch peer) {
  if (peer_ != node_epoch{}) retired_[retired_count_++ % retired_.size()] = peer_;
  peer_ = peer;
  state_ = peer_state::connecting;
  release(window_.size());
  acked_ = highest_ = 0;
  cursor_ = expected_ = 1;
  nacked_ = 0;
}

void session::return_up(instant now) {
  state_ = peer_state::up;
  ++life_;
  detector_.start(now);
  rounds_ = 0;
  unacked_frames_ = unacked_bytes_ = 0;
  ack_at_ = instant::max();
  ack_due_ = true; // tells the peer where our numbers go on
  nack_due_ = false;
}

/// The peer is down: what was taken will not be sent any more. Its numbers stay used, so that nothing old can
/// be mistaken for something new; `oldest` tells the peer to skip them.
void session::give_up() {
  state_ = peer_state::down;
  ++life_;
  release(window_.size());
  highest_ = acked_;
  cursor_ = acked_ + 1;
  rounds_ = 0;
}

/// A frame for another life of ours, or from one of the peer's that we have not met: offer a hello.
void session::solicit(node_epoch stranger, instant now) {
  if (now - solicited_at_ < options_.ack_after) return; // one answer to a burst
  solicited_at_ = now;
  greet(stranger, 0);
}

void session::greet(node_epoch whom, std::uint64_t answering) {
  hello_due_ = true;
  stranger_ = whom;
  answering_ = answering;
}

void session::take_ack(const frame_header& h, instant now) {
  expected_ = std::max(expected_, h.oldest);
  if (h.ack <= acked_) return;
  release(h.ack - acked_);
  cursor_ = std::max(cursor_, acked_ + 1);
  progress_at_ = now;
  rounds_ = 0;
}

void session::release(std::size_t frames) {
  for (std::size_t i = 0; i < frames; ++i) {
    const std::size_t bytes = frame_header_bytes + window_.front().sum.payload_bytes;
    window_bytes_ -= bytes;
    released_bytes_ += bytes;
    window_.pop_front();
  }
  released_frames_ += frames;
  acked_ += frames;
}

/// Something before a received frame is missing. Asks once per missing number, and again only after a while:
/// the rest of the burst is on its way and says the same.
void session::miss(instant now) {
  if (nacked_ == expected_ && now - nacked_at_ < options_.ack_after) return;
  nacked_ = expected_;
  nacked_at_ = now;
  nack_due_ = true;
}

frame_header session::control(frame_kind kind) const {
  return {.kind = kind,
          .source = self_,
          .destination = peer_,
          .sequence = cursor_ - 1,
          .ack = expected_ - 1,
          .oldest = acked_ + 1};
}

std::optional<outgoing_frame> session::next() const {
  if (hello_due_) {
    outgoing_frame f{.header = control(frame_kind::hello)};
    if (stranger_ != node_epoch{} && stranger_ != peer_)
      f.header = {.kind = frame_kind::hello, .source = self_, .destination = stranger_};
    f.header.wants_answer = f.header.destination != peer_ || state_ != peer_state::up || hello_pending_;
    f.header.sequence = answering_;
    f.header.correlation = challenge();
    return f;
  }
  if (!talking() || hello_pending_) return {};
  if (nack_due_) return outgoing_frame{.header = control(frame_kind::nack)};
  if (cursor_ <= last_taken()) {
    const waiting& w = window_[cursor_ - acked_ - 1];
    outgoing_frame f{.header = header_of(w.payload), .payload = &w.payload, .sum = w.sum};
    f.header.source = self_;
    f.header.destination = peer_;
    f.header.sequence = cursor_;
    f.header.ack = expected_ - 1;
    f.header.oldest = acked_ + 1;
    f.repeated = cursor_ <= highest_;
    return f;
  }
  if (ack_due_) return outgoing_frame{.header = control(frame_kind::ack)};
  return {};
}

void session::sent(const outgoing_frame& f, instant now) {
  if (f.header.kind == frame_kind::hello) {
    hello_due_ = false;
    stranger_ = {};
    answering_ = 0;
  }
  if (f.header.destination != peer_) return;
  ack_due_ = false; // every frame carries the acknowledgement
  ack_at_ = instant::max();
  unacked_frames_ = unacked_bytes_ = 0;
  if (f.header.kind == frame_kind::nack) nack_due_ = false;
  if (!is_packet(f.header.kind)) return;
  if (!outstanding()) progress_at_ = now;
  highest_ = std::max(highest_, cursor_++);
}

void session::tick(instant now) {
  if (now >= round_at_) on_round(now);
  if (now >= ack_at_) {
    ack_due_ = true;
    ack_at_ = instant::max();
  }
  if (outstanding() && now >= progress_at_ + options_.resend_after) {
    progress_at_ = now;
    on_stalled();
  }
}

void session::on_round(instant now) {
  round_at_ = now + options_.silence.round;
  if (talking()) {
    state_ = detector_.judge(now);
    if (state_ == peer_state::down) give_up();
  }
  if (state_ == peer_state::up && !hello_pending_)
    ack_due_ = true;
  else
    hello_due_ = true; // a hello is a heartbeat that asks back
}

void session::on_stalled() {
  if (rounds_ == options_.resend_rounds_max) {
    give_up();
    return;
  }
  ++rounds_;
  cursor_ = acked_ + 1;
}

instant session::due() const {
  const instant stalled_at = outstanding() ? progress_at_ + options_.resend_after : instant::max();
  return std::min({round_at_, ack_at_, stalled_at});
}

} // namespace reel
