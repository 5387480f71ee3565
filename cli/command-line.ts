// Runs a command line: finds the command, reads its options, runs it, and turns what it throws into a message and an exit code.
import { parseArgs } from 'node:util';
import { codeOf, messageOf, WeirError } from '../common/runtime/errors.ts';
import type { Command, CommandContext } from './command.ts';

/** A command, loaded only when asked for: the agent never loads what the bridge needs. */
export interface CommandEntry {
  readonly summary: string;
  readonly load: () => Promise<Command>;
}

export interface Program {
  /** As it is called: weir, weir-agent. */
  readonly name: string;
  readonly commands: Readonly<Record<string, CommandEntry>>;
}

const EXIT_MISUSED = 2;

function overview(program: Program): string {
  const lines = Object.entries(program.commands).map(([name, command]) => `  ${name.padEnd(16)}${command.summary}`);
  return [
    'Weir: from SNMP counter to bill line, nothing lost, nothing invented, everything explainable.',
    '',
    `usage: ${program.name} COMMAND [OPTIONS]      ${program.name} COMMAND --help`,
    '',
    ...lines,
    '',
    'Exit codes: 0 done, 1 failed, 2 misused.',
  ].join('\n');
}

/** SIGINT, SIGTERM or the loss of a supervising parent abort; a second signal ends the process at once. */
function abortOnSignals(): AbortSignal {
  const controller = new AbortController();
  const stop = (): void => {
    if (controller.signal.aborted) process.exit(130);
    controller.abort();
  };
  process.on('SIGINT', stop);
  process.on('SIGTERM', stop);
  if (process.connected) process.on('disconnect', () => controller.abort());
  return controller.signal;
}

function contextOf(
  values: CommandContext['options'],
  positionals: readonly string[],
  signal: AbortSignal,
): CommandContext {
  const json = values['json'] === true;
  return {
    options: values,
    positionals,
    environment: process.env,
    json,
    signal,
    print: (line) => void process.stdout.write(`${line}\n`),
    progress: (line) => {
      if (!json && process.stderr.isTTY) process.stderr.write(`${line}\n`);
    },
  };
}

function parse(
  command: Command,
  args: readonly string[],
): { values: CommandContext['options']; positionals: readonly string[] } {
  const options = { ...command.options, json: { type: 'boolean' }, help: { type: 'boolean' } } as const;
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true, strict: true });
  } catch (cause) {
    throw new WeirError('misused', messageOf(cause), { command: command.name }, cause);
  }
}

async function main(program: Program, args: readonly string[]): Promise<number> {
  const name = args[0];
  if (name === undefined || name === '--help' || name === 'help') {
    process.stdout.write(`${overview(program)}\n`);
    return name === undefined ? EXIT_MISUSED : 0;
  }
  const entry = program.commands[name];
  if (entry === undefined)
    throw new WeirError('misused', `There is no command ${name}.`, { commands: Object.keys(program.commands) });
  const command = await entry.load();
  const { values, positionals } = parse(command, args.slice(1));
  if (values['help'] === true) {
    process.stdout.write(`${program.name} ${command.name}: ${command.summary}\n\n${command.help}\n`);
    return 0;
  }
  return command.run(contextOf(values, positionals, abortOnSignals()));
}

function explain(error: unknown, json: boolean): number {
  if (json) {
    const body =
      error instanceof WeirError
        ? error.toBody()
        : { error: { code: codeOf(error), message: messageOf(error), detail: {} } };
    process.stdout.write(`${JSON.stringify(body)}\n`);
  } else if (error instanceof WeirError) {
    process.stderr.write(`weir: ${error.message}\n      ${error.remedy} [${error.code}]\n`);
  } else {
    process.stderr.write(`weir: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  }
  return error instanceof WeirError && error.code === 'misused' ? EXIT_MISUSED : 1;
}

/** Runs the command that the arguments of this process name, and sets its exit code. */
export async function runCommandLine(program: Program): Promise<void> {
  // Whoever reads our output may have read enough, as `| head` does: that is no failure.
  process.stdout.on('error', (error) => {
    if (codeOf(error) === 'EPIPE') process.exit(0);
    throw error;
  });
  const exitCode = await main(program, process.argv.slice(2)).catch((error: unknown) =>
    explain(error, process.argv.includes('--json')),
  );
  process.exitCode = exitCode;
  // Handles of a library that outlive their owner must not keep a finished command alive.
  setTimeout(() => process.exit(exitCode), 2000).unref();
}
