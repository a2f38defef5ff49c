// av.hpp: libav's C objects with owners, and its error numbers as exceptions. Private to this folder.
#pragma once

extern "C" {
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libavutil/opt.h>
#include <libswscale/swscale.h>
}

#include <memory>
#include <string>

namespace reel::media {

struct av_release {
  void operator()(AVCodecContext* c) const { avcodec_free_context(&c); }
  void operator()(AVFrame* f) const { av_frame_free(&f); }
  void operator()(AVPacket* p) const { av_packet_free(&p); }
  void operator()(AVFormatContext* f) const { avformat_free_context(f); }
  void operator()(SwsContext* s) const { sws_freeContext(s); }
};
template <class T> using av_ptr = std::unique_ptr<T, av_release>;

/// Throws std::bad_alloc for ENOMEM, else std::runtime_error "what: libav's text". Returns a good result as
/// it is.
int check(int result, const std::string& what);

/// Throws std::bad_alloc for null.
template <class T> T* check_made(T* made) {
  if (!made) throw std::bad_alloc{};
  return made;
}

/// A frame with its own, aligned memory.
av_ptr<AVFrame> make_frame(AVPixelFormat format, int width, int height);

/// An encoder by name, not opened yet. Throws std::runtime_error when this libav was built without it.
av_ptr<AVCodecContext> make_encoder(const char* name, AVPixelFormat format, int width, int height);

/// A converter that gives the same bytes on every processor.
av_ptr<SwsContext> make_scaler(int width, int height, int to_width, int to_height, AVPixelFormat to);

/// Fills `to` from packed RGB rows.
void scale(SwsContext* scaler, const std::uint8_t* rgb, int width, int height, AVFrame& to);

} // namespace reel::media
