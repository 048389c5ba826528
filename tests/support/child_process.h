// Runs part of a test in a process of its own: what kills it, its limits and its user then touch no
// other test.
#ifndef TESTS_SUPPORT_CHILD_PROCESS_H_
#define TESTS_SUPPORT_CHILD_PROCESS_H_

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

namespace g4c {

// Runs `body` in a forked child and returns its wait status. The child exits with 0 where body
// returns; it cannot use EXPECT_..., so it tells a failure by _exit(n).
template <typename Body>
int InChild(Body body) {
  const pid_t child = fork();
  if (child == 0) {
    body();
    _exit(0);
  }
  int status = 0;
  EXPECT_EQ(waitpid(child, &status, 0), child);
  return status;
}

// Gives up root's right to read and write everything. For children only.
inline void BecomeNobody() {
  if (geteuid() == 0 && setuid(65534) != 0) _exit(99);
}

}  // namespace g4c

#endif  // TESTS_SUPPORT_CHILD_PROCESS_H_
