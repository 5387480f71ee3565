// What a command of the weir command line is: one file each, listed in weir.ts.
import type { ParseArgsConfig } from 'node:util';

export interface CommandContext {
  readonly options: Readonly<Record<string, string | boolean | (string | boolean)[] | undefined>>;
  readonly positionals: readonly string[];
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly json: boolean;
  /** Aborts on SIGINT or SIGTERM; a second signal ends the process at once. */
  readonly signal: AbortSignal;
  /** Standard output, one line. */
  print(line: string): void;
  /** Standard error, one line: progress and notes; silent where nobody watches and with --json. */
  progress(line: string): void;
}

export interface Command {
  readonly name: string;
  readonly summary: string;
  /** Text of `weir NAME --help`, options included. */
  readonly help: string;
  /** `json` and `help` are added to each. */
  readonly options: NonNullable<ParseArgsConfig['options']>;
  /** Exit code: 0 done, 1 failed; misuse is thrown as WeirError('misused', …) and becomes 2. */
  run(context: CommandContext): Promise<0 | 1>;
}
