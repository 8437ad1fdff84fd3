import { constants } from "node:os";

/** What a shell answers when it cannot run a program. */
export const CANNOT_RUN = 127;

/** Meanings of exit codes (`sysexits.h`), in the words of Exim's log. */
const MEANINGS: ReadonlyMap<number, string> = new Map([
  [64, "usage or syntax error"],
  [65, "error in input data"],
  [66, "input data missing"],
  [67, "user nonexistent"],
  [68, "host nonexistent"],
  [69, "service or program unavailable"],
  [70, "internal software error"],
  [71, "internal operating system error"],
  [72, "system file missing"],
  [73, "can't create output file"],
  [74, "input/output error"],
  [75, "temporary error"],
  [76, "protocol error"],
  [77, "permission denied"],
  [78, "configuration error"],
  [CANNOT_RUN, "unable to exec or command does not exist"],
]);

/** The C library's words for the signals that end a process. */
const SIGNALS: Readonly<Record<string, string>> = {
  SIGHUP: "Hangup",
  SIGINT: "Interrupt",
  SIGQUIT: "Quit",
  SIGILL: "Illegal instruction",
  SIGTRAP: "Trace/breakpoint trap",
  SIGABRT: "Aborted",
  SIGBUS: "Bus error",
  SIGFPE: "Floating point exception",
  SIGKILL: "Killed",
  SIGUSR1: "User defined signal 1",
  SIGSEGV: "Segmentation fault",
  SIGUSR2: "User defined signal 2",
  SIGPIPE: "Broken pipe",
  SIGALRM: "Alarm clock",
  SIGTERM: "Terminated",
  SIGSTKFLT: "Stack fault",
  SIGCHLD: "Child exited",
  SIGCONT: "Continued",
  SIGSTOP: "Stopped (signal)",
  SIGTSTP: "Stopped",
  SIGTTIN: "Stopped (tty input)",
  SIGTTOU: "Stopped (tty output)",
  SIGURG: "Urgent I/O condition",
  SIGXCPU: "CPU time limit exceeded",
  SIGXFSZ: "File size limit exceeded",
  SIGVTALRM: "Virtual timer expired",
  SIGPROF: "Profiling timer expired",
  SIGWINCH: "Window changed",
  SIGIO: "I/O possible",
  SIGPWR: "Power failure",
  SIGSYS: "Bad system call",
};

const words = new Map(
  Object.entries(constants.signals).flatMap(([name, number]) => {
    const text = SIGNALS[name];
    return text === undefined ? [] : [[number, text] as const];
  }),
);

/** `9 (Killed)` */
export const signalWords = (signal: number): string => `${signal} (${words.get(signal) ?? `Unknown signal ${signal}`})`;

/** `75 (could mean temporary error)` */
export function exitWords(code: number): string {
  const meaning = code > 128 ? `shell command ended by signal ${signalWords(code - 128)}` : MEANINGS.get(code);
  return meaning === undefined ? String(code) : `${code} (could mean ${meaning})`;
}
