// What a signal leaves behind: nothing.
#ifndef BASE_SIGNALS_H_
#define BASE_SIGNALS_H_

namespace g4c {

// From now on SIGINT, SIGTERM and SIGHUP remove all temporary files before they end the process as
// they would have, and so do SIGABRT (a failed G4C_CHECK) and SIGBUS. SIGBUS from a mapped file
// that was cut off is an error message that names it, and exit code 2. A signal that was ignored
// stays ignored. SIGXFSZ is ignored, so that a file past its limit is an error of Write(). For
// main().
void InstallSignalHandlers();

}  // namespace g4c

#endif  // BASE_SIGNALS_H_
