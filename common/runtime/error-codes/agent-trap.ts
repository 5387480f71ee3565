// Error codes of the trap receiver.
import { entry } from './entry.ts';

export const TRAP_ERRORS = {
  trap_names_conflict: entry(
    400,
    'Two files give one notification or object different names.',
    'Correct one of the files in the folder of names that detail names.',
  ),
  trap_port_refused: entry(
    500,
    'The trap receiver may not listen where it should.',
    'Below port 1024 give the process CAP_NET_BIND_SERVICE or redirect the port (docs/operations.md, "Traps"); else check that the address is one of this host.',
  ),
  trap_thread_failed: entry(
    500,
    'The thread of the trap receiver could not be started.',
    'If an update left a part of the installation out, install it again; else report what the log says.',
  ),
} as const;
