#include "actors/worker/media/png.hpp"

namespace reel::media {

std::vector<std::uint8_t> encode_png(const AVFrame& frame) {
  auto encoder = make_encoder("png", AV_PIX_FMT_RGB24, frame.width, frame.height);
  encoder->time_base = {1, 1};
  check(avcodec_open2(encoder.get(), nullptr, nullptr), "png");
  av_ptr<AVPacket> packet{check_made(av_packet_alloc())};
  check(avcodec_send_frame(encoder.get(), &frame), "png");
  check(avcodec_send_frame(encoder.get(), nullptr), "png");
  check(avcodec_receive_packet(encoder.get(), packet.get()), "png");
  return {packet->data, packet->data + packet->size};
}

} // namespace reel::media
