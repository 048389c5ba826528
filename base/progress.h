// A line on stderr that shows how far long work has come.
#ifndef BASE_PROGRESS_H_
#define BASE_PROGRESS_H_

#include <chrono>
#include <cstdint>
#include <mutex>
#include <string>

namespace g4c {

// Draws "calibration  3/8 samples  1.2/s  4 s left" over itself, at most ten times a second and
// only after the work has lasted a second; the destructor wipes the line. Draws nothing when stderr
// is no terminal.
class Progress {
 public:
  // `label` and `unit` as in the line above; `total` is the number of Advance() steps, at least 1.
  Progress(std::string label, std::string unit, int64_t total);
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  ~Progress();

  // Any thread may call it.
  void Advance(int64_t steps = 1);

  // Turns all progress lines of the process off (--quiet).
  static void Disable();

  // What the line says after `seconds` of work.
  static std::string Line(const std::string& label, const std::string& unit, int64_t done,
                          int64_t total, double seconds);

 private:
  using Clock = std::chrono::steady_clock;

  const std::string label_;
  const std::string unit_;
  const int64_t total_;
  const bool visible_;
  const Clock::time_point start_;
  std::mutex mutex_;
  Clock::time_point last_drawn_;  // guarded by mutex_, as all below
  int64_t done_ = 0;
  bool drawn_ = false;
};

}  // namespace g4c

#endif  // BASE_PROGRESS_H_
