#include "base/signals.h"

#include <unistd.h>

#include <csignal>
#include <cstring>

#include "base/atomic_file.h"
#include "base/mapped_file.h"

namespace g4c {
namespace {

constexpr int kInputExitCode = 2;

void Say(const char* text) {
  // Nothing could be done about a standard error that is closed.
  [[maybe_unused]] const ssize_t written = write(STDERR_FILENO, text, std::strlen(text));
}

void CleanUp(int signal, siginfo_t* info, void*) {
  RemoveTemporaries();
  const char* path = signal == SIGBUS ? PathMappedAt(info->si_addr) : nullptr;
  if (path != nullptr) {
    Say("error: ");
    Say(path);
    Say(": was cut off while it was read\n");
    _exit(kInputExitCode);
  }
  // The action is the default one again (SA_RESETHAND): it takes effect when this handler returns.
  raise(signal);
}

}  // namespace

void InstallSignalHandlers() {
  std::signal(SIGXFSZ, SIG_IGN);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGABRT, SIGBUS}) {
    struct sigaction action;
    if (sigaction(signal, nullptr, &action) != 0 || action.sa_handler == SIG_IGN) continue;
    action = {};
    action.sa_sigaction = CleanUp;
    action.sa_flags = static_cast<int>(SA_RESETHAND | SA_SIGINFO);
    sigaction(signal, &action, nullptr);
  }
}

}  // namespace g4c
